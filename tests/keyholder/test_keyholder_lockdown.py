"""What a process does to itself, attacked: by another process of the same user, and from inside."""

import _thread
import ctypes
import mmap
import os
import platform
import re
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from components import missing
from keystead.keyholder import errands, hardening, system_calls
from keystead.keyholder.hardening import CAP_IPC_LOCK, Attached, Locked, harden_memory, lock_memory, prctl
from keystead.keyholder.promise import SYMMETRIC_DEFAULT
from keystead.keyholder.sealing import urandom
from keystead.keyholder.software import Software
from keystead.keyholder.system_calls import ALLOW, ALLOWED, ALLOWED_NOT_EXECUTABLE, KILL_PROCESS, MACHINES, REFUSE
from keystead.keyholder.warming import warm_up

NOBODY = 65534
ON_LINUX = sys.platform.startswith("linux")
pytestmark = pytest.mark.skipif(not ON_LINUX, reason="the measures are Linux's")
FILTERED = pytest.mark.skipif(
    platform.machine() not in MACHINES, reason=f"no list of system calls for {platform.machine()}"
)


class Result:
    """What a child of its own said before it ended, and how it ended."""

    def __init__(self, work: Callable[[], object], user: int | None = None) -> None:
        heard, said = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.close(heard)
                if user is not None and os.geteuid() == 0:
                    os.setgroups([])
                    os.setresgid(user, user, user)
                    os.setresuid(user, user, user)
                    prctl(hardening.PR_SET_DUMPABLE, 1)  # the change of user has cleared it
                os.write(said, str(work()).encode())
                status = 0
            except BaseException:  # noqa: BLE001  # a fork must not go on to be a second pytest
                os.write(said, traceback.format_exc().encode())
            finally:
                os._exit(status)
        os.close(said)
        with os.fdopen(heard) as reader:
            self.said = reader.read()
        self.status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# From outside


def test_the_keyholder_says_which_measures_hold(stopped_house):
    said = stopped_house.started()

    assert said.startswith("keyholder: ready; closed to debuggers; memory ")
    assert said.endswith("; system calls restricted\n")


def test_the_kernel_confirms_what_the_keyholder_says(stopped_house):
    said = stopped_house.started()

    process = Path(f"/proc/{stopped_house.process.pid}")
    status = dict(re.findall(r"^(\w+):\s+(\S+)", (process / "status").read_text(), re.MULTILINE))
    limits = (process / "limits").read_text()
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Threads"] == str(1 + errands.THREADS)
    assert re.search(r"Max core file size +0 +0 ", limits)
    assert ("memory locked" in said) == (int(status["VmLck"]) > 10_000)


def test_no_secret_is_in_its_arguments_or_its_environment(stopped_house):
    stopped_house.started()

    process = Path(f"/proc/{stopped_house.process.pid}")
    shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    assert next(stopped_house.data.glob("seal-*.key")).read_bytes() not in shown


def can_be_read(process_id: int) -> bool:
    try:
        os.close(os.open(f"/proc/{process_id}/mem", os.O_RDONLY))
    except PermissionError:
        return False
    return True


@pytest.mark.parametrize("hardened", [False, True])
def test_memory_is_closed_to_other_processes_of_the_same_user(hardened):
    """Root is not stopped, so that root runs this as somebody else. The unhardened process shows that the test can tell."""

    def victim_and_attacker() -> bool:
        ready, done = os.pipe(), os.pipe()
        victim = os.fork()
        if victim == 0:
            if hardened:
                harden_memory()
            os.write(ready[1], b".")
            os.close(done[1])
            os.read(done[0], 1)
            os._exit(0)
        os.read(ready[0], 1)
        try:
            return can_be_read(victim)
        finally:
            os.close(done[1])
            os.kill(victim, signal.SIGKILL)
            os.waitpid(victim, 0)

    result = Result(victim_and_attacker, user=NOBODY)

    assert (result.said, result.status) == (str(not hardened), 0)


