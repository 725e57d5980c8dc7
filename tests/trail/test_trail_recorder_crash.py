"""The recorder is killed at every step and under load: no receipt without a record, no two checkpoints that contradict."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from keystead.trail import log as logs
from keystead.trail import segments
from keystead.trail.client import RecorderLost, SocketRecorder
from keystead.trail.log import Log
from keystead.trail.segments import Reader
from keystead.trail.serving import Serving
from keystead.trail.signed_note import Signer
from keystead.trail.verify import Report, Verdict, verify

from .conftest import ORIGIN, SEEDS, describe

STEPS = ("pwrite", "fdatasync", "fsync", "ftruncate", "replace", "open", "write")
"""The calls of os that change the disk, or end a change."""


def kill_at(step: int, after: bool) -> None:
    """From now on this process is killed at its call number `step` of STEPS: before it, or after it."""
    left = [step]

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def run(*given: object, **named: object) -> object:
            left[0] -= 1
            if left[0] == 0 and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            done = call(*given, **named)
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        return run

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


def child(work: Callable[[int], None]) -> tuple[bytes, int]:
    """What `work` told through its descriptor before it ended, and its status."""
    heard, said = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(heard)
        work(said)
        os._exit(0)
    os.close(said)
    told = b""
    while came := os.read(heard, 65536):
        told += came
    os.close(heard)
    return told, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def life(folder: Path, step: int, *, after: bool) -> Callable[[int], None]:
    """Opens the log, appends, signs, goes over to a new segment; tells each acknowledged index."""

    def work(said: int) -> None:
        tell = os.write
        kill_at(step, after)
        signer = Signer(ORIGIN, SEEDS)
        log = Log(folder, describe, segment_size=400)
        log.checkpoint(signer.sign)
        for number in range(6):
            index = log.append([(7, 2 * number + 1, b"event"), (7, 2 * number + 2, b"event")])
            tell(said, b"%d %d " % (index, index + 1))
            if number % 2:
                log.checkpoint(signer.sign)

    return work


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_a_log_killed_at_any_step_keeps_its_promises(tmp_path, after):
    """One log lives through a kill at its first step, its second, … in every life, until one reaches its end."""
    signer = Signer(ORIGIN, SEEDS)
    folder = tmp_path / "trail"
    logs.create(folder)
    acknowledged: list[int] = []
    step, status = 0, -signal.SIGKILL

    while status == -signal.SIGKILL:
        step += 1
        told, status = child(life(folder, step, after=after))
        fresh = [int(index) for index in told.split()]
        assert not acknowledged or not fresh or fresh[0] > acknowledged[-1]  # no number twice
        acknowledged += fresh
        report = verify(folder, signer.verifiers)
        assert report.verdict is Verdict.PROVEN or report.checkpoints == 0, (step, report.findings)
        assert report.records > (acknowledged[-1] if acknowledged else -1)

    assert status == 0
    assert step > 50
    reader = Reader(folder)
    events = {record.index: record.event for record in reader.after(-1, 100_000)}
    reader.close()
    assert all(events[index] == b"event" for index in acknowledged)
    assert len(segments.firsts(folder)) > 50
    assert verify(folder, signer.verifiers).verdict is Verdict.PROVEN


class Recording:
    """A recorder process without a keyholder: the log and the loop, and a listener that outlives it, as in a node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder.parent / "recorder.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.process = 0

    def start(self, checkpoint_seconds: float = 0.02) -> None:
        self.process = os.fork()
        if self.process == 0:
            try:
                inherit_nothing_but(self.listener.fileno())
                log = Log(self.folder, describe, segment_size=20_000)
                sign = Signer(ORIGIN, SEEDS).sign
                log.checkpoint(sign)
                Serving(log, self.listener, sign, checkpoint_seconds, lambda _: None).run()
                os._exit(0)
            except BaseException as error:  # noqa: BLE001  # a forked test must not go on as a second test run
                sys.stderr.write(f"recorder: {error!r}\n")
                os._exit(1)

    def end(self, number: int) -> int:
        os.kill(self.process, number)
        status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        self.process = 0
        return status


