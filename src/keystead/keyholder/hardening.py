"""What a process of Keystead does to itself before it touches anything of value.

Sources: setrlimit(2), prctl(2), mlockall(2). None of it stops root on a running host. Where a platform lacks a measure,
the answer names it, and nothing fails.
"""

import ctypes
import os
import resource
import signal
import sys
from enum import Enum
from pathlib import Path
from typing import Final

SUPERVISOR: Final = "KEYSTEAD_SUPERVISOR"
"""Environment variable: the process id of the supervisor, set by it."""
IS_LINUX: Final = sys.platform.startswith("linux")

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38
MCL_CURRENT: Final = 1
MCL_FUTURE: Final = 2
CAP_IPC_LOCK: Final = 14
"""capabilities(7): not bound by RLIMIT_MEMLOCK."""


class Locked(Enum):
    """How much of the memory is kept out of swap."""

    ALL = "memory locked"
    SO_FAR = "memory locked so far; raise RLIMIT_MEMLOCK to lock all of it"
    NONE = "memory NOT locked; raise RLIMIT_MEMLOCK"
    UNKNOWN = "memory NOT locked on this platform"


class Attached(Enum):
    """Whether other processes of the same user may attach to this one, read its memory, or gain rights through it."""

    NO = "closed to debuggers"
    UNKNOWN = "NOT closed to debuggers on this platform"


def harden_memory() -> Attached:
    """No core dumps; nobody of the same user may attach or read the memory; no privileges to gain by exec.

    Raises OSError where the system has a measure and refuses it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not IS_LINUX:
        return Attached.UNKNOWN
    prctl(PR_SET_DUMPABLE, 0)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    return Attached.NO


def lock_memory() -> Locked:
    """Keep memory out of swap, as far as the limits go.

    Under a finite limit only what exists is locked: with MCL_FUTURE, reaching the limit would make allocations fail.
    """
    if not IS_LINUX:
        return Locked.UNKNOWN
    unlimited = _raise_lock_limit() == resource.RLIM_INFINITY or _has_capability(CAP_IPC_LOCK)
    if _libc().mlockall(MCL_CURRENT | (MCL_FUTURE if unlimited else 0)) != 0:
        return Locked.NONE
    return Locked.ALL if unlimited else Locked.SO_FAR


def _raise_lock_limit() -> int:
    """The limit that is in force afterwards, in bytes."""
    _, most = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, OSError):  # beyond the hard limit, without CAP_SYS_RESOURCE
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (most, most))
        return most
    return resource.RLIM_INFINITY


def _has_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return bool(int(value, 16) >> number & 1)
    return False


def die_with_parent() -> None:
    """Be sent SIGTERM when the supervisor ends, however it ends; leave at once when it has already."""
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is None or not IS_LINUX:
        return
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(supervisor):
        sys.exit("the supervisor is gone")


def prctl(option: int, argument: int) -> None:
    """Raises OSError."""
    zero = ctypes.c_ulong(0)
    if _libc().prctl(option, ctypes.c_ulong(argument), zero, zero, zero) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