def test_a_hardened_process_leaves_no_core():
    def limits() -> tuple[int, int]:
        harden_memory()
        return resource.getrlimit(resource.RLIMIT_CORE)

    assert Result(limits).said == "(0, 0)"


def test_a_hardened_process_says_that_it_is_closed():
    assert Result(harden_memory).said == str(Attached.NO)


@pytest.mark.parametrize(("limit", "locked"), [(0, Locked.NONE), (4 * 1024**3, Locked.SO_FAR)])
def test_memory_is_locked_as_far_as_the_limit_goes(limit, locked):
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    if hard != resource.RLIM_INFINITY and limit > hard:
        pytest.skip(f"the hard limit of locked memory is {hard} bytes here")

    def lock() -> Locked:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
        return lock_memory()

    assert Result(lock, user=NOBODY).said == str(locked)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to lock memory")
def test_the_right_to_lock_memory_counts_for_more_than_the_limit():
    assert hardening._has_capability(CAP_IPC_LOCK)
    assert Result(lock_memory).said == str(Locked.ALL)


def test_a_process_without_its_supervisor_ends_at_once(monkeypatch):
    monkeypatch.setenv(hardening.SUPERVISOR, "1")

    with pytest.raises(SystemExit, match="supervisor is gone"):
        hardening.die_with_parent()


# From inside


def attempts() -> dict[str, Callable[[], object]]:
    """What an attacker who runs code in the keyholder would try next."""
    libc = ctypes.CDLL(None, use_errno=True)
    page = mmap.mmap(-1, mmap.PAGESIZE)
    left, _ = socket.socketpair()

    def checked(answer: int) -> None:
        if answer < 0:
            raise OSError(ctypes.get_errno(), "refused")

    return {
        "open a file": lambda: os.open("/etc/hostname", os.O_RDONLY),
        "write a file": lambda: os.open("stolen", os.O_WRONLY | os.O_CREAT),
        "list a folder": lambda: list(Path("/").iterdir()),
        "rename": lambda: Path("a").rename("b"),
        "remove": lambda: Path("a").unlink(),
        "open a socket": lambda: socket.socket(socket.AF_INET),
        "connect": lambda: left.connect("socket"),
        "listen": lambda: left.listen(),  # noqa: PLW0108  # all in one form
        "hand out a descriptor": lambda: left.sendmsg([b"x"]),
        "fork": os.fork,
        "run a program": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606  # that is the attack
        "start a thread": lambda: _thread.start_new_thread(lambda: None, ()),
        "signal another process": lambda: os.kill(os.getppid(), 0),
        "change user": lambda: os.setuid(0),
        "trace": lambda: checked(libc.ptrace(0, 0, 0, 0)),
        "become dumpable": lambda: prctl(hardening.PR_SET_DUMPABLE, 1),
        "load another filter": lambda: system_calls._load(MACHINES[platform.machine()]) or denied(),
        "map memory that can be run": lambda: mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_EXEC | mmap.PROT_READ),
        "make memory run": lambda: checked(libc.mprotect(ctypes.byref(ctypes.c_char.from_buffer(page)), 1, 5)),
    }


def denied() -> None:
    raise PermissionError


@FILTERED
def test_nothing_that_an_intruder_would_want_is_allowed():
    def attack() -> list[str]:
        tried = attempts()
        warm_up()
        assert system_calls.restrict() is system_calls.Restricted.YES
        return [name for name, attempt in tried.items() if succeeds(attempt)]

    def succeeds(attempt: Callable[[], object]) -> bool:
        try:
            attempt()
        except (PermissionError, RuntimeError):  # threads: "can't start new thread"
            return False
        return True

    result = Result(attack)

    assert (result.said, result.status) == ("[]", 0)


