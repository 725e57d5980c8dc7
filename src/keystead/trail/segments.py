"""The segments of the log, and how other processes read them while the recorder appends.

    segments/00000000000000000000      magic (8) | index of the first record (8) | record | record | …
    segments/00000000000000053127      …                                            named after that index, 20 digits

A segment appears whole with its header and is closed when it has grown to SIZE; the next begins with the next index.
"""

import os
from bisect import bisect_right
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from keystead.trail import records
from keystead.trail.errors import LogDamaged
from keystead.trail.mark import Mark
from keystead.trail.records import CRC, EVENT_PLACE

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


class Reader:
    """Durable records in order, for a process that is not the recorder. Costs little where it went on last time.

    It may be made before the log is there: until then nothing is durable.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark: Mark | None = None
        self._descriptor = -1
        self._segment = 0
        self._next = -1
        self._place = 0

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
        first, end = index + 1, min(self.durable(), index + 1 + limit)
        found: list[Record] = []
        if first >= end:
            return found
        if self._next != first:
            self._seek(first)
        while self._next < end:
            for stored in islice(records.scan(self._descriptor, self._place, self._next), end - self._next):
                found.append(Record(stored.stamp.index, stored.stamp.wall / 1e9, stored.event))
                self._next, self._place = stored.stamp.index + 1, stored.end
            if self._next < end and (self._segment == self._next or not self._follow()):
                self._next, missing = -1, self._next
                raise LogDamaged(f"record {missing} is durable and cannot be read")
        return found

    def close(self) -> None:
        self._leave()
        if self._mark is not None:
            self._mark.close()
            self._mark = None

    def _seek(self, index: int) -> None:
        """Stand at record `index`, by the lengths of those before it in its segment."""
        known = firsts(self._folder)
        where = bisect_right(known, index) - 1
        if where < 0:
            raise LogDamaged(f"no segment holds record {index}")
        self._enter(known[where])
        while self._next < index:
            head = os.pread(self._descriptor, EVENT_PLACE, self._place)
            if len(head) < EVENT_PLACE:
                raise LogDamaged(f"segment {self._segment} ends before record {index}")
            self._place += EVENT_PLACE + int.from_bytes(head[CRC.size : CRC.size + 4], "big")
            self._next += 1

    def _follow(self) -> bool:
        """On to the segment that begins with the next record, if there is one."""
        try:
            self._enter(self._next)
        except FileNotFoundError:
            return False
        return True

    def _enter(self, first: int) -> None:
        descriptor = open_segment(self._folder, first)
        self._leave()
        self._descriptor, self._segment = descriptor, first
        self._next, self._place = first, HEADER_LENGTH

    def _leave(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._next = -1, -1
