"""A bounded map of what was loaded from the database, which never keeps what was overtaken while it loaded."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from keystead.database.feed import Feed
from keystead.metrics import meters

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """The owner evicts, told by Feed.on. When full, what was loaded first goes first. `name` is for the metrics."""

    def __init__(self, feed: Feed, limit: int, name: str = "other") -> None:
        self._feed = feed
        self._name = name
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
        meters.CACHE_LOADS.count(self._name)
        if self._feed.generation != generation:
            return
        while len(self._kept) >= self._limit:
            del self._kept[next(iter(self._kept))]
            meters.CACHE_DROPPED.count(self._name)
        self._kept[key] = loaded
        self._measure()

    def evict(self, key: K) -> None:
        self._kept.pop(key, None)
        self._measure()

    def evict_where(self, condition: Callable[[V], bool]) -> None:
        for key in [key for key, value in self._kept.items() if condition(value)]:
            del self._kept[key]
        self._measure()

    def clear(self) -> None:
        self._kept.clear()
        self._measure()

    def _measure(self) -> None:
        meters.CACHE_ENTRIES.set(len(self._kept), self._name)

    def __len__(self) -> int:
        return len(self._kept)
