"""The hazardous implementation: material in the clear, in the memory of whichever process runs this.

Each method is one of keyholder.promise.Keyholder, synchronous. It trusts no caller: tokens prove what they are bound to,
the spec says what the material may be used for, and sizes are checked here whatever was checked before.
"""

import base64
import hmac
from dataclasses import dataclass
from typing import Final

from keystead.keyholder import tokens, values
from keystead.keyholder.ciphertext import (
    BLOB_LIMIT,
    CONTEXT_LIMIT,
    HEADER_LENGTH,
    OVERHEAD,
    PLAINTEXT_LIMIT,
    utf8,
)
from keystead.keyholder.errors import CiphertextInvalid, DomainKeyUnknown, RequestRefused, TokenInvalid
from keystead.keyholder.opened import Opened, OpenedMaterials
from keystead.keyholder.own_keys import CHECKPOINT, OwnKeys
from keystead.keyholder.promise import SYMMETRIC_DEFAULT, Material, SealedKey
from keystead.keyholder.sealing import CIPHERTEXT, KEY_LENGTH, MARKER, Altered, open_sealed, seal, urandom, wipe
from keystead.keyholder.tokens import Binding

ENCRYPT_DECRYPT: Final = "ENCRYPT_DECRYPT"


@dataclass(frozen=True, slots=True)
class Spec:
    """What the keyholder lets material of one KMS key spec do.

    length  bytes of the material
    usages  KMS key usages
    """

    length: int
    usages: frozenset[str]


SPECS: Final = {
    SYMMETRIC_DEFAULT: Spec(32, frozenset({ENCRYPT_DECRYPT})),  # KMS developer guide, "key spec reference"
}

DATA_KEY_LIMIT: Final = 1024
"""Bytes of GenerateDataKey and GenerateRandom (KMS API reference)."""
TOKEN_LIMIT: Final = 4096
PLACE_LIMIT: Final = 4096
NAME_LIMIT: Final = 256
"""Bytes of a key id, an access key id, a date, a Region or a service name; the longest in AWS's models is 256."""

MARKER_VERSION: Final = b"\x01"
MARKER_HEADER_LENGTH: Final = 1 + tokens.DOMAIN_ID_LENGTH


