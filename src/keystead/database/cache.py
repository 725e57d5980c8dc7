"""A bounded map of what was loaded from the database, which never keeps what was overtaken while it loaded."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from keystead.database.feed import Feed

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """The owner evicts, told by Feed.on. When full, what was loaded first goes first."""

    def __init__(self, feed: Feed, limit: int) -> None:
        self._feed = feed
        self._limit = limit
        self._kept: dict[K, V] = {}
        self.get = self._kept.get

    async def load(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """The kept value, or what `load` brings. It is kept only if nothing was evicted while it was on its way.

        Raises what `load` raises.
        """
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        generation = self._feed.generation
        loaded = await load()
        self.keep(key, loaded, generation)
        return loaded

    def keep(self, key: K, loaded: V, generation: int) -> None:
        """Keep it, unless something was evicted since `generation`, the feed's when loading began."""
        if self._feed.generation != generation:
            return
        while len(self._kept) >= self._limit:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = loaded

    def evict(self, key: K) -> None:
        self._kept.pop(key, None)

    def evict_where(self, condition: Callable[[V], bool]) -> None:
        for key in [key for key, value in self._kept.items() if condition(value)]:
            del self._kept[key]

    def clear(self) -> None:
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
