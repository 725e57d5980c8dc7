"""Readers in other processes see what is durable, all of it, and nothing else."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.trail import records, segments
from keystead.trail.errors import LogDamaged
from keystead.trail.mark import Mark
from keystead.trail.records import Stamp
from keystead.trail.segments import Reader

STAMPS = st.builds(
    Stamp,
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
)


@given(STAMPS, st.binary(min_size=32, max_size=32), st.binary(min_size=1, max_size=300))
def test_a_record_comes_back_as_it_was(stamp, salt, event):
    encoded = records.encode(stamp, salt + event)

    stored = records.parse(encoded, stamp.index, 5)

    assert stored is not None
    assert (stored.stamp, stored.event, stored.end) == (stamp, event, 5)


@given(STAMPS, st.binary(min_size=1, max_size=100), st.data())
def test_a_record_with_one_byte_changed_is_not_whole(stamp, event, data):
    encoded = bytearray(records.encode(stamp, bytes(32) + event))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))

    assert records.parse(bytes(encoded), stamp.index, 0) is None


def test_a_log_that_is_not_there_has_no_records(tmp_path):
    reader = Reader(tmp_path / "trail")

    assert reader.durable() == 0
    assert reader.after(-1, 10) == []


def test_records_are_read_in_order_with_their_numbers(folder, open_log, arrivals):
    log = open_log(folder)
    log.append(arrivals(3))
    log.append(arrivals(2, 3))
    reader = Reader(folder)

    found = reader.after(-1, 100)

    assert [record.index for record in found] == [0, 1, 2, 3, 4]
    assert [record.event for record in found] == [event for _, _, event in arrivals(5)]
    reader.close()


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_reading_goes_on_where_it_stopped_over_many_segments(folder, open_log, arrivals, limit):
    log = open_log(folder, segment_size=300)
    for number in range(20):
        log.append(arrivals(1, number))
    reader = Reader(folder)

    indexes = []
    while found := reader.after(indexes[-1] if indexes else -1, limit):
        indexes += [record.index for record in found]

    assert len(segments.firsts(folder)) == 5
    assert indexes == list(range(20))
    reader.close()


@pytest.mark.parametrize("begin", range(-1, 20))
def test_reading_begins_anywhere(folder, open_log, arrivals, begin):
    log = open_log(folder, segment_size=300)
    for number in range(20):
        log.append(arrivals(1, number))
    reader = Reader(folder)

    found = reader.after(begin, 2)

    assert [record.index for record in found] == list(range(begin + 1, min(begin + 3, 20)))
    reader.close()


def test_a_reader_sees_what_is_appended_after_it_has_read_to_the_end(folder, open_log, arrivals):
    log = open_log(folder, segment_size=300)
    reader = Reader(folder)
    seen = []

    for number in range(12):
        log.append(arrivals(1, number))
        seen += reader.after(number - 1, 10)

    assert [record.index for record in seen] == list(range(12))
    reader.close()


def test_what_is_written_and_not_durable_is_not_seen(folder, open_log, arrivals):
    seen: list[int] = []
    reader = Reader(folder)

    def look_then_sync(descriptor: int) -> None:
        seen.append(len(reader.after(-1, 100)))
        os.fdatasync(descriptor)

    log = open_log(folder, sync=look_then_sync)
    seen.clear()
    log.append(arrivals(2))
    log.append(arrivals(2, 2))

    assert seen == [0, 2]
    assert len(reader.after(-1, 100)) == 4
    reader.close()


def test_garbage_beyond_the_mark_is_not_seen(folder, open_log, arrivals):
    open_log(folder).append(arrivals(3))
    with segments.path(folder, 0).open("ab") as file:
        file.write(b"\x00" * 50)
    reader = Reader(folder)

    assert len(reader.after(-1, 100)) == 3
    assert reader.after(2, 100) == []
    reader.close()


def test_a_durable_record_that_cannot_be_read_is_never_skipped(folder, open_log, arrivals):
    open_log(folder).append(arrivals(3))
    Mark.open(folder).set(4)
    reader = Reader(folder)

    with pytest.raises(LogDamaged):
        reader.after(-1, 100)
    reader.close()


def test_events_of_the_largest_size_are_read(folder, open_log):
    largest = b"x" * records.EVENT_LIMIT
    open_log(folder).append([(7, 1, b"a"), (7, 2, largest), (7, 3, b"b")])
    reader = Reader(folder)

    assert [record.event for record in reader.after(-1, 9)] == [b"a", largest, b"b"]
    reader.close()
