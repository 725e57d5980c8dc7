"""The segments of the log, and how other processes read them while the recorder appends.

    segments/00000000000000000000      magic (8) | index of the first record (8) | record | record | …
    segments/00000000000000053127      …                                            named after that index, 20 digits

A segment appears whole with its header and is closed when it has grown to SIZE; the next begins with the next index.
Some time later the closed one is replaced by a packed one of the same name (packing.py): readers know both.
"""

import os
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Protocol, Self

import msgspec

from keystead.trail import packed, records
from keystead.trail.errors import LogDamaged
from keystead.trail.mark import Mark
from keystead.trail.packed import Packed, Unpackable
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


class Segment(Protocol):
    """A segment to read from, plain or packed. Places are those of the plain one."""

    def read(self, length: int, place: int) -> bytes:
        """At most `length` bytes from `place` on, and at least one where there are any. Raises OSError."""

    def size(self) -> int:
        """Raises OSError."""

    def near(self, index: int) -> tuple[int, int]:
        """(number, place) of a record that is not after `index`, as near to it as can be told without reading."""

    def close(self) -> None: ...


class Plain:
    """A segment as the recorder writes it."""

    def __init__(self, descriptor: int, first: int) -> None:
        self._descriptor = descriptor
        self._first = first

    def read(self, length: int, place: int) -> bytes:
        return os.pread(self._descriptor, length, place)

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def near(self, index: int) -> tuple[int, int]:  # noqa: ARG002  # it has no index
        return self._first, HEADER_LENGTH

    def close(self) -> None:
        os.close(self._descriptor)


def open_plain(folder: Path, first: int, flags: int = os.O_RDONLY) -> int:
    """Its descriptor. Raises FileNotFoundError, or LogDamaged when it is not the segment that its name says."""
    descriptor = os.open(path(folder, first), flags | os.O_CLOEXEC)
    if os.pread(descriptor, HEADER_LENGTH, 0) != header(first):
        os.close(descriptor)
        raise LogDamaged(f"segment {first} does not begin with its header")
    return descriptor


def open_segment(folder: Path, first: int) -> Segment:
    """Raises FileNotFoundError, or LogDamaged when it is not the segment that its name says."""
    return opened(path(folder, first), first)


def opened(file: Path, first: int) -> Segment:
    """Raises FileNotFoundError, LogDamaged."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        begin = os.pread(descriptor, HEADER_LENGTH, 0)
        if begin == header(first):
            return Plain(descriptor, first)
        if begin.startswith(packed.MAGIC):
            return Packed(descriptor, first)
    except Unpackable:
        os.close(descriptor)
        raise LogDamaged(f"segment {first} is packed, and its index is damaged") from None
    os.close(descriptor)
    raise LogDamaged(f"segment {first} does not begin with its header")


def is_packed(folder: Path, first: int) -> bool:
    with path(folder, first).open("rb") as file:
        return file.read(len(packed.MAGIC)) == packed.MAGIC


class Walk:
    """Every whole record from a position on, segment after segment. Can be iterated again when there may be more.

    It stops at the first record that is not whole: `segment` and `place` say where, `index` which one.
    """

    def __init__(self, folder: Path, segment: int, place: int, index: int) -> None:
        self._folder = folder
        self._open: Segment | None = open_segment(folder, segment)
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
        near, place = self._segment.near(index)
        if near > self.index:
            self.index, self.place = near, place
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
            for stored in records.scan(self._segment.read, self.place, self.index):
                self.place, self.index = stored.end, self.index + 1
                yield stored
            if not self._follow():
                return

    def rest(self) -> int:
        """Bytes of the segment after the last whole record."""
        return self._segment.size() - self.place

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    @property
    def _segment(self) -> Segment:
        if self._open is None:
            raise ValueError("this walk has ended")
        return self._open

    def _skip(self) -> None:
        head = self._segment.read(EVENT_PLACE, self.place)
        if len(head) < EVENT_PLACE:
            raise LogDamaged(f"segment {self.segment} ends before record {self.index}")
        self.place += EVENT_PLACE + records.length(head)
        self.index += 1

    def _follow(self) -> bool:
        """On to the segment that begins with the next record, if this one is read to its end."""
        if self.segment == self.index or self.rest():
            return False
        try:
            following = open_segment(self._folder, self.index)
        except FileNotFoundError:
            return False
        self.close()
        self._open, self.segment, self.place = following, self.index, HEADER_LENGTH
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
