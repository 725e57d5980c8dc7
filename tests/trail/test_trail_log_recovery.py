"""A log is opened again after anything: nothing acknowledged is lost, no number used twice, nothing signed contradicted."""

import json
import os
from hashlib import sha256

import pytest

from keystead.trail import segments, state
from keystead.trail.errors import LogDamaged, LogInUse, LogMissing
from keystead.trail.log import Log
from keystead.trail.mark import Mark
from keystead.trail.segments import Reader

from .conftest import describe


def events(folder) -> list[bytes]:
    reader = Reader(folder)
    try:
        return [record.event for record in reader.after(-1, 10_000)]
    finally:
        reader.close()


def grown(folder, arrivals, signer, **options) -> Log:
    """Six records, four of them signed."""
    log = Log(folder, describe, **options)
    log.append(arrivals(2))
    log.checkpoint(signer.sign)
    log.append(arrivals(2, 2))
    log.checkpoint(signer.sign)
    log.append(arrivals(2, 4))
    return log


@pytest.fixture
def left(folder, arrivals, signer):
    """The folder of a log whose process is gone."""
    log = grown(folder, arrivals, signer)
    log.close()
    return folder


def set_mark(folder, count: int) -> None:
    mark = Mark.open(folder)
    mark.set(count)
    mark.close()


def test_a_log_goes_on_with_its_tree_and_its_numbers(left, open_log, arrivals, tmp_path, signer):
    log = open_log(left)

    assert log.size == 6
    assert log.append(arrivals(1, 6)) == 6
    assert events(left) == [event for _, _, event in arrivals(7)]


def test_the_root_does_not_depend_on_when_the_log_was_opened(folder, arrivals, signer):
    log = grown(folder, arrivals, signer)
    before = log.root
    log.close()

    again = Log(folder, describe)

    assert again.root == before
    again.close()


@pytest.mark.parametrize("kept", range(80))
def test_a_torn_tail_is_cut_kept_aside_and_recorded(left, open_log, kept):
    path = segments.path(left, 0)
    whole = path.read_bytes()
    last = len(whole) - 80  # 72 bytes and an event of 8
    torn = whole[last : last + kept]
    path.write_bytes(whole[:last] + torn)
    set_mark(left, 5)

    log = open_log(left)

    if kept == 0:
        assert log.size == 5
        return
    told = json.loads(events(left)[5])
    assert log.size == 6
    assert told["eventName"] == "LogTailCut"
    assert told["details"] == {"index": 5, "bytes": kept, "sha256": sha256(torn).hexdigest()}
    assert [file.read_bytes() for file in (left / "cuts").iterdir()] == [torn]


def test_a_torn_tail_may_be_anything(left, open_log, arrivals):
    with segments.path(left, 0).open("ab") as file:
        file.write(b"\x00" * 5000)

    log = open_log(left)

    assert log.append(arrivals(1, 6)) == 7
    assert json.loads(events(left)[6])["eventName"] == "LogTailCut"


@pytest.mark.parametrize("missing", [1, 79, 80, 81, 160, 161, 400])
def test_a_log_without_an_acknowledged_record_is_not_opened(left, open_log, missing):
    path = segments.path(left, 0)
    os.truncate(path, path.stat().st_size - missing)

    with pytest.raises(LogDamaged):
        open_log(left)


def test_whole_records_that_nobody_was_told_of_are_kept_and_written_again(left, open_log, monkeypatch):
    written = []
    pwrite = os.pwrite
    set_mark(left, 4)
    monkeypatch.setattr(os, "pwrite", lambda *given: written.append(given[1:]) or pwrite(*given))

    log = open_log(left)

    whole = segments.path(left, 0).read_bytes()
    assert log.size == 6
    assert (whole[-160:], len(whole) - 160) in written
    assert Reader(left).durable() == 6


@pytest.mark.parametrize("level", ["0", "1"])
@pytest.mark.parametrize("harm", ["delete", "empty", "change"])
def test_lost_hashes_are_computed_again(left, open_log, arrivals, level, harm):
    path = left / "hashes" / level
    before = path.read_bytes()
    if harm == "delete":
        path.unlink()
    elif harm == "empty":
        os.truncate(path, 0)
    else:
        path.write_bytes(bytes(len(before)))

    open_log(left)

    assert path.read_bytes() == before


