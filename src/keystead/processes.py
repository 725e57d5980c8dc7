"""The supervisor: starts the other processes, restarts what dies, hands out sockets, and stops all in order.

It holds no secrets. A child dies with it: each asks the kernel to be told when its parent is gone.
"""

import asyncio
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final, Protocol

from keystead import logs
from keystead.forks import Forks, environment
from keystead.metrics import meters

SEAL_NOT_OPENED: Final = 3
"""Exit status of a keyholder that could not unseal (keyholder.process)."""
LOG_REFUSED: Final = 4
"""Exit status of a recorder whose log must not be written to (trail.process)."""
STEADY_SECONDS: Final = 2.0
"""A child that lived so long is restarted at once; one that did not, after a growing pause."""
PAUSES: Final = (0.0, 0.1, 0.3, 1.0)
"""Seconds before each further start in a row; the last one for ever. Short: what was killed is back within three."""
STOP_SECONDS: Final = 15.0
"""From SIGTERM to SIGKILL."""


class StartFailed(Exception):
    """A process could not start at all. `text` says which and why, for the operator."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep alive.

    name  its kind, and a number where there are several of a kind: "worker 1"
    command  arguments after the interpreter; never a secret
    stdin    handed over at each start, then closed
    descriptors  inherited sockets and files
    final    exit statuses after which starting again would not help, with the reason for the operator
    last     first started when the others serve, so as not to hold them up
    forked   by the fork server where there is one: its program is one of those that are loaded there
    """

    name: str
    command: tuple[str, ...]
    stdin: bytes = field(default=b"", repr=False)
    descriptors: tuple[int, ...] = ()
    final: Mapping[int, str] = field(default_factory=dict)
    last: bool = False
    forked: bool = False

    @property
    def kind(self) -> str:
        return self.name.partition(" ")[0]


class Running(Protocol):
    """A child that has been started: forks.Forked, or Executed."""

    async def tell(self, text: bytes) -> None: ...
    def send_signal(self, number: int) -> None: ...
    async def wait(self) -> int: ...


