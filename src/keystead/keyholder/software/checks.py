"""What is asked of every caller's bytes, and what becomes of plaintext that only a recipient may see."""

from typing import Final

from keystead.keyholder import recipients
from keystead.keyholder.errors import RequestRefused
from keystead.keyholder.sealing import wipe

DATA_KEY_LIMIT: Final = 1024
"""Bytes of GenerateDataKey and GenerateRandom (KMS API reference)."""


def for_recipient(recipient: bytes, plaintext: bytes) -> bytes:
    """What only the holder of that key can open. The plaintext is wiped. Raises RequestRefused."""
    try:
        return recipients.enveloped(recipient, plaintext)
    finally:
        wipe(plaintext)


def within(given: bytes, limit: int) -> bytes:
    """Raises RequestRefused."""
    if len(given) > limit:
        raise RequestRefused
    return given
