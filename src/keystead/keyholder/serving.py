"""The keyholder's event loop: reads what has come, answers every whole frame, writes the answers at once.

What needs a hardware security module, or a key that is slow to make, is answered later, in any order.

One thread, and no call that blocks. It uses a fixed few system calls, so that all others can be forbidden: sockets that
were handed over are accepted from, read and written, and nothing else.
"""

import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

from keystead import logs
from keystead.keyholder.answering import REFUSED_BUSY, Answering, Errand, InSteps, framed, stepped
from keystead.keyholder.errands import Done, Errands
from keystead.keyholder.links import Links
from keystead.keyholder.protocol import Malformed
from keystead.keyholder.software import Software
from keystead.metrics import meters
from keystead.own_user import is_own_user

READ_SIZE: Final = 64 * 1024
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
STOP_SECONDS: Final = 2.0
"""How long clients that still ask, or do not read their last answers, are waited for after SIGTERM."""
DOOR_LIMIT: Final = 128
"""Open connections of one role; a node has one for each of its processes. No role can shut out another."""
AGE_SECONDS: Final = 300.0
"""Between two ages of opened material: what nobody uses is gone after twice as long."""
EXPIRY_SECONDS: Final = 0.1
"""Between two looks at what is asked of modules, while something is."""


class Door:
    """A listening socket, how those are answered who come by it, and who is in."""

    def __init__(self, listener: socket.socket, answering: Answering, later: "Later") -> None:
        self.listener = listener
        self.answering = answering
        self.later = later
        self.inside: set[Connection] = set()


