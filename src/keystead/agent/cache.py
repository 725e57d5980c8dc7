"""Answers that are kept: for a time, confirmed cheaply when it has passed, and for a bounded time more when nobody can be asked.

younger than ttl            served as it is
older, or doubted           DescribeSecret; fetched anew only if the label is on another version. Parameters are fetched anew
nobody answers              served as it is, until `stale` seconds after it was last to be confirmed
refused, or gone            forgotten at once, and the refusal is passed on

What the service says has changed (agent.watching) is doubted.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from keystead.agent.asked import Asked, AskedParameter
from keystead.agent.upstream import Fetched, Refused, Unreachable, Upstream

ENTRIES: Final = 1000
Key = tuple[object, ...]


@dataclass(slots=True)
class Entry:
    """confirmed  when the service last said that this is what the label stands for, on a clock that nobody sets
    doubted    the service has said since that it is not
    """

    role: str | None
    fetched: Fetched = field(repr=False)
    confirmed: float
    doubted: bool = False


class Cache:
    """Bounded; of those asked for at the same time one asks the service. What is unused longest goes first."""

    def __init__(
        self, upstream: Upstream, *, ttl: float, stale: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._upstream = upstream
        self._ttl = ttl
        self._stale = stale
        self._clock = clock
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._asking: dict[object, asyncio.Task[bytes]] = {}

    def believed(self) -> Iterator[tuple[Key, Entry]]:
        """What would be served without a question, as far as nothing but time speaks against it."""
        return ((key, entry) for key, entry in self._entries.items() if not entry.doubted)

    def doubt(self, key: Key, version: str) -> None:
        """That version is no longer what the name stands for."""
        entry = self._entries.get(key)
        if entry is not None and entry.fetched.version == version:
            entry.doubted = True

    def kept(self, asked: Asked | AskedParameter) -> bytes | None:
        """An answer that needs no question."""
        entry = self._entries.get(asked.key)
        if entry is None or entry.doubted or asked.refresh or self._clock() >= entry.confirmed + self._ttl:
            return None
        self._entries.move_to_end(asked.key)
        return entry.fetched.body

    async def get(self, asked: Asked | AskedParameter) -> bytes:
        """Raises Refused, Unreachable."""
        body = self.kept(asked)
        if body is not None:
            return body
        shared = (asked.key, asked.refresh)
        task = self._asking.get(shared)
        if task is None:
            task = self._asking[shared] = asyncio.create_task(self._ask(asked))
            task.add_done_callback(lambda _: self._asking.pop(shared, None))
        return await asyncio.shield(task)

    async def _ask(self, asked: Asked | AskedParameter) -> bytes:
        entry = self._entries.get(asked.key)
        now = self._clock()
        try:
            if entry is None or asked.refresh or not await self._confirmed(asked, entry):
                entry = Entry(asked.role, await self._upstream.fetch(asked), now)
        except Unreachable:
            if entry is None or asked.refresh or now >= entry.confirmed + self._ttl + self._stale:
                raise
            return entry.fetched.body
        except BaseException:
            self._entries.pop(asked.key, None)
            raise
        entry.confirmed, entry.doubted = now, False
        self._keep(asked, entry)
        return entry.fetched.body

    async def _confirmed(self, asked: Asked | AskedParameter, entry: Entry) -> bool:
        """Whoever may read a secret and not describe it cannot confirm, but fetch. Raises Unreachable."""
        try:
            return await self._upstream.is_current(asked, entry.fetched.version)
        except Unreachable:
            raise
        except Refused:
            return False

    def _keep(self, asked: Asked | AskedParameter, entry: Entry) -> None:
        self._entries[asked.key] = entry
        self._entries.move_to_end(asked.key)
        while len(self._entries) > ENTRIES:
            self._entries.popitem(last=False)