def test_a_log_that_is_not_the_one_that_was_signed_is_not_opened(left, open_log, tmp_path, arrivals):
    other = tmp_path / "other"
    from keystead.trail import log as logs

    logs.create(other)
    log = Log(other, describe)
    log.append(arrivals(6))
    log.close()
    segments.path(left, 0).write_bytes(segments.path(other, 0).read_bytes())
    (left / "hashes" / "0").write_bytes((other / "hashes" / "0").read_bytes())

    with pytest.raises(LogDamaged):
        open_log(left)


def test_a_log_without_its_state_is_not_opened(left, open_log):
    (left / "state").unlink()

    with pytest.raises(LogMissing):
        open_log(left)


def test_a_log_without_its_newest_checkpoints_is_not_opened(left, open_log):
    os.truncate(left / "checkpoints", 100)

    with pytest.raises(LogDamaged):
        open_log(left)


def test_a_checkpoint_that_was_not_announced_is_not_accepted(left, open_log, signer):
    with (left / "checkpoints").open("ab") as file:
        file.write(signer.sign(6, bytes(32)) + b"\n")

    with pytest.raises(LogDamaged):
        open_log(left)


def test_a_torn_checkpoint_is_cut_and_the_same_tree_signed_again(left, open_log, signer):
    notes = (left / "checkpoints").read_bytes()
    begin = state.load(left).checkpoints
    os.truncate(left / "checkpoints", begin + 100)
    log = open_log(left)
    assert (left / "checkpoints").stat().st_size == begin

    log.checkpoint(signer.sign)

    kept = (left / "checkpoints").read_bytes()
    assert kept[:begin] == notes[:begin]
    assert kept[begin:].startswith(b"keystead.invalid/test\n6\n")


def test_a_tree_is_signed_once(left, open_log, signer):
    log = open_log(left)
    log.checkpoint(signer.sign)
    before = (left / "checkpoints").read_bytes()

    log.checkpoint(signer.sign)

    assert (left / "checkpoints").read_bytes() == before


def test_two_processes_do_not_append_to_one_log(folder, open_log):
    open_log(folder)

    with pytest.raises(LogInUse):
        open_log(folder)


def test_an_empty_log_opens(folder, open_log, arrivals):
    assert open_log(folder).append(arrivals(1)) == 0


def test_a_folder_without_a_log_is_refused(tmp_path, open_log):
    with pytest.raises(LogMissing):
        open_log(tmp_path / "nothing")


@pytest.mark.parametrize("signed", [False, True])
def test_a_log_of_many_segments_opens(folder, open_log, arrivals, signer, signed):
    log = Log(folder, describe, segment_size=300)
    for number in range(1500):
        log.append(arrivals(1, number))
    if signed:
        log.checkpoint(signer.sign)
    root = log.root
    log.close()

    again = open_log(folder, segment_size=300)

    assert (again.size, again.root) == (1500, root)


def test_a_segment_that_breaks_off_before_the_next_is_refused(folder, open_log, arrivals, signer):
    log = Log(folder, describe, segment_size=300)
    for number in range(20):
        log.append(arrivals(1, number))
    log.close()
    set_mark(folder, 0)
    path = segments.path(folder, segments.firsts(folder)[2])
    os.truncate(path, path.stat().st_size - 1)

    with pytest.raises(LogDamaged):
        open_log(folder, segment_size=300)


def test_a_clock_that_steps_back_is_on_the_record(folder, open_log, arrivals, monkeypatch):
    import time

    log = open_log(folder)
    log.append(arrivals(1))
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() - 3_600_000_000_000)

    log.append(arrivals(1, 1))

    told = json.loads(events(folder)[1])
    assert told["eventName"] == "ClockStepped"
    assert told["details"]["step"] == pytest.approx(-3600, abs=5)
    assert events(folder)[2] == arrivals(1, 1)[0][2]


def test_a_clock_that_stood_back_while_the_log_was_closed_is_on_the_record(left, open_log, arrivals, monkeypatch):
    import time

    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() - 3_600_000_000_000)

    open_log(left).append(arrivals(1, 6))

    assert json.loads(events(left)[6])["eventName"] == "ClockStepped"
