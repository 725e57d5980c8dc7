"""The list of system calls that a started keyholder may still make; every other one fails with EPERM.

It cannot open a file or a socket, connect, start a process or a program, change permissions, trace, or map memory that is
both fresh and executable. The filter is a classic BPF program over struct seccomp_data (seccomp(2)):

    nr (4) | arch (4) | instruction pointer (8) | args (6 × 8)                         little-endian on both machines

Python imports lazily: import and exercise everything first.
"""

import ctypes
import errno
import os
import platform
import sys
from enum import Enum
from typing import Final, NamedTuple

from keystead.keyholder.hardening import PR_SET_NO_NEW_PRIVS, prctl


class Restricted(Enum):
    """Whether the list is in force."""

    YES = "system calls restricted"
    NO = "system calls NOT restricted on this platform"


class Machine(NamedTuple):
    """audit_arch: <linux/audit.h>; seccomp: the number of seccomp(2); column: in ALLOWED."""

    audit_arch: int
    seccomp: int
    column: int


MACHINES: Final = {
    "x86_64": Machine(0xC000003E, 317, 0),
    "aarch64": Machine(0xC00000B7, 277, 1),
}

# Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of the kernel.
ALLOWED: Final[dict[str, tuple[int | None, int | None]]] = {
    # requests and answers
    "recvfrom": (45, 207),
    "sendto": (44, 206),
    "epoll_wait": (232, None),
    "epoll_pwait": (281, 22),
    "epoll_ctl": (233, 21),
    "accept4": (288, 242),
    "getsockname": (51, 204),  # CPython asks it of every accepted socket
    "getsockopt": (55, 209),  # SO_PEERCRED
    "shutdown": (48, 210),
    "close": (3, 57),
    "read": (0, 63),
    "write": (1, 64),  # standard error, and the byte that a signal writes
    # randomness
    "getrandom": (318, 278),
    "getpid": (39, 172),  # OpenSSL looks whether it was forked
    # memory
    "brk": (12, 214),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "futex": (202, 98),
    # time
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "clock_nanosleep": (230, 115),
    # signals, and the end
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "sched_yield": (24, 124),
    "gettid": (186, 178),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
# Only without PROT_EXEC, which is their third argument.
ALLOWED_NOT_EXECUTABLE: Final[dict[str, tuple[int, int]]] = {
    "mmap": (9, 222),
    "mprotect": (10, 226),
}

SECCOMP_SET_MODE_FILTER: Final = 1
SECCOMP_FILTER_FLAG_TSYNC: Final = 1
"""All threads of the process, should there be any."""
PROT_EXEC: Final = 4
NUMBER_AT, ARCHITECTURE_AT, THIRD_ARGUMENT_AT = 0, 4, 32

# <linux/seccomp.h>
ALLOW: Final = 0x7FFF0000
REFUSE: Final = 0x00050000 | errno.EPERM
KILL_PROCESS: Final = 0x80000000

# <linux/bpf_common.h>: load a word, jump if equal, jump if a bit is set, return
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06


class Instruction(ctypes.Structure):
    """struct sock_filter; `yes` and `no` count the instructions to skip."""

    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32))


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(Instruction)))


def program(machine: Machine) -> list[tuple[int, int, int, int]]:
    """(code, yes, no, k) of each instruction. A call of another architecture's table ends the process."""
    made = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (EQUAL, 1, 0, machine.audit_arch),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER_AT),
    ]
    for numbers in ALLOWED.values():
        number = numbers[machine.column]
        if number is not None:
            made += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    for numbers in ALLOWED_NOT_EXECUTABLE.values():
        made += [
            (EQUAL, 0, 4, numbers[machine.column]),
            (LOAD, 0, 0, THIRD_ARGUMENT_AT),
            (ANY_BIT, 1, 0, PROT_EXEC),
            (RETURN, 0, 0, ALLOW),
            (RETURN, 0, 0, REFUSE),
        ]
    made.append((RETURN, 0, 0, REFUSE))
    return made


def restrict() -> Restricted:
    """From here on only the calls of the list, for good. Ends the process when the kernel took it and does not keep it."""
    machine = MACHINES.get(platform.machine())
    if machine is None or not sys.platform.startswith("linux") or not _load(machine):
        return Restricted.NO
    try:
        os.close(os.open("/", os.O_RDONLY | os.O_CLOEXEC))
    except PermissionError:
        return Restricted.YES
    sys.exit("the kernel took the list of system calls and does not keep to it")


def _load(machine: Machine) -> bool:
    prctl(PR_SET_NO_NEW_PRIVS, 1)  # seccomp(2) asks for it
    listed = program(machine)
    instructions = (Instruction * len(listed))(*(Instruction(*one) for one in listed))
    loaded = Program(len(listed), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    call = ctypes.c_long(machine.seccomp)
    return bool(libc.syscall(call, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(loaded)) == 0)
