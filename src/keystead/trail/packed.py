"""A closed segment, packed: a tenth of its size, and any record of it still costs the inflation of one block.

    magic (8) | first (8) | block | block | … | index | blocks (4) | crc (4)              integers big-endian

first       index of the first record, as in the plain segment that it was made of (segments.py)
block       zlib (RFC 1950) of whole records one after the other, as they lay there
index       of each block, and once more for the end:  record (8) | place (8) | at (8) | crc (4)
            the number of its first record; its place in the plain segment; its place in this file; CRC-32 of what lies there
crc         CRC-32 of header, index and the number of blocks

Places are always those of the plain segment, so that nothing that is known of a log changes when it is packed: neither its
leaves, nor its state, nor where a reader stands.
"""

import os
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

MAGIC: Final = b"KSTRAIL\x02"
HEADER: Final = struct.Struct(">8sQ")
ENTRY: Final = struct.Struct(">QQQI")
TRAILER: Final = struct.Struct(">II")
BLOCKS_LIMIT: Final = 1 << 20
BLOCK_RECORDS: Final = 256
BLOCK_BYTES: Final = 1024 * 1024
"""A block is closed when it has so many records or so many bytes, whichever comes first."""
LEVEL: Final = 6


class Unpackable(Exception):
    """Bytes that are no packed segment, or not a whole one."""


class Entry(NamedTuple):
    """Where a block begins: at which record, at which place of the plain segment and of the packed one; and its checksum."""

    record: int
    place: int
    at: int
    crc: int


def pack(first: int, header_length: int, records: Iterable[bytes]) -> bytes:
    """The whole file. `records` as they lie in the plain segment, the first of them at `header_length`."""
    packed, entries = [HEADER.pack(MAGIC, first)], []
    number, place, at = first, header_length, HEADER.size
    for count, block in blocks(records):
        deflated = zlib.compress(block, LEVEL)
        entries.append(Entry(number, place, at, zlib.crc32(deflated)))
        packed.append(deflated)
        number, place, at = number + count, place + len(block), at + len(deflated)
    entries.append(Entry(number, place, at, 0))
    index = b"".join(ENTRY.pack(*entry) for entry in entries)
    told = len(entries) - 1
    packed += [index, TRAILER.pack(told, crc(packed[0], index, told))]
    return b"".join(packed)


def blocks(records: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """How many records, and their bytes."""
    waiting: list[bytes] = []
    size = 0
    for record in records:
        waiting.append(record)
        size += len(record)
        if len(waiting) == BLOCK_RECORDS or size >= BLOCK_BYTES:
            yield len(waiting), b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield len(waiting), b"".join(waiting)


def crc(header: bytes, index: bytes, count: int) -> int:
    return zlib.crc32(index + count.to_bytes(4, "big"), zlib.crc32(header))


class Packed:
    """One for reading. Bytes that are not there any more, or not whole, are read as the end of the segment."""

    def __init__(self, descriptor: int, first: int) -> None:
        """Raises Unpackable, OSError; the descriptor is the caller's then."""
        self._descriptor = descriptor
        self._entries = read_index(descriptor, first)
        self._starts = [entry.place for entry in self._entries]
        self._block = -1
        self._inflated = b""

    def read(self, length: int, place: int) -> bytes:
        """At most `length` bytes from `place` of the plain segment, and none beyond the block that they lie in."""
        block = bisect_right(self._starts, place) - 1
        if not 0 <= block < len(self._entries) - 1:
            return b""
        begin = place - self._starts[block]
        return self._inflate(block)[begin : begin + length]

    def size(self) -> int:
        """Of the plain segment."""
        return self._entries[-1].place

    def near(self, index: int) -> tuple[int, int]:
        """(number, place) of the last record at or before `index` that a block begins with."""
        block = bisect_right(self._entries, index, hi=len(self._entries) - 1, key=lambda entry: entry.record) - 1
        entry = self._entries[max(0, block)]
        return entry.record, entry.place

    def close(self) -> None:
        os.close(self._descriptor)

    def _inflate(self, block: int) -> bytes:
        if block != self._block:
            here, following = self._entries[block : block + 2]
            deflated = os.pread(self._descriptor, following.at - here.at, here.at)
            whole = zlib.crc32(deflated) == here.crc
            self._inflated = inflated(deflated, following.place - here.place) if whole else b""
            self._block = block
        return self._inflated


def inflated(deflated: bytes, length: int) -> bytes:
    """Nothing unless it is whole and as long as it was."""
    inflating = zlib.decompressobj()
    try:
        block = inflating.decompress(deflated, length + 1)  # no more than that, whatever it would inflate to
    except zlib.error:
        return b""
    return block if inflating.eof and len(block) == length else b""


def read_index(descriptor: int, first: int) -> Sequence[Entry]:
    """Raises Unpackable, OSError."""
    length = os.fstat(descriptor).st_size
    header = os.pread(descriptor, HEADER.size, 0)
    trailer = os.pread(descriptor, TRAILER.size, max(0, length - TRAILER.size))
    if len(trailer) < TRAILER.size or header != HEADER.pack(MAGIC, first):
        raise Unpackable
    count, told = TRAILER.unpack(trailer)
    begin = length - TRAILER.size - (count + 1) * ENTRY.size
    if count > BLOCKS_LIMIT or begin < HEADER.size:
        raise Unpackable
    index = os.pread(descriptor, (count + 1) * ENTRY.size, begin)
    if crc(header, index, count) != told:
        raise Unpackable
    entries = [Entry(*fields) for fields in ENTRY.iter_unpack(index)]
    rising = all(
        one.record < next_.record and one.place < next_.place and one.at < next_.at for one, next_ in pairwise(entries)
    )
    if not rising or entries[0].record != first or entries[0].at != HEADER.size or entries[-1].at != begin:
        raise Unpackable
    return entries
