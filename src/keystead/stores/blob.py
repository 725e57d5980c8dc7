"""The blob of a key in an external key store: sealed by the keyholder first, and by the proxy again.

    02 | material id (32) | len8 ciphertextMetadata | … | len8 IV | … | tag (16) | ciphertext        integers big-endian

`ciphertext` is the proxy's, of the whole inner blob (keyholder.ciphertext). The inner one is bound to the key and the
encryption context by the keyholder, the outer one to the encryption context by the proxy; neither opens without the other.
"""

from typing import Final, NamedTuple

from keystead.keyholder.errors import CiphertextInvalid

VERSION: Final = b"\x02"
METADATA_LIMIT: Final = 20
IV_LENGTHS: Final = frozenset({12, 16})
TAG_LENGTH: Final = 16
"""XKS Proxy API specification, Encrypt."""
ID_LENGTH: Final = 32
SHORTEST: Final = 1 + ID_LENGTH + 1 + 1 + 12 + TAG_LENGTH


class Wrapped(NamedTuple):
    """What a proxy answers to Encrypt."""

    ciphertext: bytes
    metadata: bytes
    iv: bytes
    tag: bytes


def pack(material_id: str, wrapped: Wrapped) -> bytes:
    metadata, iv = bytes([len(wrapped.metadata)]) + wrapped.metadata, bytes([len(wrapped.iv)]) + wrapped.iv
    return VERSION + bytes.fromhex(material_id) + metadata + iv + wrapped.tag + wrapped.ciphertext


def unpack(blob: bytes) -> Wrapped:
    """Raises CiphertextInvalid for what cannot be such a blob. Nothing is verified yet."""
    if blob[:1] != VERSION or len(blob) <= SHORTEST:
        raise CiphertextInvalid
    metadata, rest = part(blob[1 + ID_LENGTH :])
    iv, rest = part(rest)
    if len(metadata) > METADATA_LIMIT or len(iv) not in IV_LENGTHS or len(rest) <= TAG_LENGTH:
        raise CiphertextInvalid
    return Wrapped(rest[TAG_LENGTH:], metadata, iv, rest[:TAG_LENGTH])


def part(rest: bytes) -> tuple[bytes, bytes]:
    """A part with its length before it, and what follows."""
    end = 1 + (rest[0] if rest else 0)
    return rest[1:end], rest[end:]
