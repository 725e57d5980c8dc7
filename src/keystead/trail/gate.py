"""Holds answers back until the sinks that are required have the records: the recorder's end, and the sinks' process's.

    to the sinks     size (8)                                       so many records are durable           integers big-endian
    to the recorder  size (8) | length (2) | names (length)         so many are in every required sink; which of them are ill

One connection at a time. Without it nothing is let through: sinks that are required and not there are missing.

1. what is durable waits for the sinks, PATIENCE_SECONDS at most
2. then the gate is shut: connections are closed, which fails what was waiting, and new ones are not greeted
3. the sinks have everything: the gate opens, and who waits is greeted
"""

import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from keystead.own_user import is_own_user

SIZE: Final = struct.Struct(">Q")
ACKNOWLEDGED: Final = struct.Struct(">QH")
NAMES_LIMIT: Final = 4096
PATIENCE_SECONDS: Final = 3.0
"""Less than clients wait for a recorder that says nothing (pipelined.SILENCE_SECONDS)."""
READ_SIZE: Final = 64 * 1024

Answer = Callable[[], None]


class Gate:
    """The recorder's end. `passed` records are in every required sink; it begins shut."""

    def __init__(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        self.listener = listener
        self.link: socket.socket | None = None
        self.open = False
        self.passed = 0
        self.ill = ""
        self._coming = listener
        self._inbox = b""
        self._lost_at: float | None = None
        self._held: deque[tuple[int, float, Answer]] = deque()

    def accept(self) -> bool:
        """Whether a sinks' process has come; the one before it has gone, or is to go."""
        try:
            link, _ = self.listener.accept()
        except OSError:
            return False
        if not is_own_user(link):
            link.close()
            return False
        link.setblocking(False)
        self._coming = link
        return True

    def welcome(self, size: int) -> socket.socket:
        """The connection of the one that has come."""
        if self.link is not None:
            self.link.close()
        self.link, self._inbox, self._lost_at = self._coming, b"", None
        self.tell(size)
        return self._coming

    def lose(self, at: float) -> None:
        """It has gone. `at` is now, by the monotonic clock."""
        if self.link is not None:
            self.link.close()
        self.link, self._inbox, self._lost_at, self.ill = None, b"", at, ""

    def tell(self, size: int) -> None:
        """A reader that lags reads the last of it: what did not fit is no loss."""
        if self.link is not None:
            with suppress(OSError):
                self.link.send(SIZE.pack(size))

    def hear(self) -> None:
        """Raises OSError when the other side has gone, or says what nobody says."""
        if self.link is None:
            return
        came = self.link.recv(READ_SIZE)
        if not came:
            raise ConnectionResetError
        self._inbox += came
        while len(self._inbox) >= ACKNOWLEDGED.size:
            size, length = ACKNOWLEDGED.unpack_from(self._inbox)
            end = ACKNOWLEDGED.size + length
            if length > NAMES_LIMIT:
                raise ConnectionResetError
            if len(self._inbox) < end:
                return
            self.passed = max(self.passed, size)
            self.ill = self._inbox[ACKNOWLEDGED.size : end].decode(errors="replace")
            self._inbox = self._inbox[end:]

    def hold(self, end: int, at: float, answer: Answer) -> None:
        """Give `answer` when the first `end` records have passed. `at` is now, by the monotonic clock."""
        self._held.append((end, at, answer))

    def release(self) -> None:
        while self._held and self._held[0][0] <= self.passed:
            self._held.popleft()[2]()

    def shut(self) -> None:
        """What waits is given up."""
        self.open = False
        self._held.clear()

    @property
    def waiting(self) -> bool:
        return bool(self._held)

    def deadline(self) -> float | None:
        """When patience ends, by the monotonic clock; None while nothing waits, and nobody is missing."""
        since = [self._held[0][1]] if self._held else []
        if self._lost_at is not None and self.open:
            since.append(self._lost_at)
        return min(since) + PATIENCE_SECONDS if since else None


class Teller:
    """The sinks' process's end, over a connection that it has made. Every method raises OSError when that is gone."""

    def __init__(self, path: str) -> None:
        self._link = socket.socket(socket.AF_UNIX)
        try:
            self._link.connect(path)
            if not is_own_user(self._link):
                raise ConnectionRefusedError  # somebody else listens there
        except OSError:
            self._link.close()
            raise
        self._link.setblocking(False)
        self._unsent = b""

    def fileno(self) -> int:
        return self._link.fileno()

    def say(self, size: int, ill: str) -> None:
        """What the connection does not take now goes with what is said next."""
        names = ill.encode()[:NAMES_LIMIT]
        self._unsent += ACKNOWLEDGED.pack(size, len(names)) + names
        with suppress(BlockingIOError):
            self._unsent = self._unsent[self._link.send(self._unsent) :]

    def heard(self) -> bool:
        """Whether anything has come since; what it says is read from the log's mark."""
        try:
            came = self._link.recv(READ_SIZE)
        except BlockingIOError:
            return False
        if not came:
            raise ConnectionResetError
        return True

    def close(self) -> None:
        self._link.close()
