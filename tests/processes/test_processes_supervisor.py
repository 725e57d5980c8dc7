"""The supervisor over real children: tiny programs that write what happens to them into a file."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

BACK_WITHIN = 10.0  # seconds; the longest pause is one of them, and a busy machine takes the rest

# Runs a supervisor of the children described on its command line. `ready` comes when all have said that they live.
SUPERVISOR = """
import asyncio, json, sys
from keystead.processes import Child, StartFailed, Supervisor

told = json.loads(sys.argv[1])
children = [
    Child(one["name"], ("-c", one["program"], one["name"], told["log"]), stdin=one["stdin"].encode(),
          final={int(status): why for status, why in one["final"].items()})
    for one in told["children"]
]

async def ready():
    if told["ready"] == "never":
        raise TimeoutError
    if told["ready"] == "broken":
        raise ValueError("ready is broken")
    print("ready", flush=True)

try:
    asyncio.run(Supervisor(children, ready, stop_seconds=told["stop_seconds"], steady_seconds=told["steady"]).run())
except StartFailed as failed:
    sys.exit(failed.text)
"""

# What every child does first: says that it lives, and dies with the supervisor.
LIVE = """
import os, signal, sys, time
from keystead.keyholder.hardening import die_with_parent
die_with_parent()
name, log = sys.argv[1:]
def say(what):
    with open(log, "a") as file:
        file.write(f"{name}|{what}|{os.getpid()}|{time.monotonic()}\\n")
"""
OBEDIENT = (
    LIVE
    + """
def stop(*_):
    say("stopped")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
say("lives")
while True:
    signal.pause()
"""
)
DEAF = (
    LIVE
    + """
signal.signal(signal.SIGTERM, lambda *_: say("ignored"))
say("lives")
while True:
    signal.pause()
"""
)
SLOW_TO_STOP = (
    LIVE
    + """
def stop(*_):
    say("stopping")
    time.sleep(0.5)
    say("stopped")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
say("lives")
while True:
    signal.pause()
"""
)
SHORT_LIVED = (
    LIVE
    + """
say("lives")
"""
)
HOPELESS = (
    LIVE
    + """
say("lives")
sys.exit(3)
"""
)
CURIOUS = (
    LIVE
    + """
say(repr(sys.stdin.read()))
say(repr(sorted(name for name in os.environ if name.startswith("KEYSTEAD_"))))
say("first path " + sys.path[0])
say(repr(os.getsid(0) == os.getpid()))
say("lives")
signal.pause()
"""
)


class Supervised:
    """A running supervisor, and what its children have written."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.log.touch()
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None

    def start(
        self,
        *children: tuple[str, str],
        final: Any = None,
        stdin: str = "",
        ready: str = "",
        stop: float = 10,
        steady: float = 0.3,
    ) -> None:
        told = {
            "log": str(self.log),
            "ready": ready,
            "stop_seconds": stop,
            "steady": steady,
            "children": [
                {"name": name, "program": program, "final": final or {}, "stdin": stdin} for name, program in children
            ],
        }
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", SUPERVISOR, json.dumps(told)],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def said(self, what: str, name: str | None = None) -> list[tuple[str, int, float]]:
        """(name, process id, when) of every time it was said."""
        lines = [line.split("|") for line in self.log.read_text().splitlines()]
        return [
            (who, int(number), float(when)) for who, told, number, when in lines if told == what and name in {None, who}
        ]

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.01)

    def lives(self, name: str, times: int = 1) -> int:
        """Waits for that many lives; the process id of the last."""
        self.wait_for(lambda: len(self.said("lives", name)) >= times)
        return self.said("lives", name)[times - 1][1]

    def children(self) -> list[int]:
        """Process ids of all that were started and still live, whether they have said so or not."""
        found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [number for number in found if str(self.log) in arguments(number)[2:]]

    def ended(self) -> tuple[int, str]:
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out + err


def arguments(number: int) -> list[str]:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


@pytest.fixture
def supervised(tmp_path) -> Iterator[Supervised]:
    made = Supervised(tmp_path)
    yield made
    with made.process as process:
        process.kill()
    made.wait_for(lambda: not made.children())


