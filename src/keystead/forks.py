"""The supervisor's side of the fork server: children that start with their program already loaded.

    supervisor ──── order: arguments, descriptors ────► fork server     one process that has loaded what they share
        │ ◄─────────────── process id ───────────────────── │
        │                                                 fork, twice
        └───────────── child of the supervisor ◄────────────┘           the one between has ended: its child is adopted (prctl(2),
                                                                        PR_SET_CHILD_SUBREAPER)

So what is forked is the supervisor's own child, like what is executed: it dies with the supervisor and does not with the fork
server, and its status is the supervisor's to read. The fork server is not watched: where it has gone, the next start makes another.

The order's packet is JSON and carries descriptors (unix(7), SCM_RIGHTS): standard input first, then those of the order. The child
gets them under the numbers that they have in the supervisor, as it would by inheriting them.

What it shares: memory that nobody writes to is there once. The layout of that memory is the same in all forked children; the
keyholder and the recorder, which hold keys, are executed and share nothing.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final, Self

import msgspec

from keystead.keyholder.hardening import IS_LINUX, SUPERVISOR, prctl

PR_SET_CHILD_SUBREAPER: Final = 36
OWN_SETTINGS: Final = "KEYSTEAD_"
"""Environment variables that children do not inherit: what they need they are told otherwise, and it may be secret."""
ORDER_BYTES: Final = 4096
DESCRIPTORS: Final = 16
"""The most that an order carries."""
CAN_FORK: Final = IS_LINUX and hasattr(os, "pidfd_open")


class Order(msgspec.Struct, frozen=True):
    """arguments  those after `python -P`
    descriptors  their numbers in the supervisor, which they are to have in the child
    """

    arguments: tuple[str, ...]
    descriptors: tuple[int, ...]


class Answer(msgspec.Struct, frozen=True):
    """0 where nothing could be started."""

    process: int = 0


def environment() -> dict[str, str]:
    """Of every child."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
    return {**inherited, SUPERVISOR: str(os.getpid())}


class Forks:
    """A fork server, begun before it is needed: it loads its programs while the supervisor prepares. For one event loop."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._one_at_a_time = asyncio.Lock()
        self._none = not CAN_FORK

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def begin(self) -> socket.socket:
        """Start it, unless it runs; the connection to it. Raises OSError."""
        if self._connection is not None:
            return self._connection
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-P", "-m", "keystead.fork_server", "--fd", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=environment(),
                start_new_session=True,
            )
        ours.setblocking(False)
        self._connection = ours
        return ours

    def close(self) -> None:
        """End it. What was forked lives on."""
        if self._connection is not None:
            self._connection.close()
        if self._server is not None:
            self._server.kill()  # it holds nothing that it would have to put away
            self._server.wait()
        self._server = self._connection = None

    async def fork(self, arguments: Sequence[str], descriptors: Sequence[int]) -> "Forked | None":
        """A new child of this process; None where there is to be no fork server. Where two in a row give none, there is to be none.

        Raises OSError where not even a process id can be had.
        """
        if self._none:
            return None
        order = Order(tuple(arguments), tuple(descriptors))
        async with self._one_at_a_time:
            found = await self._ordered(order) or await self._ordered(order)  # the second by a new server
            self._none = found is None
            return found

    async def _ordered(self, order: Order) -> "Forked | None":
        reading, writing = os.pipe()
        process = 0
        try:
            process = await asked(self.begin(), order, reading)
        except OSError:  # it has ended
            pass
        finally:
            os.close(reading)
            if not process:  # also when cancelled: what it might still answer is nobody's
                os.close(writing)
                self.close()
        return Forked(process, writing) if process else None


async def asked(server: socket.socket, order: Order, stdin: int) -> int:
    """The process id; 0 where there is none. Raises OSError."""
    with adopting():
        socket.send_fds(server, [msgspec.json.encode(order)], [stdin, *order.descriptors])
        packet = await asyncio.get_running_loop().sock_recv(server, ORDER_BYTES)
    return msgspec.json.decode(packet, type=Answer).process if packet else 0


@contextmanager
def adopting() -> Iterator[None]:
    """Meanwhile what a descendant leaves behind becomes this process's child. No longer than that: it would have to be reaped."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0)


class Forked:
    """A child of this process that it has not started itself."""

    def __init__(self, process: int, stdin: int) -> None:
        self._process = process
        self._stdin = stdin
        self._watch = os.pidfd_open(process)

    async def tell(self, text: bytes) -> None:
        """Its standard input, all of it."""
        await asyncio.to_thread(write_and_close, self._stdin, text)

    def send_signal(self, number: int) -> None:
        """Raises ProcessLookupError."""
        signal.pidfd_send_signal(self._watch, number)

    async def wait(self) -> int:
        """Its exit status; negative, the signal that ended it. Once."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        loop.add_reader(self._watch, ended.set_result, None)
        try:
            await ended
        finally:
            loop.remove_reader(self._watch)
        os.close(self._watch)
        return reaped(self._process)


def reaped(process: int) -> int:
    """The exit status of a child that has ended."""
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status)


def write_and_close(descriptor: int, text: bytes) -> None:
    with suppress(BrokenPipeError), open(descriptor, "wb") as file:
        file.write(text)
