"""The keyholder's end of the sockets to the processes of modules: many requests at once, and nobody waits for any of them.

    start(steps, done) ──► request ──► … answer ──► next request, or done(what the steps returned or raised)

A module that is slow or gone is its own requests' trouble: each expires after SECONDS, and so many may wait at most.
"""

import itertools
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from keystead.keyholder import hsm
from keystead.keyholder.errors import HsmLost, HsmSilent, KeyholderError
from keystead.keyholder.hsm import Asked
from keystead.keyholder.reach import Steps

SECONDS: Final = 2.0
"""From the request to its answer. Clients give up on a keyholder that is silent for five (keystead.pipelined)."""
START_SECONDS: Final = 10.0
"""Likewise, of a keyholder that is only starting, and of the process that it asks."""
UNDER_WAY: Final = 64
"""Requests in one socket: what its buffer holds on any system."""
WAITING_LIMIT: Final = 4096

Done = Callable[[Any], None]


class Waiting:
    """Steps that wait for one answer."""

    __slots__ = ("asked", "done", "expires", "steps")

    def __init__(self, steps: Steps[Any], done: Done) -> None:
        self.steps = steps
        self.done = done
        self.asked: Asked | None = None
        self.expires = 0.0

    def proceed(self, answer: bytes | KeyholderError | None) -> Asked | None:
        """What is asked next; None when the steps have ended, and `done` has been told how."""
        try:
            if isinstance(answer, KeyholderError):
                self.asked = self.steps.throw(answer)
            else:
                self.asked = next(self.steps) if answer is None else self.steps.send(answer)
        except StopIteration as end:
            self.done(end.value)
            return None
        except KeyholderError as error:
            self.done(error)
            return None
        return self.asked


class Link:
    """One module's socket."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.socket = connection
        self._numbers = numbers()
        self._under_way: dict[int, Waiting] = {}
        self._queue: deque[Waiting] = deque()

    def __len__(self) -> int:
        return len(self._under_way) + len(self._queue)

    def add(self, waiting: Waiting) -> bool:
        """False when too many wait."""
        if len(self._queue) >= WAITING_LIMIT:
            return False
        waiting.expires = time.monotonic() + SECONDS
        self._queue.append(waiting)
        return True

    def flush(self) -> None:
        while self._queue and len(self._under_way) < UNDER_WAY:
            waiting = self._queue[0]
            number = next(self._numbers)
            try:
                self.socket.send(message(number, waiting.expires, waiting.asked))
            except BlockingIOError:  # nobody reads: what waits expires
                return
            self._under_way[number] = self._queue.popleft()

    def answered(self) -> list[tuple[Waiting, bytes | KeyholderError]]:
        """Everything that has come, but for what nobody waits for any more."""
        found: list[tuple[Waiting, bytes | KeyholderError]] = []
        while True:
            try:
                came = self.socket.recv(hsm.MESSAGE_LIMIT)
            except BlockingIOError:
                return found
            number, answer = read(came)
            waiting = self._under_way.pop(number, None)
            if waiting is not None:
                found.append((waiting, answer))

    def expired(self, now: float) -> list[Waiting]:
        """Requests are sent in the order of their times, and expire in it."""
        found = []
        for number in tuple(self._under_way):
            if self._under_way[number].expires > now:
                break
            found.append(self._under_way.pop(number))
        while self._queue and self._queue[0].expires <= now:
            found.append(self._queue.popleft())
        return found


class Links:
    """All modules by name. Watch `sockets`; call `turn` when one can be read, and every now and then while `waiting`."""

    def __init__(self, sockets: Mapping[str, socket.socket]) -> None:
        self._links = {name: Link(connection) for name, connection in sockets.items()}

    @property
    def sockets(self) -> list[socket.socket]:
        return [link.socket for link in self._links.values()]

    @property
    def waiting(self) -> bool:
        return any(len(link) for link in self._links.values())

    def start(self, steps: Steps[Any], done: Done) -> None:
        """`done` gets what the steps return, or the KeyholderError that they raise; maybe before this returns."""
        self._proceed(Waiting(steps, done), None)

    def turn(self) -> None:
        if not self._links:
            return
        now = time.monotonic()
        for link in self._links.values():
            for waiting, answer in link.answered():
                self._proceed(waiting, answer)
            for waiting in link.expired(now):
                self._proceed(waiting, HsmSilent())
            link.flush()

    def _proceed(self, waiting: Waiting, answer: bytes | KeyholderError | None) -> None:
        asked = waiting.proceed(answer)
        while asked is not None:
            link = self._links.get(asked.hsm)
            if link is not None and link.add(waiting):
                link.flush()
                return
            asked = waiting.proceed(HsmLost() if link is None else HsmSilent())


class Blocking:
    """The same sockets for a keyholder that is only starting, and may wait."""

    def __init__(self, sockets: Mapping[str, socket.socket]) -> None:
        self.names = frozenset(sockets)
        self._sockets = sockets
        self._numbers = numbers()

    def ask(self, asked: Asked) -> bytes:
        """Raises HsmLost, HsmKeyGone, RequestRefused."""
        connection = self._sockets.get(asked.hsm)
        if connection is None:
            raise HsmLost
        number, expires = next(self._numbers), time.monotonic() + START_SECONDS
        connection.settimeout(START_SECONDS)
        try:
            connection.send(message(number, expires, asked))
            while (seconds := expires - time.monotonic()) > 0:
                connection.settimeout(seconds)
                found, answer = read(connection.recv(hsm.MESSAGE_LIMIT))
                if found == number and isinstance(answer, KeyholderError):
                    raise answer
                if found == number and not isinstance(answer, KeyholderError):
                    return answer
        except TimeoutError:
            pass
        raise HsmLost


def numbers() -> Iterator[int]:
    """They begin anywhere: the answer to a keyholder that has died is not taken for one to its successor."""
    return itertools.count(secrets.randbits(62))


def message(number: int, expires: float, asked: Asked | None) -> bytes:
    return hsm.ASKED_HEAD.pack(number, expires) + hsm.encode(asked)


def read(came: bytes) -> tuple[int, bytes | KeyholderError]:
    """The number of the request, and its answer. What is no answer belongs to no request."""
    head = hsm.NUMBER.size
    if len(came) <= head:
        return -1, b""
    (number,) = hsm.NUMBER.unpack_from(came)
    status = came[head]
    return number, came[head + 1 :] if status == hsm.OK else hsm.ERRORS.get(status, HsmLost)()
