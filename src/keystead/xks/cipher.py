"""AES-256-GCM under a key that the KMS key derives for one message, in the form of the XKS Proxy API.

    ciphertextMetadata = 01 | N (16)        initializationVector = 12 random bytes
    K   = GenerateMac(HMAC_SHA_256, "keystead xks" | 00 | N)          the KMS key itself is never here
    AAD = len16 additionalAuthenticatedData | … | len8 ciphertextMetadata | …        integers big-endian

A fresh K for each message leaves no budget of IVs to exhaust.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION: Final = b"\x01"
NONCE_LENGTH: Final = 16
IV_LENGTH: Final = 12
TAG_LENGTH: Final = 16
METADATA_LENGTH: Final = 1 + NONCE_LENGTH


class Invalid(Exception):
    """Altered, or under another key or other additional data."""


def new_metadata() -> bytes:
    return VERSION + os.urandom(NONCE_LENGTH)


def message_of(metadata: bytes) -> bytes:
    """What the MAC is made of. Raises Invalid."""
    if len(metadata) != METADATA_LENGTH or metadata[:1] != VERSION:
        raise Invalid
    return b"keystead xks\x00" + metadata[1:]


def bound(aad: bytes, metadata: bytes) -> bytes:
    """XKS Proxy API specification, Encrypt, ciphertextMetadata."""
    return len(aad).to_bytes(2, "big") + aad + len(metadata).to_bytes(1, "big") + metadata


def encrypt(key: bytes, plaintext: bytes, aad: bytes, metadata: bytes) -> tuple[bytes, bytes, bytes]:
    """(ciphertext, IV, tag)"""
    iv = os.urandom(IV_LENGTH)
    sealed = AESGCM(key).encrypt(iv, plaintext, bound(aad, metadata))
    return sealed[:-TAG_LENGTH], iv, sealed[-TAG_LENGTH:]


def decrypt(key: bytes, ciphertext: bytes, aad: bytes, metadata: bytes, iv: bytes, tag: bytes) -> bytes:
    """Raises Invalid."""
    if len(iv) != IV_LENGTH or len(tag) != TAG_LENGTH:
        raise Invalid
    try:
        return AESGCM(key).decrypt(iv, ciphertext + tag, bound(aad, metadata))
    except InvalidTag:
        raise Invalid from None
