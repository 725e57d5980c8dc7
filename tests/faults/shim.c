/* Breaks chosen writes of a process, and its clock: LD_PRELOAD this, and name in FAULT_FILE a file of one line:
 *
 *     CALL MODE SKIP PATH        CALL is write or sync; MODE is fail, short or full; PATH is a part of the file's path
 *
 * While that file exists, the calls on such paths after the first SKIP of them fail: with EIO (fail), with ENOSPC (full), or after
 * having written half of what was asked and said so by EIO (short: a torn write). A test makes and removes the file at any time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long seen;

static int is_chosen(const char *call, int descriptor, char *mode)
{
    char line[512], wanted[16], part[256], link[64], path[512];
    long skip;
    const char *file = getenv("FAULT_FILE");
    if (!file)
        return 0;
    int plan = open(file, O_RDONLY | O_CLOEXEC);
    if (plan < 0)
        return 0;
    ssize_t length = read(plan, line, sizeof line - 1);
    close(plan);
    if (length <= 0)
        return 0;
    line[length] = 0;
    if (sscanf(line, "%15s %7s %ld %255s", wanted, mode, &skip, part) != 4 || strcmp(wanted, call))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return strstr(path, part) && __sync_add_and_fetch(&seen, 1) > skip;
}

static int fail(const char *mode)
{
    errno = strcmp(mode, "full") ? EIO : ENOSPC;
    return -1;
}

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

ssize_t write(int descriptor, const void *data, size_t length)
{
    char mode[8];
    REAL(write);
    if (!is_chosen("write", descriptor, mode))
        return real(descriptor, data, length);
    if (!strcmp(mode, "short"))
        (void)!real(descriptor, data, length / 2);
    return fail(mode);
}

ssize_t pwrite(int descriptor, const void *data, size_t length, off_t offset)
{
    char mode[8];
    REAL(pwrite);
    if (!is_chosen("write", descriptor, mode))
        return real(descriptor, data, length, offset);
    if (!strcmp(mode, "short"))
        (void)!real(descriptor, data, length / 2, offset);
    return fail(mode);
}

ssize_t pwrite64(int descriptor, const void *data, size_t length, off64_t offset)
{
    return pwrite(descriptor, data, length, (off_t)offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    char mode[8];
    REAL(writev);
    if (!is_chosen("write", descriptor, mode))
        return real(descriptor, parts, count);
    if (!strcmp(mode, "short"))
        (void)!real(descriptor, parts, (count + 1) / 2);
    return fail(mode);
}

int fsync(int descriptor)
{
    char mode[8];
    REAL(fsync);
    return is_chosen("sync", descriptor, mode) ? fail(mode) : real(descriptor);
}

int fdatasync(int descriptor)
{
    char mode[8];
    REAL(fdatasync);
    return is_chosen("sync", descriptor, mode) ? fail(mode) : real(descriptor);
}

/* Seconds to add to the wall clock lie in the file that FAULT_CLOCK names; other clocks go on as they do. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    char text[32];
    REAL(clock_gettime);
    int done = real(clock, now);
    const char *file = getenv("FAULT_CLOCK");
    if (done || clock != CLOCK_REALTIME || !file)
        return done;
    int descriptor = open(file, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return done;
    ssize_t length = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    if (length > 0) {
        text[length] = 0;
        now->tv_sec += atol(text);
    }
    return done;
}
