"""The keyholder's own keys: each sealed under a root key at rest, and kept open here once loaded.

    01 | nonce (16) | iv (12) | ciphertext | tag (16)        label "keystead own key"
    bound = id, UUID (16) | version (4) | purpose

Nothing can make a key of another purpose or version out of a sealed one. New ones are sealed under the newest root key;
those that a former one sealed open as well, for as long as the seal keeps it. A root key may be in a hardware security
module (keyholder.reach).
"""

import uuid
from contextlib import suppress
from typing import Final

from keystead.keyholder import digests
from keystead.keyholder.ciphertext import utf8
from keystead.keyholder.errors import DomainKeyUnknown, TokenInvalid
from keystead.keyholder.promise import SealedKey
from keystead.keyholder.sealing import OWN_KEY, Altered, Key, open_sealed, seal_verified, urandom, wipe

VERSION: Final = b"\x01"
DOMAIN: Final = "domain"
IDENTIFIER: Final = "identifier"
CHECKPOINT: Final = "checkpoint"
DIGEST: Final = "digest"
LENGTHS: Final = {
    DOMAIN: 32,
    IDENTIFIER: 32,
    DIGEST: digests.LENGTH,
    CHECKPOINT: 64,  # Ed25519 seed (RFC 8032 5.1.5) | ML-DSA-44 seed ξ (FIPS 204 algorithm 1), 32 bytes each
}
VERSION_LIMIT: Final = 2**32 - 1


class OwnKeys:
    """What the root key opens. Holds secrets: no part of it may leave this process."""

    def __init__(self, roots: tuple[Key, ...]) -> None:
        """`roots`, newest first."""
        self._roots = roots
        self._domains: dict[bytes, bytes] = {}
        self._domain_version = 0
        self._newest_domain = b""
        self._identifier = b""
        self._identifier_version = 0

    def __repr__(self) -> str:
        return f"OwnKeys({len(self._domains)} domain keys)"

    def make(self, purpose: str, version: int) -> SealedKey:
        """A new key, sealed and not yet in use."""
        made = digests.generate() if purpose == DIGEST else urandom(LENGTHS[purpose])
        sealed = self._seal(uuid.uuid4(), purpose, version, made)
        wipe(made)
        return sealed

    def reseal(self, key: SealedKey) -> SealedKey:
        """Under the newest root key; the very same where it lies there already. Raises TokenInvalid."""
        try:
            wipe(_open(self._roots[0], key))
        except TokenInvalid:
            opened = self.open(key)
        else:
            return key
        sealed = self._seal(uuid.UUID(key.id), key.purpose, key.version, opened)
        wipe(opened)
        return sealed

    def _seal(self, id_: uuid.UUID, purpose: str, version: int, secret: bytes) -> SealedKey:
        blob = seal_verified(self._roots[0], OWN_KEY, VERSION, _bound(id_, purpose, version), secret)
        return SealedKey(str(id_), purpose, version, blob)

    def next_domain(self) -> SealedKey:
        return self.make(DOMAIN, self._domain_version + 1)

    def load(self, sealed: tuple[SealedKey, ...]) -> None:
        """All or none. Raises TokenInvalid when one does not open."""
        for key, opened in [(key, self.open(key)) for key in sealed]:
            if key.purpose == DOMAIN:
                self._load_domain(uuid.UUID(key.id).bytes, key.version, opened)
            elif key.purpose == IDENTIFIER and key.version > self._identifier_version:
                self._identifier, self._identifier_version = opened, key.version
            else:
                wipe(opened)  # those that sign are opened each time they are asked for

    def _load_domain(self, id_: bytes, version: int, opened: bytes) -> None:
        if self._domains.setdefault(id_, opened) is not opened:
            wipe(opened)
        if version >= self._domain_version:
            self._newest_domain, self._domain_version = id_, version

    def open(self, key: SealedKey) -> bytes:
        """Raises TokenInvalid."""
        for root in self._roots:
            with suppress(TokenInvalid):
                return _open(root, key)
        raise TokenInvalid

    def domain(self, id_: bytes) -> bytes:
        """Raises DomainKeyUnknown."""
        try:
            return self._domains[id_]
        except KeyError:
            raise DomainKeyUnknown from None

    def newest_domain(self) -> tuple[bytes, bytes]:
        """(id, key). Raises DomainKeyUnknown."""
        return self._newest_domain, self.domain(self._newest_domain)

    def identifier(self) -> bytes:
        """Raises DomainKeyUnknown: nothing has been loaded yet."""
        if not self._identifier:
            raise DomainKeyUnknown
        return self._identifier


def _open(root: Key, key: SealedKey) -> bytes:
    """Raises TokenInvalid."""
    if key.purpose not in LENGTHS or key.blob[:1] != VERSION or not 0 < key.version <= VERSION_LIMIT:
        raise TokenInvalid
    try:
        bound = _bound(uuid.UUID(key.id), key.purpose, key.version)
        opened = open_sealed(root, OWN_KEY, len(VERSION), key.blob, bound)
    except (ValueError, Altered):
        raise TokenInvalid from None
    if len(opened) != LENGTHS[key.purpose]:
        raise TokenInvalid
    return opened


def _bound(id_: uuid.UUID, purpose: str, version: int) -> bytes:
    return id_.bytes + version.to_bytes(4, "big") + utf8(purpose)