def inherit_nothing_but(descriptor: int) -> None:
    """A recorder that held its clients' ends of the connections would never see one of them go."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  # the listing's own descriptor is among them
        if int(name) not in {0, 1, 2, descriptor}:
            with suppress(OSError):
                os.close(int(name))


@pytest.fixture
def recording(folder) -> Iterator[Recording]:
    made = Recording(folder)
    yield made
    if made.process:
        made.end(signal.SIGKILL)
    made.listener.close()


def read_all(folder: Path) -> dict[bytes, int]:
    reader = Reader(folder)
    found = {record.event: record.index for record in reader.after(-1, 10**6)}
    reader.close()
    return found


async def test_receipts_tell_where_the_records_are(recording, folder):
    recording.start()
    recorder = await SocketRecorder.connect(recording.path)

    receipts = await asyncio.gather(*(recorder.record(b"%d" % number) for number in range(1000)))

    found = read_all(folder)
    assert [found[b"%d" % number] for number in range(1000)] == [receipt.index for receipt in receipts]
    await recorder.close()


async def test_what_many_connections_send_is_recorded_once_each(recording, folder):
    recording.start()
    recorders = [await SocketRecorder.connect(recording.path) for _ in range(5)]

    await asyncio.gather(
        *(recorder.record(b"%d %d" % (who, n)) for who, recorder in enumerate(recorders) for n in range(200))
    )

    assert len(read_all(folder)) == 1000
    for recorder in recorders:
        await recorder.close()
    assert recording.end(signal.SIGTERM) == 0
    assert verify(folder, Signer(ORIGIN, SEEDS).verifiers).verdict is Verdict.PROVEN


async def test_what_was_sent_before_the_end_is_recorded_and_signed(recording, folder):
    recording.start(checkpoint_seconds=1000)
    recorder = await SocketRecorder.connect(recording.path)
    asked = [asyncio.ensure_future(recorder.record(b"%d" % number)) for number in range(300)]
    await asyncio.sleep(0)
    await asked[0]

    status = await asyncio.to_thread(recording.end, signal.SIGTERM)

    answered = await asyncio.gather(*asked, return_exceptions=True)
    report = verify(folder, Signer(ORIGIN, SEEDS).verifiers)
    assert status == 0
    assert not [answer for answer in answered if isinstance(answer, RecorderLost)]
    assert report.verdict is Verdict.PROVEN
    assert report.signed == report.records == 301  # and that it has stopped
    await recorder.close()


async def test_a_call_in_flight_when_the_recorder_dies_fails(recording, folder):
    recording.start()
    recorder = await SocketRecorder.connect(recording.path)
    os.kill(recording.process, signal.SIGSTOP)
    asked = [asyncio.ensure_future(recorder.record(b"%d" % number)) for number in range(10)]
    await asyncio.sleep(0.05)

    recording.end(signal.SIGKILL)

    answered = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answered] == [RecorderLost] * 10
    assert not recorder.healthy
    await recorder.close()


async def test_the_client_comes_back_with_the_recorder(recording, folder):
    recording.start()
    recorder = await SocketRecorder.connect(recording.path)
    await recorder.record(b"before")
    recording.end(signal.SIGKILL)
    while recorder.healthy:  # noqa: ASYNC110  # the loop has to hear of it, and tells nobody
        await asyncio.sleep(0.01)

    asked = asyncio.ensure_future(recorder.record(b"meanwhile"))
    ready = asyncio.ensure_future(recorder.ready())
    await asyncio.sleep(0.05)
    assert not ready.done()
    recording.start()

    await asked
    await ready
    assert recorder.healthy
    assert sorted(read_all(folder)) == [b"before", b"meanwhile"]
    await recorder.close()


async def test_without_a_recorder_nothing_waits_for_ever(recording, monkeypatch):
    monkeypatch.setattr("keystead.trail.client.START_SECONDS", 0.1)

    with pytest.raises(RecorderLost):
        await SocketRecorder.connect(recording.path)


async def test_another_users_recorder_is_not_spoken_to(recording, monkeypatch):
    recording.start()
    monkeypatch.setattr("keystead.trail.client.START_SECONDS", 0.3)
    monkeypatch.setattr("keystead.own_user.OWN_USER", -1)

    with pytest.raises(RecorderLost):
        await SocketRecorder.connect(recording.path)


async def test_a_recorder_that_says_nothing_counts_as_gone(recording, monkeypatch):
    monkeypatch.setattr("keystead.pipelined.SILENCE_SECONDS", 0.1)
    recording.start()
    recorder = await SocketRecorder.connect(recording.path)
    os.kill(recording.process, signal.SIGSTOP)

    with pytest.raises(RecorderLost):
        await recorder.record(b"{}")
    assert not recorder.healthy
    await recorder.close()


@pytest.mark.parametrize(
    "junk",
    [
        b"\x00\x00\x00\x00\x00\x00\x00\x01",  # an empty event
        b"\xff\xff\xff\xff\x00\x00\x00\x01",  # a longer one than there may be
        b"\x00\x00\x00\x01\x00\x00\x00\x02x",  # not the next number
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
async def test_who_does_not_speak_the_protocol_is_disconnected_and_harms_nobody(recording, folder, junk):
    recording.start()
    recorder = await SocketRecorder.connect(recording.path)
    reader, writer = await asyncio.open_unix_connection(recording.path)
    await reader.readexactly(12)

    writer.write(junk)

    assert await reader.read() == b""
    await recorder.record(b"{}")
    assert list(read_all(folder)) == [b"{}"]
    writer.close()
    await recorder.close()


async def test_a_client_that_reads_no_answers_holds_up_nobody(recording, folder):
    recording.start()
    recorder = await SocketRecorder.connect(recording.path)
    deaf = socket.socket(socket.AF_UNIX)
    deaf.connect(str(recording.path))
    deaf.setblocking(False)
    number = 0
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 0.3:
        number += 1
        try:
            deaf.send((1000).to_bytes(4, "big") + number.to_bytes(4, "big") + b"x" * 1000)
            quiet_since = time.monotonic()
        except BlockingIOError:
            number -= 1
            await asyncio.sleep(0.01)

    await recorder.record(b"{}")

    deaf.close()
    await recorder.close()


async def test_a_log_is_proven_while_it_grows(recording, folder):
    recording.start(checkpoint_seconds=0.005)
    recorder = await SocketRecorder.connect(recording.path)
    await recorder.record(b"{}")
    stop = asyncio.Event()

    async def work() -> None:
        while not stop.is_set():
            await recorder.record(b"{}")

    workers = [asyncio.create_task(work()) for _ in range(20)]
    await asyncio.sleep(0.05)
    reports: list[Report] = []
    deadline = time.monotonic() + 60
    while len(reports) < 10 or reports[-1].checkpoints == reports[0].checkpoints:
        assert time.monotonic() < deadline
        reports.append(await asyncio.to_thread(verify, folder, Signer(ORIGIN, SEEDS).verifiers))
    stop.set()
    await asyncio.gather(*workers)

    assert {report.findings for report in reports} == {()}
    assert reports[-1].records > reports[0].records
    await recorder.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_recorder_killed_again_and_again_under_load_loses_nothing_it_acknowledged(recording, folder):
    recording.start()
    acknowledged: dict[bytes, int] = {}
    lost = 0
    stop = asyncio.Event()

    async def work(who: int) -> None:
        nonlocal lost
        recorder = await SocketRecorder.connect(recording.path)
        number = 0
        while not stop.is_set():
            number += 1
            event = b"%d %d" % (who, number)
            try:
                acknowledged[event] = (await recorder.record(event)).index
            except RecorderLost:
                lost += 1
        await recorder.close()

    workers = [asyncio.create_task(work(who)) for who in range(40)]
    for _ in range(100):
        await asyncio.sleep(0.02 + 0.0005 * (lost % 60))
        recording.end(signal.SIGKILL)
        report = verify(folder, Signer(ORIGIN, SEEDS).verifiers)
        assert report.verdict is Verdict.PROVEN or report.checkpoints == 0, report.findings
        recording.start()
    await asyncio.sleep(1)
    stop.set()
    await asyncio.gather(*workers)
    recording.end(signal.SIGTERM)

    found = read_all(folder)
    report = verify(folder, Signer(ORIGIN, SEEDS).verifiers)
    assert {event: found.get(event) for event in acknowledged} == acknowledged
    assert report.verdict is Verdict.PROVEN
    assert report.checkpoints > 20
    assert lost > 100
