"""When the disk fails, nothing is acknowledged any more; and what was acknowledged is there."""

import errno
import os
import resource
import signal
from contextlib import suppress

import pytest

from keystead.trail import segments
from keystead.trail.client import LocalRecorder, RecorderLost
from keystead.trail.errors import LogBroken, RecordRefused
from keystead.trail.log import Log
from keystead.trail.reserve import Reserve
from keystead.trail.segments import Reader
from keystead.trail.verify import Verdict, verify

from .conftest import describe


class Failing:
    """fdatasync that fails once, after so many times, and would then succeed."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, descriptor: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError(errno.EIO, "Input/output error")
        os.fdatasync(descriptor)


def test_a_failed_fdatasync_is_never_called_good(folder, open_log, arrivals):
    log = open_log(folder, sync=Failing(3))  # the first is that of opening
    log.append(arrivals(1))

    with pytest.raises(LogBroken):
        log.append(arrivals(1, 1))
    with pytest.raises(LogBroken):
        log.append(arrivals(1, 1))

    assert Reader(folder).durable() == 1


def test_a_broken_log_signs_nothing(folder, open_log, arrivals, signer):
    log = open_log(folder, sync=Failing(2))
    with pytest.raises(LogBroken):
        log.append(arrivals(1))

    with pytest.raises(LogBroken):
        log.checkpoint(signer.sign)


@pytest.mark.parametrize("harm", ["deleted", "replaced", "grown", "cut"])
def test_a_segment_changed_under_our_feet_is_noticed(folder, open_log, arrivals, harm):
    log = open_log(folder)
    log.append(arrivals(2))
    path = segments.path(folder, 0)
    content = path.read_bytes()
    if harm in {"deleted", "replaced"}:
        path.unlink()
    if harm == "replaced":
        path.write_bytes(content)
    if harm == "grown":
        path.write_bytes(content + b"x")
    if harm == "cut":
        os.truncate(path, len(content) - 1)

    with pytest.raises(LogBroken):
        log.append(arrivals(1, 2))


def test_a_segment_deleted_during_the_write_acknowledges_nothing(folder, open_log, arrivals):
    path = segments.path(folder, 0)
    log_is_open = False
    log = open_log(folder, sync=lambda _: path.unlink() if log_is_open else None)
    log_is_open = True

    with pytest.raises(LogBroken):
        log.append(arrivals(1))

    assert Reader(folder).durable() == 0


def limited(size: int, folder, arrivals) -> int:
    """In a process of its own that may not write files beyond `size`: how many records were acknowledged."""
    process = os.fork()
    if process == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        acknowledged = 0
        log = Log(folder, describe)
        try:
            while acknowledged < 200:
                log.append(arrivals(1, acknowledged))
                acknowledged += 1
        except LogBroken:
            os._exit(acknowledged)
        os._exit(255)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@pytest.mark.parametrize("size", [1000, 1001, 1040, 1079, 4096])
def test_a_write_that_falls_short_is_taken_back_and_refused(folder, open_log, arrivals, size):
    acknowledged = limited(size, folder, arrivals)

    log = open_log(folder)

    assert 0 < acknowledged < 200
    assert log.size == acknowledged  # no cut to record: the process itself took back what it could not finish
    assert not (folder / "cuts").exists()


class Disk:
    """A disk on which there is only room for so much, and for the reserve once it is gone."""

    def __init__(self, folder, room: int, monkeypatch) -> None:
        self.reserve = folder / "reserve"
        self.room = room
        self.pwrite = os.pwrite
        monkeypatch.setattr(os, "pwrite", self.write)

    def write(self, descriptor: int, data: bytes, place: int) -> int:
        room = self.room + (0 if self.reserve.exists() else 10_000)
        written = data[: max(0, room)]
        self.room -= len(written)
        if data and not written:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.pwrite(descriptor, written, place)


def test_the_reserve_is_released_when_the_disk_is_full(folder, open_log, arrivals, monkeypatch):
    said: list[str] = []
    log = open_log(folder, reserve=Reserve(folder, 10_000), say=said.append)
    Disk(folder, 500, monkeypatch)

    for number in range(20):
        log.append(arrivals(1, number))

    reader = Reader(folder)
    events = [record.event for record in reader.after(-1, 100)]
    reader.close()
    assert not (folder / "reserve").exists()
    assert sum(b"DiskReserveReleased" in event for event in events) == 1
    assert [event for event in events if b"eventName" not in event] == [event for _, _, event in arrivals(20)]
    assert any("FULL" in text for text in said)


def test_when_the_reserve_is_used_up_records_are_refused(folder, open_log, arrivals, monkeypatch):
    log = open_log(folder, reserve=Reserve(folder, 10_000))
    Disk(folder, 500, monkeypatch)

    acknowledged = 0
    with suppress(LogBroken):
        while acknowledged < 1000:
            log.append(arrivals(1, acknowledged))
            acknowledged += 1

    assert 50 < acknowledged < 200
    with pytest.raises(LogBroken):
        log.append(arrivals(1))
    assert Reader(folder).durable() >= acknowledged


def test_a_reserve_is_not_kept_where_there_is_no_room(folder):
    room = os.statvfs(folder)

    kept = Reserve(folder, room.f_bavail * room.f_frsize // 2).keep()

    assert not kept
    assert not (folder / "reserve").exists()


# the local recorder


async def test_the_local_recorder_acknowledges_what_is_durable(folder):
    recorder = LocalRecorder(folder)

    receipt = await recorder.record(b"{}")

    assert receipt.index == 0
    assert Reader(folder).durable() == 1
    await recorder.close()


async def test_records_that_come_together_are_one_group_and_keep_their_order(folder):
    import asyncio

    recorder = LocalRecorder(folder)

    receipts = await asyncio.gather(*(recorder.record(b'{"n":%d}' % number) for number in range(500)))

    reader = Reader(folder)
    for record in reader.after(-1, 1000):
        assert receipts[record.index].index == record.index
        assert record.event == b'{"n":%d}' % record.index
    reader.close()
    await recorder.close()


async def test_the_local_recorder_makes_a_log_where_there_is_none(tmp_path):
    recorder = LocalRecorder(tmp_path / "trail")

    assert (await recorder.record(b"{}")).index == 0
    await recorder.close()


async def test_a_local_recorder_whose_log_fails_is_not_healthy(folder):
    recorder = LocalRecorder(folder)
    await recorder.record(b"{}")
    segments.path(folder, 0).unlink()

    with pytest.raises(RecorderLost):
        await recorder.record(b"{}")
    assert not recorder.healthy
    with pytest.raises(RecorderLost):
        await recorder.record(b"{}")
    await recorder.close()


@pytest.mark.parametrize("event", [b"", b"x" * (1024 * 1024 + 1)])
async def test_an_event_out_of_size_is_refused(folder, event):
    recorder = LocalRecorder(folder)

    with pytest.raises(RecordRefused):
        await recorder.record(event)
    assert recorder.healthy
    await recorder.close()


async def test_a_closed_local_recorder_has_signed_what_it_recorded(folder, signer):
    recorder = LocalRecorder(folder, signer.sign)
    await recorder.record(b"{}")

    await recorder.close()

    report = verify(folder, signer.verifiers)
    assert (report.verdict, report.signed) == (Verdict.PROVEN, 1)
    with pytest.raises(RecorderLost):
        await recorder.record(b"{}")
