"""The blob that Encrypt returns, as far as it may be read without key material.

    01 | material id (32) | nonce N (16) | iv (12) | AES-256-GCM ciphertext | tag (16)       integers big-endian

    K   = SP 800-108 counter mode, HMAC-SHA-256, from the material, label "keystead ciphertext" and N
    AAD = everything before the ciphertext | len32 key id | key id | canonical encryption context

    canonical encryption context = for each pair, ordered by the key's UTF-8 bytes:
        len32 key | key | len32 value | value                                                absent = empty

A key in an external key store puts this blob into another, which begins with 02 and the same id (stores.blob); it is
taken apart before anything of it comes here.

The lengths make it injective: {"a": "bc"} never opens as {"ab": "c"}. A blob that does not begin with 01 was not made
by this version: refuse it, never guess.
"""

from collections.abc import Mapping
from typing import Final

from keystead.keyholder.errors import CiphertextInvalid, RequestRefused

VERSION: Final = b"\x01"
OUTER: Final = b"\x02"
HEADER_LENGTH: Final = 1 + 32
OVERHEAD: Final = HEADER_LENGTH + 16 + 12 + 16
PLAINTEXT_LIMIT: Final = 4096
"""Bytes that Encrypt takes (KMS API reference)."""
BLOB_LIMIT: Final = 6144
"""Bytes of a CiphertextBlob (KMS API reference)."""
CONTEXT_LIMIT: Final = 8192
"""Bytes of the canonical form: what an external key store could carry (XKS proxy API specification)."""


def canonical(context: Mapping[str, str]) -> bytes:
    """The one byte string of this encryption context. Raises RequestRefused for text that has no UTF-8 form."""
    try:
        pairs = sorted([(key.encode(), value.encode()) for key, value in context.items()])
    except UnicodeEncodeError:
        raise RequestRefused from None
    return b"".join([len(one).to_bytes(4, "big") + one for pair in pairs for one in pair])


def prefixed(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def utf8(text: str) -> bytes:
    """Raises RequestRefused for lone surrogates, which have no UTF-8 form."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise RequestRefused from None


def material_id_of(blob: bytes) -> str:
    """64 hex; nothing is verified yet. Raises CiphertextInvalid for what cannot be a blob."""
    if blob[:1] not in {VERSION, OUTER} or not OVERHEAD < len(blob) <= BLOB_LIMIT:
        raise CiphertextInvalid
    return blob[1:HEADER_LENGTH].hex()


def header(material_id: str) -> bytes:
    """The blob's first 33 bytes. Raises RequestRefused for what is not 64 hex digits."""
    try:
        raw = bytes.fromhex(material_id)
    except ValueError:
        raise RequestRefused from None
    if len(raw) != 32 or raw.hex() != material_id:
        raise RequestRefused
    return VERSION + raw
