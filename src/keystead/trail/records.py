"""One record as it lies in a segment, and the leaf of the tree that stands for it.

    record = crc (4) | length (4) | index (8) | wall (8) | monotonic (8) | source (4) | number (4) | salt (32) | event (length)
    entry  = index (8) | wall (8) | monotonic (8) | segment (8) | source (4) | number (4) | SHA-256(salt | event) (32)
    leaf   = SHA-256(00 | entry)                          RFC 6962 2.1                            integers big-endian

crc         CRC-32 (zlib) of everything after it: finds torn writes; against people there is the tree
index       sequence number, from 0, without a gap
wall        nanoseconds since 1970 when it was appended; monotonic: nanoseconds of this boot
source      process id of the sender, 0 for the log itself; number: the sender's own count, from 1 on each connection
segment     index of the first record of the segment that it lies in
salt        random: a log of hashes can be published without telling what could be guessed
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final

import msgspec

CRC: Final = struct.Struct(">I")
HEAD: Final = struct.Struct(">IQQQII")
ENTRY: Final = struct.Struct(">BQQQQII32s")
LEAF: Final = 0
ENTRY_LENGTH: Final = ENTRY.size - 1
SALT_LENGTH: Final = 32
SALT_PLACE: Final = CRC.size + HEAD.size
EVENT_PLACE: Final = SALT_PLACE + SALT_LENGTH
EVENT_LIMIT: Final = 1024 * 1024
"""Bytes of one event. CloudTrail's parts add up to about 256 KB."""
CHUNK: Final = 256 * 1024

Read = Callable[[int, int], bytes]
"""So many bytes at most, from that place of a segment on; none at its end."""


class Stamp(msgspec.Struct, frozen=True, gc=False):
    """When and from whom, in the order of the record."""

    index: int
    wall: int
    monotonic: int
    source: int
    number: int


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A whole record read back. `end` is where the next one begins."""

    stamp: Stamp
    salted: bytes
    end: int

    @property
    def event(self) -> bytes:
        return self.salted[SALT_LENGTH:]

    def leaf(self, segment: int) -> bytes:
        return leaf_hash(self.stamp, segment, self.salted)

    def entry(self, segment: int) -> bytes:
        return hashed(self.stamp, segment, self.salted)[1:]


def encode(stamp: Stamp, salted: bytes) -> bytes:
    """`salted` is salt | event."""
    body = (
        HEAD.pack(len(salted) - SALT_LENGTH, stamp.index, stamp.wall, stamp.monotonic, stamp.source, stamp.number)
        + salted
    )
    return CRC.pack(zlib.crc32(body)) + body


def hashed(stamp: Stamp, segment: int, salted: bytes) -> bytes:
    """What the leaf is the hash of: 00 | entry."""
    digest = sha256(salted).digest()
    return ENTRY.pack(LEAF, stamp.index, stamp.wall, stamp.monotonic, segment, stamp.source, stamp.number, digest)


def leaf_hash(stamp: Stamp, segment: int, salted: bytes) -> bytes:
    return sha256(hashed(stamp, segment, salted)).digest()


def scan(read: Read, place: int, index: int) -> Iterator[Stored]:
    """Whole records from `place` on, the first of which must be number `index`. Ends at the first that is not whole."""
    buffer, start = b"", place
    while True:
        needed = place - start + EVENT_PLACE
        if len(buffer) >= needed:
            needed += length(buffer, place - start)
            if needed - (place - start) > EVENT_PLACE + EVENT_LIMIT:
                return
        if len(buffer) < needed:
            buffer, start = buffer[place - start :], place
            came = read(CHUNK + needed, start + len(buffer))
            if not came:
                return
            buffer += came
            continue
        record = parse(buffer[place - start : needed], index, start + needed)
        if record is None:
            return
        yield record
        place, index = record.end, index + 1


def length(record: bytes, place: int = 0) -> int:
    """Bytes of the event in the record that begins at `place`."""
    return int.from_bytes(record[place + CRC.size : place + CRC.size + 4], "big")


def parse(record: bytes, index: int, end: int) -> Stored | None:
    """None unless it is whole and bears the number `index`."""
    if zlib.crc32(memoryview(record)[CRC.size :]) != CRC.unpack_from(record)[0]:
        return None
    _, *fields = HEAD.unpack_from(record, CRC.size)
    if fields[0] != index:
        return None
    return Stored(Stamp(*fields), record[SALT_PLACE:], end)