class Connection:
    """One client. While it does not read its answers, its requests are neither answered nor read."""

    def __init__(self, link: socket.socket, door: Door) -> None:
        self.socket = link
        self.door = door
        self.inbox = b""
        self.outbox = b""
        self.closed = False
        self.later = 0
        self._more = False

    def turn(self) -> bool:
        """Write what waits, or else answer what has come; False when nothing has. Raises Malformed, OSError."""
        if self.outbox:
            self._write()
        elif not self._read():
            return False
        while self._more and not self.outbox:
            self._answer()
        return True

    def _read(self) -> bool:
        try:
            came = self.socket.recv(READ_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        if not came:
            raise ConnectionResetError
        self.inbox = self.inbox + came if self.inbox else came
        self._answer()
        return True

    def _answer(self) -> None:
        self.outbox, self.inbox, self._more, errands, stepping = self.door.answering.turn(self.inbox)
        meters.KEYHOLDER_TURNS.count()
        for errand in errands:
            self._send_on(errand)
        for one in stepping:
            self.later += 1
            self.door.later.step(self, one)
        self._write()

    def _send_on(self, errand: Errand) -> None:
        if self.door.later.errands.add(self, errand.number, errand.generate, errand.finish):
            self.later += 1
        else:
            self.outbox += b"".join(framed(errand.number, REFUSED_BUSY))

    def add(self, number: int, answer: bytes) -> None:
        """An answer that was to come later, to be written with the next turn. Raises OSError."""
        self.later -= 1
        waited = bool(self.outbox)
        self.outbox += b"".join(framed(number, answer))
        if not waited:
            self._write()

    def _write(self) -> None:
        if self.outbox:
            with suppress(BlockingIOError):
                self.outbox = self.outbox[self.socket.send(self.outbox, socket.MSG_DONTWAIT) :]


class Later:
    """What is not answered at once: keys that are slow to make, and what needs a hardware security module.

    stepped  (client, number, result) of steps that have ended
    """

    def __init__(self, links: Links) -> None:
        self.errands: Errands[Connection] = Errands()
        self.links = links
        self.stepped: deque[tuple[Connection, int, Any]] = deque()

    def step(self, client: Connection, asked: InSteps) -> None:
        self.links.start(asked.steps, lambda result: self.stepped.append((client, asked.number, result)))


class Serving:
    """Make it before system calls are filtered; `run` afterwards."""

    def __init__(
        self,
        software: Software,
        listeners: Mapping[str, socket.socket],
        age_seconds: float = AGE_SECONDS,
        links: Links | None = None,
    ) -> None:
        self._software = software
        self._age_seconds = age_seconds
        self._selector = selectors.DefaultSelector()
        self._links = links or Links({})
        self._later = Later(self._links)
        self._selector.register(self._later.errands.woken, selectors.EVENT_READ, self._later)
        for link in self._links.sockets:
            self._selector.register(link, selectors.EVENT_READ, self._later)
        self._doors = [Door(listener, Answering(software, role), self._later) for role, listener in listeners.items()]
        for door in self._doors:
            door.listener.setblocking(False)
            self._selector.register(door.listener, selectors.EVENT_READ, door)
        self._woken, self._waking = socket.socketpair()
        self._waking.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: None)  # the byte that it writes to `waking` is what counts
        signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        """Until SIGTERM; what has been asked by then is still answered."""
        aged = time.monotonic()
        while True:
            for key, _ in self._selector.select(EXPIRY_SECONDS if self._links.waiting else self._age_seconds):
                if isinstance(key.data, Connection):
                    self._serve(key.data)
                elif isinstance(key.data, Door):
                    self._accept(key.data)
                elif key.data is not self._later:
                    self._finish()
                    return
            self._bring_back()
            if time.monotonic() - aged >= self._age_seconds:
                aged = time.monotonic()
                self._software.age()

    def _accept(self, door: Door) -> None:
        try:
            link, _ = door.listener.accept()
        except OSError:  # gone again, or no descriptor left: those who are connected are served all the same
            return
        if len(door.inside) >= DOOR_LIMIT or not is_own_user(link):
            link.close()
            return
        connection = Connection(link, door)
        door.inside.add(connection)
        self._selector.register(link, selectors.EVENT_READ, connection)

    def _bring_back(self) -> None:
        """Answer what was to be answered later. Whose key could not be made is cut off: nobody knows why."""
        for done in self._later.errands.finished():
            self._guarded(done.client, partial(self._answer, done))
        self._links.turn()
        while self._later.stepped:
            client, number, result = self._later.stepped.popleft()
            self._guarded(client, partial(self._answer_stepped, client, number, result))

    def _answer(self, done: Done[Connection]) -> bool:
        if done.made is None:
            raise ConnectionAbortedError
        answer = done.finish(done.made)
        if isinstance(answer, InSteps):
            self._later.step(done.client, answer)
        else:
            done.client.add(done.number, answer)
        return True

    def _answer_stepped(self, client: Connection, number: int, result: Any) -> bool:
        client.add(number, stepped(result))
        return True

    def _serve(self, connection: Connection) -> bool:
        """False when nothing had come."""
        return self._guarded(connection, connection.turn)

    def _guarded(self, connection: Connection, act: Callable[[], bool]) -> bool:
        if connection.closed:
            return True
        waited = bool(connection.outbox)
        try:
            came = act()
        except (Malformed, OSError):
            self._close(connection)
            return True
        except Exception as error:  # noqa: BLE001  # the outermost door: one client's harm must not be everybody's
            say(f"a request failed: {type(error).__name__}")
            self._close(connection)
            return True
        if bool(connection.outbox) != waited:
            self._selector.modify(
                connection.socket, selectors.EVENT_READ if waited else selectors.EVENT_WRITE, connection
            )
        return came

    def _close(self, connection: Connection) -> None:
        connection.closed = True
        connection.door.inside.remove(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _finish(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        for door in self._doors:
            self._selector.unregister(door.listener)
            door.listener.close()
        self._selector.unregister(self._woken)
        while (inside := self._inside()) and (seconds := deadline - time.monotonic()) > 0:
            self._bring_back()
            for connection in inside:
                if not self._serve(connection) and not connection.later:
                    self._close(connection)
            waiting = self._inside()
            if waiting and all(connection.outbox or connection.later for connection in waiting):
                self._selector.select(seconds)
        for connection in self._inside():
            self._close(connection)
        for number in STOP_SIGNALS:  # the interpreter's end would bring back what kills
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        for left in (self._later.errands, self._selector, self._woken, self._waking):
            left.close()

    def _inside(self) -> list[Connection]:
        return [connection for door in self._doors for connection in door.inside]


def say(text: str) -> None:
    """One line on standard error, for the operator; never anything that was asked or answered."""
    logs.say("keyholder", text)
