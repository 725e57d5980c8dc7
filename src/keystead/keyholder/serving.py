"""The keyholder's event loop: reads what has come, answers every whole frame, writes the answers at once.

One thread, and no call that blocks. It uses a fixed few system calls, so that all others can be forbidden: sockets that
were handed over are accepted from, read and written, and nothing else.
"""

import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from keystead.keyholder.answering import Answering
from keystead.keyholder.protocol import Malformed, is_own_user
from keystead.keyholder.software import Software

READ_SIZE: Final = 64 * 1024
STOP_SECONDS: Final = 2.0
"""How long a client that does not read its last answers is waited for."""
CONNECTION_LIMIT: Final = 1024
"""Open connections; a node has one for each of its processes."""


class Connection:
    """One client. While it does not read its answers, its requests are not read either."""

    def __init__(self, link: socket.socket, answering: Answering) -> None:
        self.socket = link
        self.answering = answering
        self.inbox = b""
        self.outbox = b""

    def read(self) -> bool:
        """Answer what has come; False when nothing had. Raises Malformed, ConnectionError."""
        try:
            came = self.socket.recv(READ_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        if not came:
            raise ConnectionResetError
        answers, self.inbox = self.answering.answer_all(self.inbox + came if self.inbox else came)
        self.outbox += answers
        self.write()
        return True

    def write(self) -> None:
        """Raises ConnectionError."""
        if not self.outbox:
            return
        with suppress(BlockingIOError):
            self.outbox = self.outbox[self.socket.send(self.outbox, socket.MSG_DONTWAIT) :]


class Door(NamedTuple):
    """A listening socket, and how those are answered who come by it."""

    listener: socket.socket
    answering: Answering


class Serving:
    """Make it before system calls are filtered; `run` afterwards."""

    def __init__(self, software: Software, listeners: Mapping[str, socket.socket]) -> None:
        self._selector = selectors.DefaultSelector()
        self._connections: set[Connection] = set()
        self._doors = [Door(listener, Answering(software, role)) for role, listener in listeners.items()]
        for door in self._doors:
            door.listener.setblocking(False)
            self._selector.register(door.listener, selectors.EVENT_READ, door)
        woken, self._waking = socket.socketpair()
        self._waking.setblocking(False)
        self._selector.register(woken, selectors.EVENT_READ)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # the byte that it writes to `waking` is what counts
        signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        """Until SIGTERM; what has been asked by then is still answered."""
        while True:
            for key, _ in self._selector.select():
                if isinstance(key.data, Connection):
                    self._serve(key.data)
                elif isinstance(key.data, Door):
                    self._accept(key.data)
                else:
                    self._finish()
                    return

    def _accept(self, door: Door) -> None:
        try:
            link, _ = door.listener.accept()
        except OSError:  # gone again, or no descriptor left: those who are connected are served all the same
            return
        if len(self._connections) >= CONNECTION_LIMIT or not is_own_user(link):
            link.close()
            return
        connection = Connection(link, door.answering)
        self._connections.add(connection)
        self._selector.register(link, selectors.EVENT_READ, connection)

    def _serve(self, connection: Connection) -> None:
        waited = bool(connection.outbox)
        try:
            if waited:
                connection.write()
            else:
                connection.read()
        except (Malformed, OSError):
            self._close(connection)
            return
        except Exception as error:  # noqa: BLE001  # the outermost door: one client's harm must not be everybody's
            say(f"a request failed: {type(error).__name__}")
            self._close(connection)
            return
        if bool(connection.outbox) != waited:
            self._selector.modify(
                connection.socket, selectors.EVENT_READ if waited else selectors.EVENT_WRITE, connection
            )

    def _close(self, connection: Connection) -> None:
        self._connections.remove(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _finish(self) -> None:
        for door in self._doors:
            self._selector.unregister(door.listener)
            door.listener.close()
        for connection in tuple(self._connections):
            with suppress(Malformed, OSError):
                while not connection.outbox and connection.read():
                    pass
            if connection.outbox:
                self._selector.modify(connection.socket, selectors.EVENT_WRITE, connection)
            else:
                self._close(connection)
        deadline = time.monotonic() + STOP_SECONDS
        while self._connections and (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                if isinstance(key.data, Connection):
                    self._last_write(key.data)

    def _last_write(self, connection: Connection) -> None:
        with suppress(OSError):
            connection.write()
            if connection.outbox:
                return
        self._close(connection)


def say(text: str) -> None:
    """One line on standard error, for the operator; never anything that was asked or answered."""
    with suppress(OSError):
        sys.stderr.write(f"keyholder: {text}\n")
        sys.stderr.flush()
