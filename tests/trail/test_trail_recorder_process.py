"""The recorder as the supervisor starts it: its own process, its seeds from a real keyholder."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from keystead.config import Installation, Settings
from keystead.install import install
from keystead.keyholder.seals import FileSeal
from keystead.trail import segments
from keystead.trail.client import RecorderLost, SocketRecorder
from keystead.trail.process import FAILED, REFUSED
from keystead.trail.segments import Reader
from keystead.trail.verify import Verdict, verify

pytestmark = pytest.mark.whole

ROLES = ("worker", "scheduler", "recorder")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    data = tmp_path_factory.mktemp("installed") / "data"
    umask = os.umask(0o077)  # installing sets it for the whole process
    asyncio.run(install(Settings(data=str(data)), region="us-east-1", seal=FileSeal()))
    os.umask(umask)
    return data


class Processes:
    """A keyholder and a recorder over one installation."""

    def __init__(self, data: Path, sockets: Path) -> None:
        self.data = data
        self.sockets = sockets
        self.listeners = {role: self._listen(role) for role in (*ROLES, "log")}
        self.keyholder = self._start(
            "keystead.keyholder", *(part for role in ROLES for part in (f"--{role}-fd", str(self.fd(role))))
        )
        self.recorder: subprocess.Popen[bytes] | None = None

    def record(self, origin: str | None = None) -> "subprocess.Popen[bytes]":
        origin = origin or Installation.load(self.data).origin
        options = ("--fd", str(self.fd("log")), "--keyholder-socket", str(self.sockets / "recorder"))
        self.recorder = self._start("keystead.trail", *options, "--origin", origin, "--checkpoint-seconds", "0.05")
        return self.recorder

    def fd(self, role: str) -> int:
        return self.listeners[role].fileno()

    def end(self) -> None:
        for process in (self.recorder, self.keyholder):
            if process is not None:
                process.kill()
                process.wait()
        for listener in self.listeners.values():
            listener.close()

    def _listen(self, role: str) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.sockets / role))
        listener.listen()
        return listener

    def _start(self, module: str, *options: str) -> "subprocess.Popen[bytes]":
        with (self.sockets / f"{module}.said").open("w") as said:
            return subprocess.Popen(
                [sys.executable, "-m", module, "--data", str(self.data), *options],
                pass_fds=[listener.fileno() for listener in self.listeners.values()],
                stderr=said,
            )

    def ended(self) -> tuple[int, str]:
        """The recorder's exit status, and what it said."""
        assert self.recorder is not None
        status = self.recorder.wait(30)
        return status, (self.sockets / "keystead.trail.said").read_text()


@pytest.fixture
def processes(installed, tmp_path) -> Iterator[Processes]:
    made = Processes(shutil.copytree(installed, tmp_path / "data"), tmp_path)
    yield made
    made.end()


async def test_what_it_acknowledged_is_signed_when_it_ends(processes):
    process = processes.record()
    recorder = await SocketRecorder.connect(processes.sockets / "log")
    await asyncio.gather(*(recorder.record(b"{}") for _ in range(100)))
    await recorder.close()

    process.send_signal(signal.SIGTERM)
    status, said = processes.ended()

    report = verify(processes.data / "trail")
    assert status == 0, said
    assert (report.verdict, report.records, report.signed) == (Verdict.PROVEN, 102, 102)


async def test_its_start_and_its_stop_are_on_the_record(processes):
    process = processes.record()
    await greeted(processes)
    process.send_signal(signal.SIGTERM)
    processes.ended()
    reader = Reader(processes.data / "trail")

    events = [record.event for record in reader.after(-1, 10)]

    reader.close()
    assert [b"RecorderStarted" in event or b"RecorderStopped" in event for event in events] == [True, True]
    assert Installation.load(processes.data).account.encode() in events[0]


async def test_it_signs_while_it_runs(processes):
    processes.record()
    recorder = await SocketRecorder.connect(processes.sockets / "log")
    await recorder.record(b"{}")

    deadline = time.monotonic() + 10
    while verify(processes.data / "trail").signed < 2 and time.monotonic() < deadline:  # noqa: ASYNC110  # another process signs
        await asyncio.sleep(0.05)

    report = verify(processes.data / "trail")
    await recorder.close()
    assert (report.verdict, report.signed) == (Verdict.PROVEN, 2)


def test_it_gains_no_privileges_and_dumps_no_core(processes):
    process = processes.record()
    asyncio.run(greeted(processes))

    status = Path(f"/proc/{process.pid}/status").read_text()
    limits = Path(f"/proc/{process.pid}/limits").read_text()

    assert "NoNewPrivs:\t1" in status
    assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core")] == [["0", "0"]]


async def greeted(processes: Processes) -> None:
    recorder = await SocketRecorder.connect(processes.sockets / "log")
    await recorder.close()


def refused(processes: Processes, origin: str | None = None) -> str:
    processes.record(origin)
    status, said = processes.ended()
    assert status == REFUSED, said
    return said


def test_a_log_that_was_changed_is_refused(processes):
    folder = processes.data / "trail"
    asyncio.run(one_record(processes))
    path = segments.path(folder, 0)
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    (folder / "hashes" / "0").write_bytes(b"")

    said = refused(processes)

    assert "REFUSED" in said


async def one_record(processes: Processes) -> None:
    process = processes.record()
    recorder = await SocketRecorder.connect(processes.sockets / "log")
    await recorder.record(b"{}")
    await recorder.close()
    process.send_signal(signal.SIGTERM)
    processes.ended()


def test_a_log_under_another_name_is_refused(processes):
    assert "verifier keys" in refused(processes, "keystead.invalid/other")


def test_a_log_without_its_sealed_key_is_refused(processes):
    (processes.data / "trail" / "checkpoint.key").unlink()

    assert "there is no log" in refused(processes)


def test_a_recorder_without_a_keyholder_ends_and_may_be_started_again(processes):
    processes.keyholder.kill()
    processes.keyholder.wait()

    processes.record()
    status, said = processes.ended()

    assert status == FAILED, said


async def test_when_the_segment_is_deleted_the_recorder_ends(processes):
    processes.record()
    recorder = await SocketRecorder.connect(processes.sockets / "log")
    segments.path(processes.data / "trail", 0).unlink()

    with pytest.raises(RecorderLost):
        await recorder.record(b"{}")

    status, said = processes.ended()
    await recorder.close()
    assert status == FAILED
    assert "deleted" in said
