"""Data keys wrapped under an AES key that the program holds itself.

    provider    the key's namespace
    info        name | tag bits (4) = 128 | iv length (4) = 12 | iv (12)
    ciphertext  AES-GCM(wrapping key, iv, data key) | tag (16)          covered: the full encryption context

Random IVs: no more than 2^32 data keys to a wrapping key (SP 800-38D). Source: AWS Encryption SDK, raw AES keyring.
"""

import os
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.envelope.context import Context, serialize
from keystead.envelope.errors import KeyUnavailable
from keystead.envelope.header import WrappedKey
from keystead.envelope.suites import IV_LENGTH

TAIL: Final = (128).to_bytes(4) + IV_LENGTH.to_bytes(4)


class RawAesKeyring:
    """`namespace` and `name` find the key again; the key has 16, 24 or 32 bytes."""

    def __init__(self, namespace: str, name: str, key: bytes) -> None:
        if namespace.startswith("aws-kms"):
            raise ValueError("Namespaces that begin with aws-kms are the key service's.")
        self._namespace = namespace
        self._name = name.encode()
        self._cipher = AESGCM(key)
        self._identity = b"raw-aes" + os.urandom(16)

    def identity(self) -> bytes:
        return self._identity

    def generate(self, length: int, context: Context) -> tuple[bytes, list[WrappedKey]]:
        data_key = os.urandom(length)
        return data_key, self.wrap(data_key, context)

    def wrap(self, data_key: bytes, context: Context) -> list[WrappedKey]:
        iv = os.urandom(IV_LENGTH)
        sealed = self._cipher.encrypt(iv, data_key, serialize(context))
        return [WrappedKey(self._namespace, self._name + TAIL + iv, sealed)]

    def unwrap(self, wrapped: Sequence[WrappedKey], length: int, context: Context) -> bytes:
        covered = serialize(context)
        reasons = []
        for key in wrapped:
            if not self._is_own(key) or len(key.ciphertext) != length + 16:
                continue
            try:
                return self._cipher.decrypt(key.info[-IV_LENGTH:], key.ciphertext, covered)
            except InvalidTag:
                reasons.append(f"The key {self._namespace}/{self._name.decode()} does not open it.")
        raise KeyUnavailable("No data key could be opened.", reasons)

    def _is_own(self, key: WrappedKey) -> bool:
        opening = self._name + TAIL
        return (
            key.provider == self._namespace
            and len(key.info) == len(opening) + IV_LENGTH
            and key.info.startswith(opening)
        )
