"""The data keys of records: made, committed to, opened, cached, wrapped anew.

record key   HKDF-SHA512(data key, info = "keystead record DERIVEKEY" | ref)
commitment   HKDF-SHA512(data key, info = "keystead record COMMITKEY" | ref), in the row, compared once when it is loaded
context      of the wrapping: keystead:record-key = ref in hex, keystead:record-name = name
"""

import hmac
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.envelope.cache import Cache
from keystead.envelope.derivation import hkdf
from keystead.envelope.errors import KeyUnavailable, NotAuthentic
from keystead.envelope.materials import Keyring
from keystead.envelope.records.rows import RecordRow, RecordRows, from_text, to_text

KEY_LENGTH: Final = 32
REF_LENGTH: Final = 16
CAPACITY: Final = 1000


class RecordKeys:
    """One store under one keyring.

    ttl       seconds that an opened data key is kept: the delay of a revocation
    capacity  data keys kept
    """

    def __init__(
        self,
        rows: RecordRows,
        keyring: Keyring,
        *,
        ttl: float,
        capacity: int = CAPACITY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rows = rows
        self._keyring = keyring
        self._cache: Cache[AESGCM] = Cache(ttl=ttl, capacity=capacity, clock=clock)

    def create(self, name: str) -> RecordRow:
        """A new data key, active for its name; opened once before it is believed. Raises KeyUnavailable."""
        ref = os.urandom(REF_LENGTH)
        data_key, wrapped = self._keyring.generate(KEY_LENGTH, context_of(ref, name))
        row = RecordRow(ref, name, to_text(wrapped), commitment_of(data_key, ref))
        self._open(row)
        self.rows.add(row)
        return row

    def cipher(self, ref: bytes) -> AESGCM:
        """Raises KeyUnavailable, NotAuthentic where the row's data key is another one."""
        return self._cache.get((self._keyring.identity(), ref), lambda: self._loaded(ref))

    def _loaded(self, ref: bytes) -> AESGCM:
        row = self.rows.get(ref)
        if row is None:
            raise KeyUnavailable("There is no data key with the record's reference.")
        return AESGCM(hkdf(self._open(row), b"", b"keystead record DERIVEKEY" + ref, KEY_LENGTH))

    def _open(self, row: RecordRow) -> bytes:
        try:
            wrapped = from_text(row.wrapped)
        except ValueError:
            raise KeyUnavailable("The row of a data key is damaged.") from None
        data_key = self._keyring.unwrap(wrapped, KEY_LENGTH, context_of(row.ref, row.name))
        if not hmac.compare_digest(commitment_of(data_key, row.ref), row.commitment):
            raise NotAuthentic
        return data_key

    def rewrap(self, target: Keyring, refs: Iterable[bytes] | None = None, jobs: int = 8) -> int:
        """Wrap every data key anew, under `target`; how many. No record changes. What is wrapped is opened before it is kept.

        Rows that were made or wrapped anew meanwhile are left as they are. May be repeated.
        """

        def one(ref: bytes) -> bool:
            row = self.rows.get(ref)
            return row is not None and self._rewrap(row, target)

        with ThreadPoolExecutor(jobs) as pool:
            return sum(pool.map(one, self.rows.refs() if refs is None else refs))

    def _rewrap(self, row: RecordRow, target: Keyring) -> bool:
        data_key, context = self._open(row), context_of(row.ref, row.name)
        wrapped = target.wrap(data_key, context)
        if not hmac.compare_digest(target.unwrap(wrapped, KEY_LENGTH, context), data_key):
            raise NotAuthentic
        return self.rows.rewrap(row.ref, row.wrapped, to_text(wrapped))


def context_of(ref: bytes, name: str) -> dict[str, str]:
    return {"keystead:record-key": ref.hex(), "keystead:record-name": name}


def commitment_of(data_key: bytes, ref: bytes) -> bytes:
    return hkdf(data_key, b"", b"keystead record COMMITKEY" + ref, 32)
