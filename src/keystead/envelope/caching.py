"""Data keys used for more than one message, within limits: what a call to the key service costs is paid once for many.

Safe because every message derives a key of its own from its own id. What it costs is that a caller whose permission is taken
away keeps what is cached: THE MAX_AGE IS THE DELAY OF A REVOCATION. Cached is only what is identical: principal and keys
(the keyring's identity), partition, suite and encryption context; to open, the wrapped keys as well.
"""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from keystead.envelope.cache import Cache
from keystead.envelope.context import Context, serialize
from keystead.envelope.header import WrappedKey
from keystead.envelope.materials import Keyring, Sealing, make, opened
from keystead.envelope.suites import Suite

MESSAGES_MAX: Final = 2**32
BYTES_MAX: Final = 2**63 - 1
CAPACITY: Final = 1000


@dataclass(slots=True)
class _Counted:
    """A data key, and what may still be sealed with it."""

    sealing: Sealing = field(repr=False)
    messages: int
    bytes: int
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size: int) -> bool:
        with self.lock:
            if self.messages < 1 or self.bytes < size:
                return False
            self.messages -= 1
            self.bytes -= size
            return True


class CachedMaterials:
    """A keyring behind caches for both directions.

    max_age       seconds that a data key is used after it was made or opened
    max_messages  sealed with one data key
    max_bytes     of plaintext sealed with one data key
    capacity      data keys held, in each direction
    partition     one for each tenant or user of the program: nothing crosses it, whatever the contexts say
    """

    def __init__(
        self,
        keyring: Keyring,
        *,
        max_age: float,
        max_messages: int = MESSAGES_MAX,
        max_bytes: int = BYTES_MAX,
        capacity: int = CAPACITY,
        partition: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < max_messages <= MESSAGES_MAX or not 0 < max_bytes <= BYTES_MAX:
            raise ValueError("A data key seals 1 to 2^32 messages and 1 to 2^63 - 1 bytes.")
        self._keyring = keyring
        self._messages = max_messages
        self._bytes = max_bytes
        self._partition = partition.encode()
        self._sealing: Cache[_Counted] = Cache(ttl=max_age, capacity=capacity, clock=clock)
        self._opening: Cache[bytes] = Cache(ttl=max_age, capacity=capacity, clock=clock)

    def to_seal(self, suite: Suite, context: Context, size: int | None = None) -> Sealing:
        """A stream of unknown size gets a data key of its own: its bytes could not be counted in advance."""
        if size is None or size > self._bytes:
            return make(self._keyring, suite, context)
        key = self._key(suite, context)
        for _ in range(3):
            counted = self._sealing.get(key, lambda: self._new(suite, context))
            if counted.take(size):
                return counted.sealing
            self._sealing.drop(key, counted)
        return make(self._keyring, suite, context)  # many threads used up each new one before we had our turn

    def _new(self, suite: Suite, context: Context) -> _Counted:
        return _Counted(make(self._keyring, suite, context), self._messages, self._bytes)

    def to_open(self, suite: Suite, wrapped: tuple[WrappedKey, ...], context: Context) -> bytes:
        """Suites that use the data key itself are never cached."""
        if suite.kdf is None:
            return opened(self._keyring, suite, wrapped, context)
        key = (*self._key(suite, context), _digest(wrapped))
        return self._opening.get(key, lambda: opened(self._keyring, suite, wrapped, context))

    def _key(self, suite: Suite, context: Context) -> tuple[bytes, bytes, int, bytes]:
        return self._keyring.identity(), self._partition, suite.id, serialize(context)

    def clear(self) -> None:
        """Forget all data keys: the way to make a revocation count at once."""
        self._sealing.clear()
        self._opening.clear()


def _digest(wrapped: tuple[WrappedKey, ...]) -> bytes:
    """Of the set of wrapped keys, whatever their order."""
    one = sorted((key.provider.encode(), key.info, key.ciphertext) for key in wrapped)
    hashed = hashlib.sha384()
    for part in (part for key in one for part in key):
        hashed.update(len(part).to_bytes(4) + part)
    return hashed.digest()
