"""The recorder's event loop: takes in whatever has come, makes it durable as one group, and acknowledges it.

One thread. While it waits for the disk the sockets gather the next group, so a record that comes alone does not wait for
company, and under load a group is what came during one fdatasync.
"""

import select
import selectors
import signal
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from keystead.metrics import meters
from keystead.own_user import is_own_user
from keystead.trail.gate import Gate
from keystead.trail.log import Arrival, Log, Sign
from keystead.trail.protocol import ANSWER, Malformed, requests
from keystead.trail.recovery import Say

READ_SIZE: Final = 256 * 1024
STOP_SECONDS: Final = 2.0
"""How long a client that does not read its last answers is waited for."""
CONNECTION_LIMIT: Final = 1024
"""Open connections; a node has one for each of its processes."""


class Connection:
    """One client. While it does not read its answers, its records are not taken either."""

    def __init__(self, link: socket.socket) -> None:
        link.setblocking(False)
        self.socket = link
        self.source = process_of(link)
        self._number = 0
        self._inbox = b""
        self.greeted = False
        self.outbox = b""

    def read(self) -> list[Arrival]:
        """Records that have come as a whole. Raises Malformed, ConnectionError."""
        came = self.socket.recv(READ_SIZE)
        if not came:
            raise ConnectionResetError
        received = self._inbox + came if self._inbox else came
        arrivals: list[Arrival] = []
        rest = 0
        for number, event, rest in requests(received):  # noqa: B007  # the last one counts
            self._number += 1
            if number != self._number:
                raise Malformed
            arrivals.append((self.source, number, event))
        self._inbox = received[rest:]
        return arrivals

    def answer(self, count: int, index: int) -> None:
        """Raises ConnectionError."""
        self.outbox += ANSWER.pack(count, index)
        self.write()

    def write(self) -> None:
        """Raises ConnectionError."""
        with suppress(BlockingIOError):
            self.outbox = self.outbox[self.socket.send(self.outbox) :]


def process_of(link: socket.socket) -> int:
    """The process id at the other end (SO_PEERCRED, unix(7))."""
    credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    process: int = struct.unpack("3i", credentials)[0]
    return process


