"""A part of a message without reading the rest: the header, the frames it lies in, and the last frame.

Only the last frame authenticates how long the message is, so it is read once, too, for every range. The signature of a
signed message covers all of it and cannot be checked here: such a message must be read so on purpose.
"""

import os
from dataclasses import dataclass
from typing import Protocol, Self

from keystead.envelope import frames
from keystead.envelope import header as headers
from keystead.envelope.errors import Malformed, PolicyRefused, Truncated
from keystead.envelope.frames import FRAME_OVERHEAD, LAST_MARK, LAST_OVERHEAD, Layout
from keystead.envelope.header import Header
from keystead.envelope.limits import Limits
from keystead.envelope.opening import Reading
from keystead.envelope.signing import FOOTER_MAX


class Stored(Protocol):
    """Something of known size that is read from any position: a file, an object in a bucket."""

    @property
    def size(self) -> int: ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly so many bytes, or fewer at the end."""


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """In memory."""

    data: bytes | bytearray | memoryview

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return bytes(self.data[offset : offset + length])


class StoredFile:
    """A file, by its descriptor or its path; closed by close() only if it was opened here."""

    def __init__(self, file: int | str | os.PathLike[str]) -> None:
        self._own = not isinstance(file, int)
        self._descriptor = file if isinstance(file, int) else os.open(file, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        pieces = []
        while length > 0 and (piece := os.pread(self._descriptor, length, offset)):
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        if self._own:
            os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def header_of(stored: Stored, limits: Limits) -> Header:
    """Step 1 of reading. Raises Truncated, Malformed, LimitExceeded."""
    length = 4096
    while True:
        opening = stored.read_at(0, length)
        try:
            return headers.parse(opening, limits)
        except Truncated:
            if len(opening) < length or length > 2 * limits.header:
                raise
        length *= 2


def layout_of(stored: Stored, header: Header) -> Layout:
    """Of a framed message; for a signed one, by walking from frame to frame. Raises Truncated, Malformed."""
    if not header.suite.signed:
        return frames.layout_of(header, stored.size)
    step = header.frame_length + FRAME_OVERHEAD
    index = max(0, (stored.size - header.length - LAST_OVERHEAD - header.frame_length - FOOTER_MAX) // step)
    while True:  # a signature's length varies by a few bytes: begin at the first frame that can be the last
        opening = stored.read_at(header.length + index * step, 24)
        if len(opening) < 24:
            raise Truncated("frames")
        if opening[:4] == LAST_MARK:
            end = header.length + index * step + LAST_OVERHEAD + int.from_bytes(opening[20:24])
            return frames.layout_of(header, end)
        index += 1


def check_readable(header: Header, *, without_signature: bool) -> None:
    """Raises PolicyRefused, Malformed."""
    if header.suite.signed and not without_signature:
        raise PolicyRefused("A range of a signed message is read without checking the signature; ask for that.")
    if not header.framed:
        raise Malformed("A message in one piece has no ranges: nothing of it is verified before its end.")


def read(reading: Reading, stored: Stored, layout: Layout, offset: int, length: int) -> bytes:
    """The plaintext from `offset` on, `length` bytes or up to the end. Raises Truncated, Malformed, NotAuthentic."""
    last = _last(reading, stored, layout)  # authenticates the length
    start, end = min(offset, layout.size), min(offset + length, layout.size)
    if start >= end:
        return b""
    first = start // layout.frame_length
    behind = min(layout.full, -(-end // layout.frame_length))
    plain = _full(reading, stored, layout, first, behind) if behind > first else b""
    if end > layout.full * layout.frame_length:
        plain += last
    skip = start - first * layout.frame_length
    return plain[skip : skip + end - start]


def _full(reading: Reading, stored: Stored, layout: Layout, first: int, behind: int) -> bytes:
    at, until = layout.frame_at(first), layout.frame_at(behind)
    sealed = stored.read_at(at, until - at)
    if len(sealed) != until - at:
        raise Truncated("frames")
    out = bytearray((behind - first) * layout.frame_length)
    cipher, message_id = reading.cipher, reading.header.message_id
    frames.open_full(cipher, message_id, layout.frame_length, first + 1, memoryview(sealed), memoryview(out))
    return bytes(out)


def _last(reading: Reading, stored: Stored, layout: Layout) -> bytes:
    at = layout.frame_at(layout.full)
    sealed = stored.read_at(at, layout.end - at)
    if len(sealed) != layout.end - at:
        raise Truncated("last frame")
    out = bytearray(layout.last)
    frames.open_last(reading.cipher, reading.header.message_id, layout.full + 1, memoryview(sealed), memoryview(out))
    return bytes(out)
