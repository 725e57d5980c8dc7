"""Reading onwards from a stream: a little ahead, never more than asked, and never trusting a length."""

from typing import Protocol

from keystead.envelope import header as headers
from keystead.envelope.errors import LimitExceeded, Truncated
from keystead.envelope.header import Header
from keystead.envelope.limits import Limits


class Readable(Protocol):
    """A binary stream to read from, such as an open file, a pipe or a socket's file."""

    def read(self, size: int, /) -> bytes | None: ...


class Writable(Protocol):
    """A binary stream to write to."""

    def write(self, data: bytes | bytearray | memoryview, /) -> int | None: ...


class Source:
    """A stream with what was read ahead of it."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._readinto = getattr(stream, "readinto", None)
        self._ahead = b""

    def header(self, limits: Limits) -> Header:
        """Step 1 of reading. Raises Truncated, Malformed, LimitExceeded."""
        want = 4096
        while True:
            self._ahead += self._some(want - len(self._ahead))
            try:
                header = headers.parse(self._ahead, limits)
            except Truncated:
                if len(self._ahead) < want or want > 2 * limits.header:
                    raise
                want *= 2
                continue
            self._ahead = self._ahead[header.length :]
            return header

    def fill(self, view: memoryview) -> int:
        """Read until the view is full or the stream ends; how much that was."""
        taken = min(len(self._ahead), len(view))
        view[:taken] = self._ahead[:taken]
        self._ahead = self._ahead[taken:]
        while taken < len(view):
            got = self._read_into(view[taken:])
            if got == 0:
                break
            taken += got
        return taken

    def give_back(self, data: bytes) -> None:
        """What was read and belongs to what follows."""
        self._ahead = data + self._ahead

    def rest(self, most: int) -> bytes:
        """What is left. Raises LimitExceeded where it is more than `most`."""
        self._ahead += self._some(most + 1 - len(self._ahead))
        if len(self._ahead) > most:
            raise LimitExceeded(f"More than the {most} bytes that may be left.")
        rest, self._ahead = self._ahead, b""
        return rest

    def exactly(self, count: int, where: str) -> bytes:
        """Raises Truncated."""
        taken = bytearray(count)
        if self.fill(memoryview(taken)) < count:
            raise Truncated(where)
        return bytes(taken)

    def _some(self, count: int) -> bytes:
        pieces = []
        while count > 0:
            piece = self._stream.read(min(count, 1024 * 1024))
            if not piece:
                break
            pieces.append(bytes(piece))
            count -= len(piece)
        return b"".join(pieces)

    def _read_into(self, view: memoryview) -> int:
        if self._readinto is not None:
            return self._readinto(view) or 0
        piece = self._stream.read(len(view)) or b""
        view[: len(piece)] = piece
        return len(piece)
