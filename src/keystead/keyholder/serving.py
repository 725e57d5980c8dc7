"""The keyholder's event loop: reads what has come, answers every whole frame, writes the answers at once.

One thread, and no call that blocks. It uses a fixed few system calls, so that all others can be forbidden: sockets that
were handed over are accepted from, read and written, and nothing else.
"""

import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from keystead import logs
from keystead.keyholder.answering import REFUSED_BUSY, Answering, Errand, framed
from keystead.keyholder.errands import Done, Errands
from keystead.keyholder.protocol import Malformed, is_own_user
from keystead.keyholder.software import Software
from keystead.metrics import meters

READ_SIZE: Final = 64 * 1024
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
STOP_SECONDS: Final = 2.0
"""How long clients that still ask, or do not read their last answers, are waited for after SIGTERM."""
DOOR_LIMIT: Final = 128
"""Open connections of one role; a node has one for each of its processes. No role can shut out another."""
AGE_SECONDS: Final = 300.0
"""Between two ages of opened material: what nobody uses is gone after twice as long."""


class Door:
    """A listening socket, how those are answered who come by it, and who is in."""

    def __init__(self, listener: socket.socket, answering: Answering, errands: Errands["Connection"]) -> None:
        self.listener = listener
        self.answering = answering
        self.errands = errands
        self.inside: set[Connection] = set()


class Connection:
    """One client. While it does not read its answers, its requests are neither answered nor read."""

    def __init__(self, link: socket.socket, door: Door) -> None:
        self.socket = link
        self.door = door
        self.inbox = b""
        self.outbox = b""
        self.closed = False
        self.errands = 0
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
        self.outbox, self.inbox, self._more, errands = self.door.answering.turn(self.inbox)
        meters.KEYHOLDER_TURNS.count()
        for errand in errands:
            self._send_on(errand)
        self._write()

    def _send_on(self, errand: Errand) -> None:
        if self.door.errands.add(self, errand.number, errand.generate, errand.finish):
            self.errands += 1
        else:
            self.outbox += b"".join(framed(errand.number, REFUSED_BUSY))

    def add(self, number: int, answer: bytes) -> None:
        """An errand's answer, to be written with the next turn. Raises OSError."""
        self.errands -= 1
        waited = bool(self.outbox)
        self.outbox += b"".join(framed(number, answer))
        if not waited:
            self._write()

    def _write(self) -> None:
        if self.outbox:
            with suppress(BlockingIOError):
                self.outbox = self.outbox[self.socket.send(self.outbox, socket.MSG_DONTWAIT) :]


class Serving:
    """Make it before system calls are filtered; `run` afterwards."""

    def __init__(
        self, software: Software, listeners: Mapping[str, socket.socket], age_seconds: float = AGE_SECONDS
    ) -> None:
        self._software = software
        self._age_seconds = age_seconds
        self._selector = selectors.DefaultSelector()
        self._errands: Errands[Connection] = Errands()
        self._selector.register(self._errands.woken, selectors.EVENT_READ, self._errands)
        self._doors = [Door(listener, Answering(software, role), self._errands) for role, listener in listeners.items()]
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
            for key, _ in self._selector.select(self._age_seconds):
                if isinstance(key.data, Connection):
                    self._serve(key.data)
                elif isinstance(key.data, Door):
                    self._accept(key.data)
                elif key.data is self._errands:
                    self._bring_back()
                else:
                    self._finish()
                    return
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
        """Answer what the errands were for. Whose key could not be made is cut off: nobody knows why."""
        for done in self._errands.finished():
            self._guarded(done.client, partial(self._answer, done))

    def _answer(self, done: Done[Connection]) -> bool:
        if done.made is None:
            raise ConnectionAbortedError
        done.client.add(done.number, done.finish(done.made))
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
                if not self._serve(connection) and not connection.errands:
                    self._close(connection)
            waiting = self._inside()
            if waiting and all(connection.outbox or connection.errands for connection in waiting):
                self._selector.select(seconds)
        for connection in self._inside():
            self._close(connection)
        for number in STOP_SIGNALS:  # the interpreter's end would bring back what kills
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        for left in (self._errands, self._selector, self._woken, self._waking):
            left.close()

    def _inside(self) -> list[Connection]:
        return [connection for door in self._doors for connection in door.inside]


def say(text: str) -> None:
    """One line on standard error, for the operator; never anything that was asked or answered."""
    logs.say("keyholder", text)