@FILTERED
@pytest.mark.parametrize(
    "attempt", ["open a file", "list a folder", "open a socket", "map memory that can be run", "make memory run"]
)
def test_without_the_list_an_intruder_would_get_through(attempt):
    """So that the test above does not pass for want of something to attack."""

    def attack() -> str:
        attempts()[attempt]()
        return "got through"

    assert Result(attack).said == "got through"


@FILTERED
def test_every_operation_works_behind_the_list_without_having_been_used_before():
    """`warm_up` has used each once, with keys of its own; nothing may be imported afterwards."""

    def work() -> bool:
        software = Software(urandom(32))
        sealed = [software.make(purpose, 1) for purpose in ("domain", "identifier", "checkpoint")]
        warm_up()
        assert system_calls.restrict() is system_calls.Restricted.YES
        software.load(tuple(sealed))
        material = software.create_material("key", SYMMETRIC_DEFAULT)
        blob = software.encrypt(material, bytes(4096), b"context")
        software.checkpoint_seeds(software.reseal(sealed[2]))
        return software.decrypt(software.rewrap(material), blob, b"context") == bytes(4096)

    assert Result(work).said == "True"


@FILTERED
def test_much_memory_can_still_be_had_and_given_back():
    def work() -> int:
        system_calls.restrict()
        return sum(len(bytes(size)) for size in [10_000_000] * 20)

    assert Result(work).said == "200000000"


# The list itself

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def verdict(machine: system_calls.Machine, number: int, third: int = 0, audit_arch: int | None = None) -> int:
    """Runs the program as the kernel does (Documentation/networking/filter.rst)."""
    words = {0: number, 4: machine.audit_arch if audit_arch is None else audit_arch, 32: third}
    listed, place, loaded = system_calls.program(machine), 0, 0
    while True:
        code, yes, no, k = listed[place]
        place += 1
        if code == 0x20:
            loaded = words[k]
        elif code == 0x15:
            place += yes if loaded == k else no
        elif code == 0x45:
            place += yes if loaded & k else no
        else:
            assert code == 0x06
            return k


@pytest.mark.parametrize("name", MACHINES)
def test_what_is_listed_is_allowed_and_everything_else_is_refused(name):
    machine = MACHINES[name]
    listed = {numbers[machine.column] for numbers in (*ALLOWED.values(), *ALLOWED_NOT_EXECUTABLE.values())} - {None}

    allowed = {number for number in range(2048) if verdict(machine, number) == ALLOW}

    assert allowed == listed
    assert verdict(machine, 0x40000000) == REFUSE  # the x32 table of x86-64 begins here
    assert verdict(machine, 2**32 - 1) == REFUSE


@pytest.mark.parametrize("name", MACHINES)
def test_memory_is_mapped_only_if_it_cannot_be_run(name):
    machine = MACHINES[name]

    for numbers in ALLOWED_NOT_EXECUTABLE.values():
        for protection in range(8):
            allowed = verdict(machine, numbers[machine.column], protection) == ALLOW
            assert allowed == (not protection & 4)


@pytest.mark.parametrize("name", MACHINES)
def test_a_call_by_another_architecture_s_numbers_ends_the_process(name):
    for other in (0, 0x40000003, 0xC00000F3):
        assert verdict(MACHINES[name], 0, audit_arch=other) == KILL_PROCESS


@pytest.mark.parametrize("name", MACHINES)
def test_the_numbers_are_those_of_the_kernel_s_headers(name):
    if not HEADERS[name].exists():
        missing("kernel-headers", f"no {HEADERS[name]}: it is in Debian's linux-libc-dev")
    column = MACHINES[name].column
    told = dict(re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", HEADERS[name].read_text()))

    for call, numbers in (
        ALLOWED | ALLOWED_NOT_EXECUTABLE | {"seccomp": tuple(m.seccomp for m in MACHINES.values())}
    ).items():
        if numbers[column] is not None:
            assert int(told[call]) == numbers[column], call