class Software:
    """Implements the promise with the processor alone. The root keys, newest first, must have come from a seal."""

    def __init__(self, *roots: bytes) -> None:
        self._own = OwnKeys(roots)
        self._opened = OpenedMaterials()

    def __repr__(self) -> str:
        return "Software()"

    # Key material

    def create_material(self, key_id: str, spec: str) -> Material:
        known = SPECS.get(spec)
        if known is None:
            raise RequestRefused
        _name(key_id)
        secret = urandom(known.length)
        material_id = tokens.material_id(self._own, key_id, secret)
        token = tokens.wrap(self._own, Binding(key_id, material_id, spec), secret)
        wipe(secret)
        return Material(key_id, material_id, spec, token)

    def rewrap(self, material: Material) -> Material:
        binding = Binding(material.key_id, material.material_id, material.spec)
        secret = self._unwrap(binding, material.token)
        token = tokens.wrap(self._own, binding, secret)
        wipe(secret)
        return Material(material.key_id, material.material_id, material.spec, token)

    def forget(self, key_id: str) -> None:
        self._opened.forget(key_id)

    def age(self) -> None:
        """Drop the material that was not used since the last time."""
        self._opened.age()

    # Encryption

    def encrypt(self, material: Material, plaintext: bytes, context: bytes) -> bytes:
        if not 1 <= len(plaintext) <= PLAINTEXT_LIMIT or len(context) > CONTEXT_LIMIT:
            raise RequestRefused
        opened = self._opened.get(material) or self._open(material, ENCRYPT_DECRYPT)
        return seal(opened.material, CIPHERTEXT, opened.header, opened.bound + context, plaintext)

    def decrypt(self, material: Material, blob: bytes, context: bytes) -> bytes:
        if len(context) > CONTEXT_LIMIT:
            raise RequestRefused
        opened = self._opened.get(material) or self._open(material, ENCRYPT_DECRYPT)
        if not OVERHEAD < len(blob) <= BLOB_LIMIT or blob[:HEADER_LENGTH] != opened.header:
            raise CiphertextInvalid
        try:
            return open_sealed(opened.material, CIPHERTEXT, HEADER_LENGTH, blob, opened.bound + context)
        except Altered:
            raise CiphertextInvalid from None

    def reencrypt(
        self, source: Material, blob: bytes, source_context: bytes, target: Material, target_context: bytes
    ) -> bytes:
        plaintext = self.decrypt(source, blob, source_context)
        try:
            return self.encrypt(target, plaintext, target_context)
        finally:
            wipe(plaintext)

    def generate_data_key(self, material: Material, length: int, context: bytes) -> tuple[bytes, bytes]:
        plaintext = self.random(length)
        return plaintext, self.encrypt(material, plaintext, context)

    def generate_data_key_without_plaintext(self, material: Material, length: int, context: bytes) -> bytes:
        plaintext, blob = self.generate_data_key(material, length, context)
        wipe(plaintext)
        return blob

    # Values under a data key of their own

    def seal_value(self, material: Material, value: bytes, context: bytes, kind: bytes) -> tuple[bytes, bytes]:
        if not 1 <= len(value) <= values.VALUE_LIMIT or len(kind) > values.KIND_LIMIT:
            raise RequestRefused
        data_key, blob = self.generate_data_key(material, KEY_LENGTH, context)
        opened = self.decrypt(material, blob, context)
        try:
            if not hmac.compare_digest(opened, data_key):
                raise CiphertextInvalid
            return blob, values.seal_value(data_key, context, kind, value)
        finally:
            wipe(opened)
            wipe(data_key)

    def open_value(self, material: Material, blob: bytes, sealed: bytes, context: bytes, kind: bytes) -> bytes:
        if len(sealed) > values.VALUE_LIMIT + values.OVERHEAD or len(kind) > values.KIND_LIMIT:
            raise CiphertextInvalid
        data_key = self.decrypt(material, blob, context)
        try:
            return values.open_value(data_key, context, kind, sealed)
        finally:
            wipe(data_key)

    def random(self, length: int) -> bytes:
        if not 1 <= length <= DATA_KEY_LIMIT:
            raise RequestRefused
        return urandom(length)

    # Secrets that sign requests

    def create_secret(self, binding: str) -> tuple[str, bytes]:
        _name(binding)
        secret = base64.b64encode(urandom(30))
        token = tokens.wrap(self._own, _secret_of(binding), secret)
        shown = secret.decode("ascii")
        wipe(secret)
        return shown, token

    def rewrap_secret(self, token: bytes, binding: str) -> bytes:
        secret = self._unwrap(_secret_of(binding), token)
        rewrapped = tokens.wrap(self._own, _secret_of(binding), secret)
        wipe(secret)
        return rewrapped

    def signing_key(self, token: bytes, binding: str, date: str, region: str, service: str) -> bytes:
        """HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), Region), service), "aws4_request") (IAM user guide, SigV4)."""
        parts = [_name(binding), _name(date), _name(region), _name(service)]
        secret = self._unwrap(_secret_of(binding), token)
        key = b"AWS4" + secret
        wipe(secret)
        for part in [*parts[1:], b"aws4_request"]:
            spent, key = key, hmac.digest(key, part, "sha256")
            wipe(spent)
        return key

    # Page markers:   01 | domain key id (16) | nonce (16) | iv (12) | ciphertext | tag (16)        bound = context

    def seal_marker(self, context: bytes, place: bytes) -> bytes:
        if len(context) > CONTEXT_LIMIT or len(place) > PLACE_LIMIT:
            raise RequestRefused
        domain_id, domain = self._own.newest_domain()
        return seal(domain, MARKER, MARKER_VERSION + domain_id, context, place)

    def open_marker(self, context: bytes, marker: bytes) -> bytes:
        if len(context) > CONTEXT_LIMIT or marker[:1] != MARKER_VERSION:
            raise CiphertextInvalid
        try:
            domain = self._own.domain(marker[1:MARKER_HEADER_LENGTH])
            return open_sealed(domain, MARKER, MARKER_HEADER_LENGTH, marker, context)
        except (DomainKeyUnknown, Altered):
            raise CiphertextInvalid from None  # markers come from callers: an unknown key is not worth a reload

    # The keyholder's own keys

    def new_domain_key(self) -> SealedKey:
        return self._own.next_domain()

    def load(self, sealed: tuple[SealedKey, ...]) -> None:
        self._own.load(sealed)

    def reseal(self, sealed: SealedKey) -> SealedKey:
        return self._own.reseal(sealed)

    def checkpoint_seeds(self, sealed: SealedKey) -> tuple[bytes, bytes]:
        """(Ed25519 seed, ML-DSA-44 seed), 32 bytes each, for the recorder. Raises TokenInvalid."""
        if sealed.purpose != CHECKPOINT:
            raise RequestRefused
        seeds = self._own.open(sealed)
        try:
            return seeds[:32], seeds[32:]
        finally:
            wipe(seeds)

    def make(self, purpose: str, version: int) -> SealedKey:
        """A new key of the keyholder's own; for setting up an installation."""
        return self._own.make(purpose, version)

    def _open(self, material: Material, usage: str) -> Opened:
        known = SPECS.get(material.spec)
        if known is None or usage not in known.usages:
            raise RequestRefused
        secret = self._unwrap(Binding(material.key_id, material.material_id, material.spec), material.token)
        if len(secret) != known.length:
            raise TokenInvalid
        opened = Opened(material, secret)
        self._opened.keep(material, opened)
        return opened

    def _unwrap(self, binding: Binding, token: bytes) -> bytes:
        if len(token) > TOKEN_LIMIT:
            raise RequestRefused
        return tokens.unwrap(self._own, binding, token)


def _name(text: str) -> bytes:
    encoded = utf8(text)
    if not 1 <= len(encoded) <= NAME_LIMIT:
        raise RequestRefused
    return encoded


def _secret_of(binding: str) -> Binding:
    return Binding(binding, purpose=tokens.SIGNING_SECRET)