class Serving:
    """`every` seconds the tree is signed, if it has grown. `gate`: of the sinks that are required, where any is."""

    def __init__(
        self, log: Log, listener: socket.socket, sign: Sign, every: float, say: Say, gate: Gate | None = None
    ) -> None:
        self._log = log
        self._sign = sign
        self._every = every
        self._say = say
        self._due = time.monotonic() + every
        self._connections: set[Connection] = set()
        self._selector = selectors.DefaultSelector()
        self._listener = listener
        self._listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        self._gate = gate
        if gate is not None:
            self._selector.register(gate.listener, selectors.EVENT_READ)
        self._woken, self._waking = socket.socketpair()
        self._waking.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # the byte that it writes to `waking` is what counts
        signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        """Until SIGTERM; what has been sent by then is recorded, acknowledged and signed. Raises LogBroken."""
        stopping = False
        while not stopping:
            ready = self._selector.select(self._patience())
            group: list[tuple[Connection, list[Arrival]]] = []
            for key, _ in ready:
                if isinstance(key.data, Connection):
                    self._take(key.data, group)
                elif key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._woken:
                    stopping = True
                elif self._gate is not None:
                    self._hear(self._gate, key.fileobj)
            self._record(group)
            if self._gate is not None:
                self._mind(self._gate)
            if time.monotonic() >= self._due:
                self._sign_tree()
                self._due = time.monotonic() + self._every
        self._finish()

    def _patience(self) -> float:
        """Seconds until something is due though nothing comes."""
        ends = self._gate.deadline() if self._gate is not None else None
        return max(0.0, min(self._due, ends or self._due) - time.monotonic())

    def _hear(self, gate: Gate, of: object) -> None:
        """A sinks' process that comes, that tells how far it is, or that has gone."""
        before = gate.link
        try:
            if of is before:
                gate.hear()
            elif of is gate.listener and gate.accept():
                self._forget(before)
                self._selector.register(gate.welcome(self._log.size), selectors.EVENT_READ)
        except OSError:
            self._forget(before)
            gate.lose(time.monotonic())

    def _forget(self, link: socket.socket | None) -> None:
        if link is not None:
            with suppress(KeyError, ValueError):
                self._selector.unregister(link)

    def _mind(self, gate: Gate) -> None:
        """Answer what has passed; shut the gate when patience has ended, open it when the sinks have everything."""
        gate.release()
        ends = gate.deadline()
        if ends is not None and time.monotonic() >= ends:
            self._shut(gate)
        elif not gate.open and gate.link is not None and gate.passed >= self._log.size:
            self._open(gate)

    def _shut(self, gate: Gate) -> None:
        missing = gate.ill or "the process of the sinks"
        self._say(f"A REQUIRED SINK IS MISSING: {missing}. Nothing is answered until it has everything")
        gate.shut()
        for connection in tuple(self._connections):
            self._close(connection)
        self._note(gate, "SinkLost", {"sinks": missing})

    def _open(self, gate: Gate) -> None:
        gate.open = True
        self._say("every required sink has everything")
        self._note(gate, "SinksComplete", {"size": self._log.size})
        for connection in tuple(self._connections):
            self._greet(connection)

    def _note(self, gate: Gate, name: str, details: Mapping[str, object]) -> None:
        self._log.note(name, details)
        gate.tell(self._log.size)

    def _accept(self) -> None:
        try:
            link, _ = self._listener.accept()
        except OSError:  # gone again, or no descriptor left: those who are connected are served all the same
            return
        if len(self._connections) >= CONNECTION_LIMIT or not is_own_user(link):
            link.close()
            return
        connection = Connection(link)
        self._connections.add(connection)
        self._selector.register(link, selectors.EVENT_READ, connection)
        if self._gate is None or self._gate.open:
            self._greet(connection)

    def _greet(self, connection: Connection) -> None:
        """It may record from now on."""
        connection.greeted = True
        self._answer(connection, 0, self._log.size)

    def _take(self, connection: Connection, group: list[tuple[Connection, list[Arrival]]]) -> None:
        try:
            if connection.outbox:
                connection.write()
                self._watch(connection)
            elif not connection.greeted:  # it has gone, or does not wait
                self._close(connection)
            elif arrivals := connection.read():
                group.append((connection, arrivals))
        except Malformed:
            self._say(f"process {connection.source} does not speak the protocol; its connection is closed")
            self._close(connection)
        except OSError:
            self._close(connection)

    def _record(self, group: list[tuple[Connection, list[Arrival]]]) -> None:
        if not group:
            return
        records = [arrival for _, arrivals in group for arrival in arrivals]
        began = time.perf_counter()
        index = self._log.append(records)
        self._measure(len(records), time.perf_counter() - began)
        for connection, arrivals in group:
            answer = partial(self._answer, connection, len(arrivals), index)
            index += len(arrivals)
            if self._gate is None:
                answer()
            else:
                self._gate.hold(index, time.monotonic(), answer)
        if self._gate is not None:
            self._gate.tell(self._log.size)

    def _measure(self, records: int, seconds: float) -> None:
        meters.RECORDED.count(by=records)
        meters.GROUP.observe(records)
        meters.DURABLE_TIME.observe(seconds)
        meters.LOG_SIZE.set(self._log.size)

    def _sign_tree(self) -> None:
        self._log.checkpoint(self._sign)
        meters.CHECKPOINT_AT.set(time.time())

    def _answer(self, connection: Connection, count: int, index: int) -> None:
        if connection not in self._connections:  # it did not wait for the sinks
            return
        try:
            connection.answer(count, index)
            if connection.outbox:
                self._watch(connection)
        except OSError:  # what it was told is durable; it has gone before it could hear so
            self._close(connection)

    def _watch(self, connection: Connection) -> None:
        """For room to write while something is left to be written, else for more records."""
        events = selectors.EVENT_WRITE if connection.outbox else selectors.EVENT_READ
        self._selector.modify(connection.socket, events, connection)

    def _close(self, connection: Connection) -> None:
        self._connections.remove(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _finish(self) -> None:
        """Take what has been sent, then tell everybody, then sign."""
        self._selector.unregister(self._listener)
        self._selector.unregister(self._woken)
        if self._gate is not None:
            self._selector.unregister(self._gate.listener)
            self._forget(self._gate.link)
        deadline = time.monotonic() + STOP_SECONDS
        while self._connections and (ready := self._selector.select(0)) and time.monotonic() < deadline:
            group: list[tuple[Connection, list[Arrival]]] = []
            for key, _ in ready:
                if isinstance(key.data, Connection):
                    self._take(key.data, group)
            self._record(group)
        self._wait_for_sinks(deadline)
        self._log.note("RecorderStopped", {})
        self._log.checkpoint(self._sign)
        for connection in tuple(self._connections):
            self._close(connection)

    def _wait_for_sinks(self, deadline: float) -> None:
        gate = self._gate
        while gate is not None and gate.waiting and gate.link is not None:
            if not select.select([gate.link], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return
            try:
                gate.hear()
            except OSError:
                return
            gate.release()
