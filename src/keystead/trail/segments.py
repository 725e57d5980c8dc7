"""The segments of the log, and how other processes read them while the recorder appends.

    segments/00000000000000000000      magic (8) | index of the first record (8) | record | record | …
    segments/00000000000000053127      …                                            named after that index, 20 digits

A segment appears whole with its header and is closed when it has grown to SIZE; the next begins with the next index.
"""

import os
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Self

import msgspec

from keystead.trail import records
from keystead.trail.errors import LogDamaged
from keystead.trail.mark import Mark
from keystead.trail.records import EVENT_PLACE, Stored

FOLDER: Final = "segments"
MAGIC: Final = b"KSTRAIL\x01"
HEADER_LENGTH: Final = len(MAGIC) + 8
SIZE: Final = 64 * 1024 * 1024
"""Bytes after which the next segment is begun."""
DIGITS: Final = 20


class Record(msgspec.Struct, frozen=True, gc=False):
    """A durable record. `at` is seconds since 1970 when it was appended; `event` the JSON that was handed in."""

    index: int
    at: float
    event: bytes


def header(first: int) -> bytes:
    return MAGIC + first.to_bytes(8, "big")


def path(folder: Path, first: int) -> Path:
    return folder / FOLDER / f"{first:0{DIGITS}}"


def firsts(folder: Path) -> list[int]:
    """The first index of every segment, in order."""
    names = (entry.name for entry in (folder / FOLDER).iterdir())
    return sorted(int(name) for name in names if name.isdecimal() and len(name) == DIGITS)


def open_segment(folder: Path, first: int, flags: int = os.O_RDONLY) -> int:
    """Its descriptor. Raises FileNotFoundError, or LogDamaged when it is not the segment that its name says."""
    descriptor = os.open(path(folder, first), flags | os.O_CLOEXEC)
    if os.pread(descriptor, HEADER_LENGTH, 0) != header(first):
        os.close(descriptor)
        raise LogDamaged(f"segment {first} does not begin with its header")
    return descriptor


class Walk:
    """Every whole record from a position on, segment after segment. Can be iterated again when there may be more.

    It stops at the first record that is not whole: `segment` and `place` say where, `index` which one.
    """

    def __init__(self, folder: Path, segment: int, place: int, index: int) -> None:
        self._folder = folder
        self._descriptor = open_segment(folder, segment)
        self.segment = segment
        self.place = place
        self.index = index

    @classmethod
    def at(cls, folder: Path, index: int) -> Self:
        """Standing before record `index`, found by the lengths of those before it in its segment. Raises LogDamaged."""
        segment, _ = cls.segment_of(folder, index)
        walk = cls(folder, segment, HEADER_LENGTH, segment)
        walk.skip_to(index)
        return walk

    @staticmethod
    def segment_of(folder: Path, index: int) -> tuple[int, int | None]:
        """The segment that record `index` lies in, and the next one, None if it is the last. Raises LogDamaged."""
        known = firsts(folder)
        where = bisect_right(known, index) - 1
        if where < 0:
            raise LogDamaged(f"no segment holds record {index}")
        return known[where], known[where + 1] if where + 1 < len(known) else None

    def skip_to(self, index: int) -> None:
        """On, within the segment, to before record `index`. Raises LogDamaged."""
        while self.index < index:
            self._skip()

    def take(self, count: int) -> Iterator[Stored]:
        """The next `count` records. Raises LogDamaged when there are fewer."""
        taken = 0
        for stored in islice(iter(self), count):
            yield stored
            taken += 1
        if taken < count:
            raise LogDamaged(f"record {self.index} cannot be read")

    def __iter__(self) -> Iterator[Stored]:
        while True:
            for stored in records.scan(self._descriptor, self.place, self.index):
                self.place, self.index = stored.end, self.index + 1
                yield stored
            if not self._follow():
                return

    def rest(self) -> int:
        """Bytes of the segment after the last whole record."""
        return os.fstat(self._descriptor).st_size - self.place

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _skip(self) -> None:
        head = os.pread(self._descriptor, EVENT_PLACE, self.place)
        if len(head) < EVENT_PLACE:
            raise LogDamaged(f"segment {self.segment} ends before record {self.index}")
        self.place += EVENT_PLACE + records.length(head)
        self.index += 1

    def _follow(self) -> bool:
        """On to the segment that begins with the next record, if this one is read to its end."""
        if self.segment == self.index or self.rest():
            return False
        try:
            descriptor = open_segment(self._folder, self.index)
        except FileNotFoundError:
            return False
        self.close()
        self._descriptor, self.segment, self.place = descriptor, self.index, HEADER_LENGTH
        return True


class Reader:
    """Durable records in order, for a process that is not the recorder. Costs little where it went on last time.

    It may be made before the log is there: until then nothing is durable.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark: Mark | None = None
        self._walk: Walk | None = None

    def durable(self) -> int:
        """How many records there are by now; the newest bears the number before that."""
        if self._mark is None:
            try:
                self._mark = Mark.read_only(self._folder)
            except (FileNotFoundError, ValueError):
                return 0
        return self._mark.read()

    def after(self, index: int, limit: int) -> list[Record]:
        """At most `limit` records whose index is greater than `index`; -1 begins with the first.

        Raises LogDamaged when a durable record is not there or not whole.
        """
        first = index + 1
        count = min(self.durable() - first, limit)
        if count <= 0:
            return []
        walk = self._walk_to(first)
        found = [
            Record(stored.stamp.index, stored.stamp.wall / 1e9, stored.event) for stored in islice(iter(walk), count)
        ]
        if len(found) < count:
            raise LogDamaged(f"record {walk.index} is durable and cannot be read")
        return found

    def close(self) -> None:
        for part in (self._walk, self._mark):
            if part is not None:
                part.close()
        self._walk = self._mark = None

    def _walk_to(self, index: int) -> Walk:
        if self._walk is None or self._walk.index != index:
            if self._walk is not None:
                self._walk.close()
                self._walk = None
            self._walk = Walk.at(self._folder, index)
        return self._walk