def alive(number: int) -> bool:
    """Zombies are not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def exists(number: int) -> bool:
    """Zombies do."""
    return Path(f"/proc/{number}").exists()


# Living


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_what_dies_lives_again_at_once(supervised, number):
    supervised.start(("worker", OBEDIENT), ("other", OBEDIENT))
    first = supervised.lives("worker")
    other = supervised.lives("other")
    time.sleep(0.4)  # until it counts as steady
    died = time.monotonic()

    os.kill(first, number)
    second = supervised.lives("worker", 2)

    assert second != first
    assert supervised.said("lives", "worker")[1][2] - died < BACK_WITHIN
    assert [number for _, number, _ in supervised.said("lives", "other")] == [other]
    assert not exists(first)


@pytest.mark.slow
def test_what_is_killed_again_and_again_is_always_back_in_time(supervised):
    supervised.start(("worker", OBEDIENT))

    for times in range(1, 8):
        victim = supervised.lives("worker", times)
        died = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        supervised.lives("worker", times + 1)

        assert supervised.said("lives", "worker")[times][2] - died < BACK_WITHIN


@pytest.mark.slow
def test_what_cannot_live_is_tried_again_at_growing_intervals(supervised):
    supervised.start(("worker", SHORT_LIVED), steady=60)

    supervised.lives("worker", 6)

    times = [when for _, _, when in supervised.said("lives")]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[-1] >= 1.0 > pauses[0]
    assert sum(pauses[3:5]) >= 2.0


def test_a_status_that_says_it_is_hopeless_ends_everything_with_its_reason(supervised):
    supervised.start(("other", OBEDIENT), ("keyholder", HOPELESS), final={3: "The seal could not be opened."})

    status, said = supervised.ended()

    assert status == 1
    assert said.endswith("The seal could not be opened.\n")
    assert len(supervised.said("lives", "keyholder")) == 1


def test_the_same_status_of_a_child_that_did_not_name_it_is_a_death_like_any_other(supervised):
    supervised.start(("worker", HOPELESS))

    supervised.lives("worker", 3)

    assert supervised.process.poll() is None


def test_a_child_gets_its_input_and_none_of_the_settings_in_the_environment(supervised, monkeypatch):
    monkeypatch.setenv("KEYSTEAD_DATABASE", "postgresql://user:secret@host/")
    monkeypatch.setenv("KEYSTEAD_PASSPHRASE_FILE", "/x")

    supervised.start(("worker", CURIOUS), stdin="what it is told")
    supervised.lives("worker")

    assert supervised.said("'what it is told'")
    assert supervised.said("['KEYSTEAD_SUPERVISOR']")


def test_a_child_does_not_import_from_the_folder_that_the_supervisor_was_started_in(supervised):
    (supervised.folder / "signal.py").write_text("raise SystemExit('imported')")

    supervised.start(("worker", CURIOUS))

    supervised.lives("worker")
    assert not supervised.said("first path ")
    assert not supervised.said(f"first path {supervised.folder}")


def test_a_child_does_not_hear_the_terminal_s_interrupt(supervised):
    supervised.start(("worker", CURIOUS))

    supervised.lives("worker")

    assert supervised.said("True")  # it leads a session of its own


# Stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_kinds_stop_one_after_the_other_in_reverse_and_leave_no_process(supervised, number):
    names = ("keyholder", "recorder", "worker 1", "worker 2")
    supervised.start(*((name, SLOW_TO_STOP) for name in names))
    children = [supervised.lives(name) for name in names]

    supervised.process.send_signal(number)
    status, _ = supervised.ended()

    stopping = {who: when for who, _, when in supervised.said("stopping")}
    stopped = {who: when for who, _, when in supervised.said("stopped")}
    assert status == 0
    assert set(stopped) == set(names)
    assert stopping["keyholder"] > stopped["recorder"]
    assert stopping["recorder"] > max(stopped["worker 1"], stopped["worker 2"])
    workers = ("worker 1", "worker 2")
    assert max(stopping[name] for name in workers) < min(stopped[name] for name in workers)  # together
    assert not any(exists(child) for child in children)


def test_a_second_signal_changes_nothing(supervised):
    supervised.start(("keyholder", SLOW_TO_STOP), ("worker", SLOW_TO_STOP))
    supervised.lives("keyholder"), supervised.lives("worker")

    for _ in range(5):
        supervised.process.terminate()
        time.sleep(0.05)
    status, _ = supervised.ended()

    assert status == 0
    assert [who for who, _, _ in supervised.said("stopped")] == ["worker", "keyholder"]
    assert len(supervised.said("stopping")) == 2


def test_what_ignores_sigterm_is_killed_and_leaves_no_zombie(supervised):
    supervised.start(("keyholder", OBEDIENT), ("worker", DEAF), stop=0.5)
    children = [supervised.lives("keyholder"), supervised.lives("worker")]
    begun = time.monotonic()

    supervised.process.terminate()
    status, said = supervised.ended()

    assert status == 0
    assert time.monotonic() - begun < 3
    assert supervised.said("ignored", "worker")
    assert supervised.said("stopped", "keyholder")
    assert "did not stop" in said
    assert not any(exists(child) for child in children)


@pytest.mark.slow
def test_stopping_does_not_wait_for_what_is_between_two_lives(supervised):
    supervised.start(("keyholder", OBEDIENT), ("worker", SHORT_LIVED), steady=60)
    supervised.lives("worker", 5)  # it now pauses for a second between them
    begun = time.monotonic()

    supervised.process.terminate()
    status, _ = supervised.ended()
    count = len(supervised.said("lives", "worker"))

    assert status == 0
    assert time.monotonic() - begun < 5
    time.sleep(1.2)
    assert len(supervised.said("lives", "worker")) == count


def test_stopping_right_after_starting_leaves_no_process(supervised):
    supervised.start(*((f"worker {number}", OBEDIENT) for number in range(4)))
    supervised.process.stdout.readline()  # ready is said before any of them can live

    supervised.process.terminate()
    status, _ = supervised.ended()

    assert status == 0
    assert not supervised.children()


def test_children_go_with_a_supervisor_that_was_killed(supervised):
    supervised.start(("keyholder", OBEDIENT), ("worker", OBEDIENT))
    children = [supervised.lives("keyholder"), supervised.lives("worker")]

    supervised.process.kill()

    supervised.wait_for(lambda: not any(alive(child) for child in children))
    assert len(supervised.said("stopped")) == 2


# Failing to start


def test_what_never_becomes_ready_is_stopped_and_said(supervised):
    supervised.start(("worker", OBEDIENT), ready="never")

    status, said = supervised.ended()

    assert status == 1
    assert "Not every process became ready in time" in said


def test_an_error_while_waiting_is_not_swallowed(supervised):
    supervised.start(("worker", OBEDIENT), ready="broken")

    status, said = supervised.ended()

    assert status == 1
    assert "ready is broken" in said
