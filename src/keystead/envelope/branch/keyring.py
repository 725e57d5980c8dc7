"""Data keys wrapped locally under a branch key, each under a key derived for it alone.

    provider    aws-kms-hierarchy        info  the branch key's id
    ciphertext  salt (16) | iv (12) | version (16) | AES-256-GCM(derived key, iv, data key) | tag (16)
    derived     SP 800-108 counter mode, HMAC-SHA-256, from the branch key, label aws-kms-hierarchy, context = salt
    covered     aws-kms-hierarchy | branch key id | version (16) | serialized encryption context

28 random bytes a wrap: 2^96 wraps before two are alike with odds of 2^-32. Source: AWS Encryption SDK, hierarchical keyring;
AWS's keyring opens these where it finds the branch key in its own table.
"""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.envelope.branch.keys import BranchKey, BranchKeys
from keystead.envelope.cache import Cache
from keystead.envelope.context import Context, serialize
from keystead.envelope.derivation import counter_kdf
from keystead.envelope.errors import KeyUnavailable
from keystead.envelope.header import WrappedKey

PROVIDER: Final = "aws-kms-hierarchy"
LABEL: Final = PROVIDER.encode()
OVERHEAD: Final = 16 + 12 + 16 + 16
CAPACITY: Final = 1000


class BranchKeyring:
    """Wraps under the active version of a branch key, opens under any.

    branch  the branch key's id, or how to tell it from the encryption context: by tenant, by prefix
    ttl     seconds that an opened branch key is kept: the delay of a revocation, and of a rotation
    cache   to be shared by keyrings; what is kept is told apart by principal and table
    """

    def __init__(
        self,
        keys: BranchKeys,
        branch: str | Callable[[Context], str],
        *,
        ttl: float,
        capacity: int = CAPACITY,
        cache: Cache[BranchKey] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._branch = branch
        self._cache: Cache[BranchKey] = cache or Cache(ttl=ttl, capacity=capacity, clock=clock)

    def identity(self) -> bytes:
        named = self._branch if isinstance(self._branch, str) else f"chosen by {id(self._branch)}"
        return hashlib.sha384(b"branch" + self._keys.identity() + named.encode()).digest()

    def _id(self, context: Context) -> str:
        return self._branch if isinstance(self._branch, str) else self._branch(context)

    def generate(self, length: int, context: Context) -> tuple[bytes, list[WrappedKey]]:
        data_key = os.urandom(length)
        return data_key, self.wrap(data_key, context)

    def wrap(self, data_key: bytes, context: Context) -> list[WrappedKey]:
        branch_key_id = self._id(context)
        key = self._cache.get((self._keys.identity(), branch_key_id, b""), lambda: self._keys.active(branch_key_id))
        fresh = os.urandom(28)
        salt, iv = fresh[:16], fresh[16:]
        cipher = AESGCM(counter_kdf(key.key, LABEL, salt))
        sealed = cipher.encrypt(iv, data_key, _covered(branch_key_id, key.version, context))
        return [WrappedKey(PROVIDER, branch_key_id.encode(), fresh + key.version + sealed)]

    def unwrap(self, wrapped: Sequence[WrappedKey], length: int, context: Context) -> bytes:
        branch_key_id = self._id(context)
        reasons: list[str] = []
        for one in wrapped:
            if (one.provider, one.info) != (PROVIDER, branch_key_id.encode()):
                continue
            if len(one.ciphertext) != length + OVERHEAD:
                continue
            try:
                return self._opened(branch_key_id, one.ciphertext, context)
            except InvalidTag:
                reasons.append(f"The branch key {branch_key_id} does not open it.")
            except KeyUnavailable as unavailable:
                reasons += unavailable.reasons
        raise KeyUnavailable("No data key could be opened.", reasons or [f"None is of the branch key {branch_key_id}."])

    def _opened(self, branch_key_id: str, ciphertext: bytes, context: Context) -> bytes:
        salt, iv, version, sealed = ciphertext[:16], ciphertext[16:28], ciphertext[28:44], ciphertext[44:]
        at = (self._keys.identity(), branch_key_id, version)
        key = self._cache.get(at, lambda: self._keys.version(branch_key_id, version))
        covered = _covered(branch_key_id, version, context)
        return AESGCM(counter_kdf(key.key, LABEL, salt)).decrypt(iv, sealed, covered)


def _covered(branch_key_id: str, version: bytes, context: Context) -> bytes:
    return LABEL + branch_key_id.encode() + version + serialize(context)
