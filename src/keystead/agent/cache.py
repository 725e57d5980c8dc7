"""Answers that are kept: for a time, confirmed cheaply when it has passed, and for a bounded time more when nobody can be asked.

younger than ttl            served as it is
older                       DescribeSecret; fetched anew only if the label is on another version
nobody answers              served as it is, until `stale` seconds after it was last confirmed
refused, or gone            forgotten at once, and the refusal is passed on
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from keystead.agent.asked import Asked
from keystead.agent.upstream import Fetched, Unreachable, Upstream

ENTRIES: Final = 1000


@dataclass(slots=True)
class Entry:
    """confirmed  when the service last said that this is what the label stands for, on a clock that nobody sets"""

    fetched: Fetched = field(repr=False)
    confirmed: float


class Cache:
    """Bounded; of those asked for at the same time one asks the service. What is unused longest goes first."""

    def __init__(
        self, upstream: Upstream, *, ttl: float, stale: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._upstream = upstream
        self._ttl = ttl
        self._stale = stale
        self._clock = clock
        self._entries: OrderedDict[object, Entry] = OrderedDict()
        self._asking: dict[object, asyncio.Task[bytes]] = {}

    def kept(self, asked: Asked) -> bytes | None:
        """An answer that needs no question."""
        entry = self._entries.get(asked.key)
        if entry is None or asked.refresh or self._clock() >= entry.confirmed + self._ttl:
            return None
        self._entries.move_to_end(asked.key)
        return entry.fetched.body

    async def get(self, asked: Asked) -> bytes:
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

    async def _ask(self, asked: Asked) -> bytes:
        entry = self._entries.get(asked.key)
        now = self._clock()
        try:
            if entry is None or asked.refresh or not await self._upstream.is_current(asked, entry.fetched.version):
                entry = Entry(await self._upstream.fetch(asked), now)
        except Unreachable:
            if entry is None or asked.refresh or now >= entry.confirmed + self._ttl + self._stale:
                raise
            return entry.fetched.body
        except BaseException:
            self._entries.pop(asked.key, None)
            raise
        entry.confirmed = now
        self._keep(asked, entry)
        return entry.fetched.body

    def _keep(self, asked: Asked, entry: Entry) -> None:
        self._entries[asked.key] = entry
        self._entries.move_to_end(asked.key)
        while len(self._entries) > ENTRIES:
            self._entries.popitem(last=False)
