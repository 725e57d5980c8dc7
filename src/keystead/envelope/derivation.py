"""From the data key to the message's own key and commitment (RFC 5869), and wrapping keys by SP 800-108."""

import hmac
from typing import Final

from keystead.envelope.suites import COMMITMENT_LENGTH, Suite

HASH_LENGTH: Final = {"sha256": 32, "sha384": 48, "sha512": 64}
DERIVE: Final = b"DERIVEKEY\x01"
COMMIT: Final = b"COMMITKEY\x01"
"""The texts of the Encryption SDK, each with the block counter of HKDF's expansion: one block is enough."""


def message_key(suite: Suite, data_key: bytes, message_id: bytes) -> tuple[bytes, bytes]:
    """The key that seals this message and no other, and the commitment to it; empty where the suite has none."""
    if suite.kdf is None:
        return data_key, b""
    number = suite.id.to_bytes(2)
    if suite.version == 1:
        return hkdf(data_key, bytes(HASH_LENGTH[suite.kdf]), number + message_id, suite.key_length, suite.kdf), b""
    extracted = hmac.digest(message_id, data_key, suite.kdf)
    key = hmac.digest(extracted, number + DERIVE, suite.kdf)[: suite.key_length]
    return key, hmac.digest(extracted, COMMIT, suite.kdf)[:COMMITMENT_LENGTH]


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int, name: str = "sha512") -> bytes:
    """HKDF of up to one block of the hash (RFC 5869)."""
    if length > HASH_LENGTH[name]:
        raise ValueError("One block of the hash is not enough.")
    return hmac.digest(hmac.digest(salt, secret, name), info + b"\x01", name)[:length]


def counter_kdf(key: bytes, label: bytes, context: bytes) -> bytes:
    """32 bytes by SP 800-108 in counter mode, HMAC-SHA-256, 32-bit counter before the fixed data."""
    return hmac.digest(key, b"\0\0\0\1" + label + b"\0" + context + b"\0\0\1\0", "sha256")
