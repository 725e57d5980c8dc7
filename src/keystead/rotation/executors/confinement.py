"""What a rotation function's process gives up before the function is loaded: the files of this machine, other processes, memory.

Landlock (landlock(7), Linux 5.13) leaves it the system's libraries, the interpreter, its own folder to read, and one temporary folder
to write. It opens no file of Keystead's, although it may run as the same user, and traces no other process; from Linux 6.12 on it
sends no signal outside either. The network is open: a function must reach its database.
"""

import ctypes
import os
import resource
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from keystead.keyholder.hardening import PR_SET_NO_NEW_PRIVS, prctl

CREATE_RULESET: Final = 444
ADD_RULE: Final = 445
RESTRICT_SELF: Final = 446
VERSION: Final = 1
"""LANDLOCK_CREATE_RULESET_VERSION"""
PATH_BENEATH: Final = 1
"""LANDLOCK_RULE_PATH_BENEATH"""
SCOPES: Final = 0b11
"""Abstract sockets and signals."""

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = (1 << bit for bit in range(4))
TRUNCATE: Final = 1 << 14
FILE: Final = EXECUTE | WRITE_FILE | READ_FILE
READ: Final = EXECUTE | READ_FILE | READ_DIR

RIGHTS: Final = {
    #  version   rights over files that it knows     source: linux/landlock.h
    1: (1 << 13) - 1,
    2: (1 << 14) - 1,
    3: (1 << 15) - 1,
    5: (1 << 16) - 1,
}

READABLE: Final = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64",
    "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/alternatives", "/etc/ld.so.cache",
    "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services",
    "/etc/passwd", "/etc/group", "/etc/localtime", "/etc/mime.types", "/etc/os-release",
    "/dev/urandom", "/dev/random", "/dev/zero",
)  # fmt: skip  # a list of names
"""What libraries look for. Not all of /etc: there may be somebody's passphrase in it."""


class Unconfined(Exception):
    """The system cannot do it."""


def limit(memory: int, seconds: int) -> None:
    """Bytes of address space, seconds of processor time; small numbers of files, and no core dump."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def confine(folder: Path, scratch: Path) -> None:
    """For ever, for this process and what it starts. Raises Unconfined."""
    if not sys.platform.startswith("linux"):
        raise Unconfined
    version = call(CREATE_RULESET, None, 0, VERSION)
    handled = RIGHTS[max(known for known in RIGHTS if known <= version)]
    attributes = struct.pack("QQQ", handled, 0, SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = call(CREATE_RULESET, attributes, size, 0)
    try:
        allow(ruleset, (*READABLE, sys.prefix, sys.base_prefix, folder), READ)
        allow(ruleset, ("/dev/null",), READ | WRITE_FILE)
        allow(ruleset, (scratch,), handled & ~EXECUTE)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def allow(ruleset: int, paths: Iterable[str | Path], rights: int) -> None:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:  # not on this machine
            continue
        try:
            wanted = rights if Path(path).is_dir() else rights & (FILE | TRUNCATE)
            call(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", wanted, descriptor), 0)
        finally:
            os.close(descriptor)


def call(number: int, *arguments: object) -> int:
    """A system call that the C library has no name for. Raises Unconfined."""
    answer = int(ctypes.CDLL(None, use_errno=True).syscall(number, *arguments))
    if answer < 0:
        raise Unconfined
    return answer
