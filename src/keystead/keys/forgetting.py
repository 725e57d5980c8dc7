"""Tells the keyholder to drop what it holds open of keys that have changed, here or on another node.

Whatever is dropped is opened again when it is next used, if it may be. So every change counts, and none is asked what it was.
"""

import asyncio
from contextlib import suppress

from keystead.database.feed import EVERYTHING, Feed
from keystead.keyholder.errors import KeyholderLost
from keystead.keyholder.promise import EVERY_KEY, Keyholder
from keystead.keys.store import KIND


class Forgetting:
    """Follows the change feed, beside the callers: nobody waits for it."""

    def __init__(self, feed: Feed, keyholder: Keyholder) -> None:
        self._keyholder = keyholder
        self._changed: set[str] = set()
        self._telling: asyncio.Task[None] | None = None
        feed.on(KIND, self._note)

    async def forget(self, key_id: str) -> None:
        """At once. A keyholder that is gone holds nothing."""
        with suppress(KeyholderLost):
            await self._keyholder.forget(key_id)

    def _note(self, changed: str) -> None:
        self._changed.add(EVERY_KEY if changed == EVERYTHING else changed.partition("/")[2])
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        while self._changed:
            await self.forget(self._changed.pop())
