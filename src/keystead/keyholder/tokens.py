"""A token: secret bytes wrapped under a domain key, and bound to what they are.

    01 | domain key id (16) | nonce (16) | iv (12) | ciphertext | tag (16)        label by purpose
    02 | …                                                                        likewise, of a reference to a key in a
                                                                                  hardware security module (keyholder.reach)

    bound = len32 key id | … | len32 material id | … | len32 spec | … | len32 origin | … | len32 purpose | …

Whoever can write to the store can neither give a key another key's token nor turn a signing secret into key material.
"""

import hmac
from typing import Final, NamedTuple

from keystead.keyholder.ciphertext import prefixed, utf8
from keystead.keyholder.errors import TokenInvalid
from keystead.keyholder.own_keys import OwnKeys
from keystead.keyholder.sealing import KEY_TOKEN, SECRET_TOKEN, Altered, open_sealed, seal_verified

VERSION: Final = b"\x01"
REFERENCE: Final = b"\x02"
DOMAIN_ID_LENGTH: Final = 16
HEADER_LENGTH: Final = len(VERSION) + DOMAIN_ID_LENGTH

KEY_MATERIAL: Final = "key material"
SIGNING_SECRET: Final = "signing secret"  # noqa: S105  # a purpose's name
LABELS: Final = {KEY_MATERIAL: KEY_TOKEN, SIGNING_SECRET: SECRET_TOKEN}


class Binding(NamedTuple):
    """What a token stands for. A signing secret has the access key id for key id, and no material id or spec."""

    key_id: str
    material_id: str = ""
    spec: str = ""
    origin: str = "AWS_KMS"
    purpose: str = KEY_MATERIAL

    def bound(self) -> bytes:
        return b"".join(prefixed(utf8(field)) for field in self)


def wrap(own: OwnKeys, binding: Binding, secret: bytes, version: bytes = VERSION) -> bytes:
    """Under the newest domain key; opened again and compared. Raises DomainKeyUnknown."""
    domain_id, domain = own.newest_domain()
    return seal_verified(domain, LABELS[binding.purpose], version + domain_id, binding.bound(), secret)


def unwrap(own: OwnKeys, binding: Binding, token: bytes) -> bytes:
    """Raises TokenInvalid, and DomainKeyUnknown when only the domain key is missing. What it is, its first byte says."""
    if token[:1] not in {VERSION, REFERENCE} or len(token) < HEADER_LENGTH:
        raise TokenInvalid
    domain = own.domain(token[1:HEADER_LENGTH])
    try:
        return open_sealed(domain, LABELS[binding.purpose], HEADER_LENGTH, token, binding.bound())
    except Altered:
        raise TokenInvalid from None


def material_id(own: OwnKeys, key_id: str, material: bytes) -> str:
    """64 hex: HMAC-SHA-256(identifier key, len32 key id | key id | len32 material | material).

    A re-import is recognised, and a bare hash of guessed material confirms nothing. Raises DomainKeyUnknown.
    """
    return hmac.digest(own.identifier(), prefixed(utf8(key_id)) + prefixed(material), "sha256").hex()
