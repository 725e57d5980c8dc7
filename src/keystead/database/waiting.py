"""Those who wait for a change: woken by the change feed, by the end of their patience, or when the process is to stop.

Nothing is asked of the database while nothing changes: the feed's counter is compared every LOOK_SECONDS, as before every call.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from keystead.database.feed import EVERYTHING, Feed

T = TypeVar("T")
Watched = tuple[str, str]
"""Kind and id of a change."""
LOOK_SECONDS: Final = 0.25


class Waiting:
    """Of one process. It must be made after the caches: who is woken finds them evicted."""

    def __init__(self, feed: Feed, *kinds: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._feed = feed
        self._clock = clock
        self._sleepers: dict[asyncio.Event, frozenset[Watched]] = {}
        self._closed = False
        for kind in kinds:
            feed.on(kind, partial(self._wake, kind))

    def close(self) -> None:
        """Whoever waits goes away with what there is, and nobody waits any more."""
        self._closed = True
        for woken in self._sleepers:
            woken.set()

    async def first(
        self, watched: frozenset[Watched], look: Callable[[], Awaitable[T | None]], seconds: float
    ) -> T | None:
        """What `look` finds, asked at once and after every change of what is watched; None when it found nothing in time.

        Raises DatabaseLost, and what `look` raises.
        """
        until = self._clock() + seconds
        woken = asyncio.Event()
        self._sleepers[woken] = watched
        try:
            while (found := await look()) is None and not self._closed and self._clock() < until:
                await self._sleep(woken, until)
                woken.clear()
        finally:
            del self._sleepers[woken]
        return found

    async def _sleep(self, woken: asyncio.Event, until: float) -> None:
        while not woken.is_set() and (left := until - self._clock()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, LOOK_SECONDS)):
                    await woken.wait()
            if not self._feed.current():
                await self._feed.catch_up()

    def _wake(self, kind: str, changed: str) -> None:
        for woken, watched in self._sleepers.items():
            if (kind, changed) in watched or (changed == EVERYTHING and any(one[0] == kind for one in watched)):
                woken.set()
