"""Takes connections from a socket that several workers listen on, so that each gets its share of them.

    connections   open connections (8) of worker 1 | of worker 2 | …       native order, mapped by all of them

Left to an event loop, whoever wakes first takes all that wait: of two workers one was seen with 113 of 128 connections.

1. in a turn of its loop a worker takes one connection
2. one that has an eighth more than another leaves what waits to the other for a moment
3. what nobody has taken then, it takes; and who took nothing, is not waited for until its count changes
"""

import asyncio
import errno
import mmap
import os
import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

NAME: Final = "connections"
CELL: Final = 8
PART: Final = 8
"""Who has an eighth more than another still has its share: the more there are, the less they need to take turns."""
LOOK_SECONDS: Final = 0.001
"""Between two looks at whether another has taken what waits."""
MOMENT_SECONDS: Final = 0.02
"""How long it is left to the others: a turn of a loop that is full takes some 10 ms."""
FULL_SECONDS: Final = 0.1
"""Without a descriptor to spare a worker looks again so much later; what waits is for the others, if they have one."""
NO_DESCRIPTOR: Final = frozenset({errno.EMFILE, errno.ENFILE})


class Shares:
    """How many connections each worker has. `slot` is this one's, from 0."""

    def __init__(self, path: Path, *, slot: int, slots: int) -> None:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, slots * CELL)
            self._cells = memoryview(mmap.mmap(descriptor, slots * CELL)).cast("Q")
        finally:
            os.close(descriptor)
        self._slot = slot
        self._open = self._coming = 0
        self.tell(0)  # whoever had the slot before has left its connections

    def tell(self, count: int) -> None:
        self._open = count
        self._cells[self._slot] = count + self._coming

    def come(self, more: int) -> None:
        """So many more, or less, are taken and not yet open."""
        self._coming += more
        self.tell(self._open)

    def behind(self) -> dict[int, int]:
        """Of the workers that have so much less than this one that they come first: their connections, by slot."""
        mine = self._cells[self._slot]
        most = mine - mine // PART
        return {slot: count for slot, count in enumerate(self._cells) if count < most}


class Counted(set[Any]):
    """The open connections, as uvicorn keeps them; the others are told how many."""

    def __init__(self, shares: Shares) -> None:
        super().__init__()
        self._shares = shares

    def add(self, connection: Any) -> None:
        super().add(connection)
        self._shares.tell(len(self))

    def discard(self, connection: Any) -> None:
        super().discard(connection)
        self._shares.tell(len(self))


class Accepting:
    """As much of an asyncio.Server as uvicorn uses. Begins at once."""

    def __init__(
        self,
        listener: socket.socket,
        made: Callable[[], asyncio.Protocol],
        shares: Shares,
        secured: ssl.SSLContext | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._listener.setblocking(False)
        self._waiting = select.poll()
        self._waiting.register(listener, select.POLLIN)
        self._made = made
        self._shares = shares
        self._secured = secured
        self._opening: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._left: dict[int, int] = {}
        self._until = 0.0
        self._away: dict[int, int] = {}
        self._listen()

    def close(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        for task in self._opening:
            task.cancel()

    def _listen(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._come)

    def _look(self) -> None:
        """Whether it has been taken; what comes then is another."""
        if not self._waiting.poll(0):
            self._left = {}
        self._listen()

    def _come(self) -> None:
        if self._leave():
            self._rest(LOOK_SECONDS)
        else:
            self._take()

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(seconds, self._look)

    def _leave(self) -> bool:
        """Whether to leave what waits to others."""
        behind = self._shares.behind()
        self._away = {slot: count for slot, count in self._away.items() if behind.get(slot) == count}
        if behind.keys() <= self._away.keys():
            self._left = {}
            return False
        now = self._loop.time()
        if not self._left:
            self._left, self._until = behind, now + MOMENT_SECONDS
        if now < self._until:
            return True
        self._away = {slot: count for slot, count in behind.items() if self._left.get(slot) == count}
        self._left = {}
        return False

    def _take(self) -> None:
        try:
            link, _ = self._listener.accept()
        except OSError as error:  # another was quicker, or it is gone again
            if error.errno in NO_DESCRIPTOR:
                self._rest(FULL_SECONDS)
            return
        task = self._loop.create_task(self._open(link))
        self._shares.come(1)
        self._opening.add(task)
        task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._shares.come(-1)
        self._opening.discard(task)

    async def _open(self, link: socket.socket) -> None:
        with suppress(OSError):  # what came is no TLS, or is gone again
            await self._loop.connect_accepted_socket(self._made, link, ssl=self._secured)
