"""A bounded cache that fetches each thing once, however many ask, and ahead of its expiry.

    fresh            given from the cache
    about to expire  one caller fetches anew, at most once in an interval; the others, and this one on failure, get the old
    expired          one caller fetches; those who ask meanwhile wait for the same answer, and share its failure

So a key that expires under ten thousand threads is fetched once, and a key service that is away for less than the grace is
not noticed. Nothing is given after its time.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

V = TypeVar("V")

GRACE_SECONDS: Final = 10.0
INTERVAL_SECONDS: Final = 1.0
WAIT_SECONDS: Final = 20.0
"""As AWS's storm tracking cache: grace period, grace interval, in-flight time to live."""


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    expires: float
    asked: float


class Cache(Generic[V]):
    """Safe for threads. `ttl` and `grace` in seconds; `clock` any that only goes forward."""

    def __init__(
        self,
        *,
        ttl: float,
        capacity: int,
        grace: float = GRACE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if ttl <= 0 or capacity <= 0:
            raise ValueError("A cache has a time to live and a capacity above zero.")
        self._ttl = ttl
        self._capacity = capacity
        self._grace = min(grace, ttl / 2)
        self._clock = clock
        self._entries: OrderedDict[Hashable, _Entry[V]] = OrderedDict()
        self._loading: dict[Hashable, Future[V]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable, load: Callable[[], V]) -> V:
        """The cached value, or what `load` returns. Raises what it raises."""
        now = self._clock()
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and now < entry.expires:
                self._entries.move_to_end(key)
                if now < entry.expires - self._grace or now < entry.asked + INTERVAL_SECONDS:
                    return entry.value
                entry.asked = now
                loading = None
            else:
                entry = None
                loading = self._loading.get(key)
                if loading is None:
                    self._loading[key] = Future()
        if entry is not None:
            return self._renewed(key, load, entry.value)
        return self._loaded(key, load) if loading is None else loading.result(WAIT_SECONDS)

    def _renewed(self, key: Hashable, load: Callable[[], V], old: V) -> V:
        try:
            value = load()
        except Exception:  # noqa: BLE001  # the old one is still good, and the next caller tries again
            return old
        self.put(key, value)
        return value

    def _loaded(self, key: Hashable, load: Callable[[], V]) -> V:
        future = self._loading[key]
        try:
            value = load()
        except BaseException as error:
            with self._lock:
                del self._loading[key]
            future.set_exception(error)
            raise
        self.put(key, value)
        with self._lock:
            del self._loading[key]
        future.set_result(value)
        return value

    def put(self, key: Hashable, value: V) -> None:
        now = self._clock()
        with self._lock:
            self._entries[key] = _Entry(value, now + self._ttl, now)
            self._entries.move_to_end(key)
            while len(self._entries) > self._capacity:
                self._entries.popitem(last=False)

    def drop(self, key: Hashable, value: V) -> None:
        """Forget this value, unless another has taken its place."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry.value is value:
                del self._entries[key]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