class Executed:
    """A child with a program of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.send_signal = process.send_signal
        self.wait = process.wait
        self._process = process

    async def tell(self, text: bytes) -> None:
        """Its standard input, all of it."""
        if self._process.stdin is not None:
            self._process.stdin.write(text)
            self._process.stdin.close()


class Supervisor:
    """Runs children until told to stop. They are stopped kind by kind, in the reverse of the order given.

    prepare  what must be done before any child reads its standard input; meanwhile they load their programs. What it raises stops everything
    ready    returns once all children serve that are not the last; TimeoutError stops everything
    forks    starts the children that are forked; without it every child is executed
    """

    def __init__(
        self,
        children: Sequence[Child],
        ready: Callable[[], Awaitable[None]],
        *,
        prepare: Callable[[], Awaitable[None]] | None = None,
        forks: Forks | None = None,
        stop_seconds: float = STOP_SECONDS,
        steady_seconds: float = STEADY_SECONDS,
    ) -> None:
        self._children = children
        self._ready = ready
        self._prepare = prepare
        self._forks = forks
        self._prepared = asyncio.Event()
        self._announced = asyncio.Event()
        self._stop_seconds = stop_seconds
        self._steady_seconds = steady_seconds
        self._running: dict[str, Running] = {}
        self._stopping = asyncio.Event()
        self._failed: Exception | None = None

    async def run(self) -> None:
        """Returns after SIGTERM or SIGINT, when everything has stopped; raises StartFailed, or what `ready` raised.

        Further signals change nothing: whoever is in a hurry may kill the supervisor, and all children go with it.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        keepers = {child.name: asyncio.create_task(self._keep(child)) for child in self._children}
        for keeper in keepers.values():
            keeper.add_done_callback(lambda _: self._stopping.set())
        announce = asyncio.create_task(self._begin())
        await self._stopping.wait()
        announce.cancel()
        await self._stop(keepers)
        await asyncio.gather(announce, return_exceptions=True)
        if self._failed is not None:
            raise self._failed

    async def _begin(self) -> None:
        try:
            if self._prepare is not None:
                await self._prepare()
            self._prepared.set()
            await self._ready()
            self._announced.set()
        except TimeoutError:
            self._fail(StartFailed("Not every process became ready in time; the lines above say why."))
        except Exception as error:  # noqa: BLE001  # handed on by `run`, when everything has stopped
            self._fail(error)

    def _fail(self, why: Exception) -> None:
        if self._failed is None:
            self._failed = why
        self._stopping.set()

    async def _keep(self, child: Child) -> None:
        """Ends when the child has ended and everything is stopping."""
        short_lives = 0
        if child.last:
            await self._unless_stopping(self._announced)
        while not await self._stopping_within(PAUSES[min(short_lives, len(PAUSES) - 1)]):
            started = time.monotonic()
            try:
                status = await self._live(child)
            except OSError as error:
                self._fail(StartFailed(f"The {child.name} cannot be started: {error.strerror}."))
                return
            if self._stopping.is_set():
                return
            if status in child.final:
                self._fail(StartFailed(child.final[status]))
                return
            meters.RESTARTS.count(child.name.replace(" ", "-"))
            logs.write({"level": "warning", "event": "process ended", "child": child.name, "status": status})
            short_lives = 0 if time.monotonic() - started > self._steady_seconds else short_lives + 1

    async def _unless_stopping(self, event: asyncio.Event) -> None:
        """Until it is set, or everything stops."""
        waits = [asyncio.create_task(one.wait()) for one in (event, self._stopping)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _stopping_within(self, seconds: float) -> bool:
        if seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    async def _live(self, child: Child) -> int:
        """The exit status; negative, the signal that ended it. Raises OSError when it cannot be started."""
        process = await start(child, self._forks)
        self._running[child.name] = process
        try:
            await self._unless_stopping(self._prepared)
            await process.tell(child.stdin)
            return await process.wait()
        finally:
            del self._running[child.name]

    async def _stop(self, keepers: Mapping[str, asyncio.Task[None]]) -> None:
        for _, kind in groupby(reversed(self._children), key=lambda child: child.kind):
            await asyncio.gather(*(self._stop_one(child.name, keepers[child.name]) for child in kind))

    async def _stop_one(self, name: str, keeper: asyncio.Task[None]) -> None:
        """Also one that is only just being started: its keeper ends with it."""
        deadline = time.monotonic() + self._stop_seconds
        while not keeper.done():
            overdue = time.monotonic() > deadline
            if (process := self._running.get(name)) is not None:
                if overdue:
                    logs.write({"level": "error", "event": "process did not stop", "child": name})
                _signal(process, signal.SIGKILL if overdue else signal.SIGTERM)
            await asyncio.wait([keeper], timeout=self._stop_seconds if process else 0.01)
        keeper.result()


async def start(child: Child, forks: Forks | None) -> Running:
    """Raises OSError when it cannot be started."""
    forked = await forks.fork(child.command, child.descriptors) if forks is not None and child.forked else None
    return forked if forked is not None else await execute(child)


async def execute(child: Child) -> Executed:
    """Raises OSError when it cannot be started."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # the folder that somebody happens to start from is no place to import from
        *child.command,
        stdin=asyncio.subprocess.PIPE,
        pass_fds=child.descriptors,
        env=environment(),
        start_new_session=True,  # a Ctrl+C in the terminal reaches the supervisor alone, which stops in order
    )
    return Executed(process)


def _signal(process: Running, number: int) -> None:
    with suppress(ProcessLookupError):  # it has ended, and nobody has looked yet
        process.send_signal(number)


def bind(host: str, port: int) -> socket.socket:
    """A listening TCP socket whose dead peers are noticed.

    Raises OSError where the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener


class Runtime:
    """The private folder of this run's unix sockets, and the listening sockets themselves."""

    def __init__(self) -> None:
        base = os.environ.get("XDG_RUNTIME_DIR")
        self._folder = tempfile.TemporaryDirectory(
            prefix="keystead-", dir=base if base and os.access(base, os.W_OK) else None
        )
        self.path = Path(self._folder.name)
        self._listeners: list[socket.socket] = []

    def listen(self, name: str) -> int:
        """A listening socket of that name in the folder, to hand to a child; it outlives the child's restarts."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self.path / name))
        listener.listen(128)
        self._listeners.append(listener)
        return listener.fileno()

    def pair(self) -> tuple[int, int]:
        """The two ends of a connection between children, for messages; it outlives the restarts of both."""
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listeners += ends
        return ends[0].fileno(), ends[1].fileno()

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._folder.cleanup()
