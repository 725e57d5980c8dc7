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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger("keystead.processes")

SUPERVISOR: Final = "KEYSTEAD_SUPERVISOR"
"""Environment variable by which a child knows whose end is its own."""
SEAL_NOT_OPENED: Final = 3
"""Exit status of a keyholder that could not unseal: starting it again would not help."""
STEADY_SECONDS: Final = 5.0
"""A child that lived so long is restarted at once; one that did not, after a growing pause."""
PAUSES: Final = (0.0, 0.1, 0.3, 1.0, 2.0)
STOP_SECONDS: Final = 15.0


class StartFailed(Exception):
    """A process could not start at all. `text` says which and why, for the operator."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep alive.

    command  arguments after the interpreter; never a secret
    stdin    handed over at each start, then closed
    descriptors  inherited sockets and files
    essential  False: not waited for before the node counts as ready
    """

    name: str
    command: tuple[str, ...]
    stdin: bytes = field(default=b"", repr=False)
    descriptors: tuple[int, ...] = ()


class Supervisor:
    """Runs children until told to stop. They are stopped in the reverse of the order given."""

    def __init__(self, children: Sequence[Child], ready: Callable[[], Awaitable[None]]) -> None:
        self._children = children
        self._ready = ready
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._failed: StartFailed | None = None

    async def run(self) -> None:
        """Returns after SIGTERM or SIGINT, when everything has stopped; raises StartFailed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        keepers = [asyncio.create_task(self._keep(child)) for child in self._children]
        announce = asyncio.create_task(self._announce())
        await self._stopping.wait()
        announce.cancel()
        await self._stop()
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, announce, return_exceptions=True)
        if self._failed is not None:
            raise self._failed

    async def _announce(self) -> None:
        await self._ready()

    async def _keep(self, child: Child) -> None:
        short_lives = 0
        while not self._stopping.is_set():
            await asyncio.sleep(PAUSES[min(short_lives, len(PAUSES) - 1)])
            started = time.monotonic()
            status = await self._live(child)
            if self._stopping.is_set():
                return
            if status == SEAL_NOT_OPENED:
                self._failed = StartFailed("The seal could not be opened.")
                self._stopping.set()
                return
            log.warning("process ended", process=child.name, status=status)
            short_lives = 0 if time.monotonic() - started > STEADY_SECONDS else short_lives + 1

    async def _live(self, child: Child) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *child.command,
            stdin=asyncio.subprocess.PIPE,
            pass_fds=child.descriptors,
            env={**os.environ, SUPERVISOR: str(os.getpid())},
            start_new_session=True,  # a Ctrl+C in the terminal reaches the supervisor alone, which stops in order
        )
        self._running[child.name] = process
        if process.stdin is not None:
            process.stdin.write(child.stdin)
            process.stdin.close()
        try:
            return await process.wait()
        finally:
            self._running.pop(child.name, None)

    async def _stop(self) -> None:
        for child in reversed(self._children):
            process = self._running.get(child.name)
            if process is None:
                continue
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                log.error("process did not stop", process=child.name)
                process.kill()


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
        """A listening socket at `path(name)`, as a descriptor to hand to a child; it outlives the child's restarts."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self.path / name))
        listener.listen(128)
        self._listeners.append(listener)
        return listener.fileno()

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._folder.cleanup()
