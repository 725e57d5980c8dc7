"""A value sealed under a data key of its own, as secrets lie in the database.

    01 | nonce (16) | iv (12) | AES-256-GCM ciphertext | tag (16)        under the data key, label "keystead value"
    bound = len32 context | canonical encryption context | kind

The data key lies beside it as the blob that GenerateDataKey makes under the same context. Only the keyholder ever has it
in the clear: whoever has the value sealed or opened needs it no more than the material.
"""

from typing import Final

from keystead.keyholder.ciphertext import prefixed
from keystead.keyholder.errors import CiphertextInvalid
from keystead.keyholder.sealing import KEY_LENGTH, VALUE, Altered, open_sealed, seal_verified

VERSION: Final = b"\x01"
VALUE_LIMIT: Final = 65_536
"""Bytes of a secret's value (Secrets Manager API reference, SecretBinary)."""
KIND_LIMIT: Final = 32
OVERHEAD: Final = len(VERSION) + 16 + 12 + 16


def seal_value(data_key: bytes, context: bytes, kind: bytes, value: bytes) -> bytes:
    return seal_verified(data_key, VALUE, VERSION, prefixed(context) + kind, value)


def open_value(data_key: bytes, context: bytes, kind: bytes, sealed: bytes) -> bytes:
    """Raises CiphertextInvalid."""
    if sealed[:1] != VERSION or len(data_key) != KEY_LENGTH:
        raise CiphertextInvalid
    try:
        return open_sealed(data_key, VALUE, len(VERSION), sealed, prefixed(context) + kind)
    except Altered:
        raise CiphertextInvalid from None
