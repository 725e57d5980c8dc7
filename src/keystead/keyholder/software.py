"""The hazardous implementation: material in the clear, in the memory of whichever process runs this.

Each method is one of keyholder.promise.Keyholder, synchronous. It trusts no caller: tokens prove what they are bound to,
the spec says what the material may be used for, and sizes are checked here whatever was checked before.
"""

import base64
import hmac
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from keystead.keyholder import digests, importing, recipients, tokens, values
from keystead.keyholder.algorithms.specs import SPECS
from keystead.keyholder.algorithms.working_key import WorkingKey
from keystead.keyholder.ciphertext import BLOB_LIMIT, CONTEXT_LIMIT, HEADER_LENGTH, OVERHEAD, PLAINTEXT_LIMIT
from keystead.keyholder.errors import CiphertextInvalid, DomainKeyUnknown, HsmLost, KeyholderError, RequestRefused
from keystead.keyholder.hsm import OBJECT_LENGTH, Connect, DestroyKey, Look, MakeKey, Random
from keystead.keyholder.hsm_file import NAME as HSM_NAME
from keystead.keyholder.materials import Materials, generate, generate_pair, name, of_spec
from keystead.keyholder.own_keys import CHECKPOINT, DIGEST, VERSION_LIMIT, OwnKeys
from keystead.keyholder.promise import (
    ENCAPSULATE_DECAPSULATE,
    ENCRYPT_DECRYPT,
    GENERATE_VERIFY_MAC,
    KEY_AGREEMENT,
    SIGN_VERIFY,
    SYMMETRIC_DEFAULT,
    Material,
    SealedKey,
    WrappingKey,
)
from keystead.keyholder.reach import InHsm, Reach, Steps
from keystead.keyholder.sealing import (
    CIPHERTEXT,
    KEY_LENGTH,
    MARKER,
    NONCE_LENGTH,
    Altered,
    Key,
    open_sealed,
    seal,
    urandom,
    wipe,
)
from keystead.keyholder.tokens import Binding

DATA_KEY_LIMIT: Final = 1024
"""Bytes of GenerateDataKey and GenerateRandom (KMS API reference)."""
MESSAGE_LIMIT: Final = 4096
"""Bytes of a message to Sign, Verify, GenerateMac and VerifyMac (KMS API reference)."""
INPUT_LIMIT: Final = 8192
"""Bytes of a signature, a MAC, a ciphertext or a public key; the longest in the KMS API reference is 8192."""
PLACE_LIMIT: Final = 4096
KEPT: Final = "key-store/"
"""What the binding of other people's secrets begins with: no access key id does."""
KEPT_LIMIT: Final = 64
"""Bytes; the longest is the secret of a key store's proxy (KMS API reference)."""

MARKER_VERSION: Final = b"\x01"
MARKER_HEADER_LENGTH: Final = 1 + tokens.DOMAIN_ID_LENGTH


class Software:
    """Implements the promise with the processor, and for what is in a hardware security module with that.

    The root keys, newest first, must have come from a seal, and `reach` with them.
    """

    def __init__(self, *roots: Key, reach: Reach | None = None, clock: Callable[[], float] = time.time) -> None:
        self.reach = reach or Reach()
        self._clock = clock
        self._own = OwnKeys(roots)
        self._materials = Materials(self._own, self.reach)

    def __repr__(self) -> str:
        return "Software()"

    # Key material. `made` is what `generate` gave on another thread.

    def is_slow(self, spec: str) -> bool:
        """Whether material of this spec is better made by `generate` on another thread, and handed in as `made`."""
        return spec in SPECS and SPECS[spec].slow

    def generate(self, spec: str) -> bytes:
        """Safe on any thread."""
        return generate(spec)

    def create_material(
        self, key_id: str, spec: str, usage: str = ENCRYPT_DECRYPT, made: bytes | None = None
    ) -> Material:
        of_spec(spec, usage)
        return self._materials.wrapped(key_id, spec, usage, made or generate(spec))

    def take_material(self, key_id: str, spec: str, usage: str, given: bytes) -> Material:
        """Material made elsewhere: PKCS #8 in DER, or the secret bytes. Raises MaterialWrong."""
        return self._materials.wrapped(key_id, spec, usage, of_spec(spec, usage).family.take(given))

    def wrapping_key(
        self, arn: str, spec: str, wrapping_spec: str, algorithm: str, made: bytes | None = None
    ) -> WrappingKey:
        if spec not in SPECS or wrapping_spec not in importing.WRAPPING_SPECS:
            raise RequestRefused
        private = made or generate(wrapping_spec)
        return importing.make(self._own, arn, spec, algorithm, private, self._clock())

    def import_material(self, arn: str, key_id: str, spec: str, usage: str, token: bytes, wrapped: bytes) -> Material:
        return self.take_material(
            key_id, spec, usage, importing.unwrap(self._own, arn, spec, token, wrapped, self._clock())
        )

    def create_hsm_material(self, key_id: str, hsm: str) -> Steps[Material]:
        """Nothing is left in the token when it fails, if that can be helped."""
        name(key_id)
        self._own.newest_domain()  # first: what is missed is loaded, and this begins again
        self._own.identifier()
        key = InHsm(of_hsm(hsm), urandom(OBJECT_LENGTH), self.reach)
        yield MakeKey(hsm, key.object, f"keystead {key_id}")
        try:
            yield key.ask(CIPHERTEXT, urandom(NONCE_LENGTH))  # it can be used
            return self._materials.referring(key_id, key)
        except KeyholderError:
            with suppress(KeyholderError):
                yield DestroyKey(hsm, key.object)
            raise

    def destroy_hsm_material(self, material: Material) -> Steps[None]:
        key = self._materials.in_hsm(material)
        self._materials.forget(material.key_id)
        if key is not None:
            yield DestroyKey(key.hsm, key.object)

    def connect_hsm(self, hsm: str, password: bytes, binding: str) -> Steps[str]:
        opened = self._materials.unwrap(_secret_of(binding), password)
        code = yield Connect(of_hsm(hsm), opened)
        wipe(opened)
        return code.decode("ascii", "replace")

    def look_hsm(self, hsm: str) -> Steps[None]:
        yield Look(of_hsm(hsm))

    def hsm_random(self, hsm: str, length: int, recipient: bytes = b"") -> Steps[bytes]:
        if not 1 <= length <= DATA_KEY_LIMIT:
            raise RequestRefused
        found = yield Random(of_hsm(hsm), length)
        if len(found) != length:
            raise HsmLost
        return for_recipient(recipient, found) if recipient else found

    def rewrap(self, material: Material) -> Material:
        return self._materials.rewrap(material)

    def forget(self, key_id: str) -> None:
        self._materials.forget(key_id)

    def age(self) -> None:
        """Drop the material that was not used since the last time."""
        self._materials.age()

    # Encryption

    def encrypt(
        self, material: Material, plaintext: bytes, context: bytes, algorithm: str = SYMMETRIC_DEFAULT
    ) -> bytes:
        if not 1 <= len(plaintext) <= PLAINTEXT_LIMIT or len(context) > CONTEXT_LIMIT:
            raise RequestRefused
        if algorithm != SYMMETRIC_DEFAULT:
            return self._without_context(material, context).encrypt(algorithm, plaintext)
        opened = self._materials.symmetric(material)
        return seal(opened.material, CIPHERTEXT, opened.header, opened.bound + context, plaintext)

    def decrypt(
        self,
        material: Material,
        blob: bytes,
        context: bytes,
        algorithm: str = SYMMETRIC_DEFAULT,
        recipient: bytes = b"",
    ) -> bytes:
        if recipient:
            return for_recipient(recipient, self.decrypt(material, blob, context, algorithm))
        if len(context) > CONTEXT_LIMIT:
            raise RequestRefused
        if algorithm != SYMMETRIC_DEFAULT:
            return self._without_context(material, context).decrypt(algorithm, within(blob, BLOB_LIMIT))
        opened = self._materials.symmetric(material)
        if not OVERHEAD < len(blob) <= BLOB_LIMIT or blob[:HEADER_LENGTH] != opened.header:
            raise CiphertextInvalid
        try:
            return open_sealed(opened.material, CIPHERTEXT, HEADER_LENGTH, blob, opened.bound + context)
        except Altered:
            raise CiphertextInvalid from None

    def reencrypt(
        self,
        source: Material,
        blob: bytes,
        source_context: bytes,
        target: Material,
        target_context: bytes,
        source_algorithm: str = SYMMETRIC_DEFAULT,
        target_algorithm: str = SYMMETRIC_DEFAULT,
    ) -> bytes:
        plaintext = self.decrypt(source, blob, source_context, source_algorithm)
        try:
            return self.encrypt(target, plaintext, target_context, target_algorithm)
        finally:
            wipe(plaintext)

    # Data keys and random bytes

    def generate_data_key(
        self, material: Material, length: int, context: bytes, recipient: bytes = b""
    ) -> tuple[bytes, bytes]:
        plaintext = self.random(length)
        blob = self.encrypt(material, plaintext, context)
        return for_recipient(recipient, plaintext) if recipient else plaintext, blob

    def generate_data_key_without_plaintext(self, material: Material, length: int, context: bytes) -> bytes:
        plaintext, blob = self.generate_data_key(material, length, context)
        wipe(plaintext)
        return blob

    def generate_data_key_pair(
        self, material: Material, pair_spec: str, context: bytes, recipient: bytes = b"", made: bytes | None = None
    ) -> tuple[bytes, bytes, bytes]:
        private = made or generate_pair(pair_spec)
        public = SPECS[pair_spec].family.open(private).public
        blob = self.encrypt(material, private, context)
        return public, for_recipient(recipient, private) if recipient else private, blob

    def generate_data_key_pair_without_plaintext(
        self, material: Material, pair_spec: str, context: bytes, made: bytes | None = None
    ) -> tuple[bytes, bytes]:
        public, private, blob = self.generate_data_key_pair(material, pair_spec, context, made=made)
        wipe(private)
        return public, blob

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

    def random(self, length: int, recipient: bytes = b"") -> bytes:
        if not 1 <= length <= DATA_KEY_LIMIT:
            raise RequestRefused
        made = urandom(length)
        return for_recipient(recipient, made) if recipient else made

    # Signatures, MACs, key agreement, encapsulation

    def public_key(self, material: Material) -> bytes:
        public = self._materials.working(material, material.usage).public
        if not public:
            raise RequestRefused
        return public

    def sign(self, material: Material, algorithm: str, message: bytes, message_type: str) -> bytes:
        return self._materials.working(material, SIGN_VERIFY).sign(algorithm, of_message(message), message_type)

    def verify(self, material: Material, algorithm: str, message: bytes, message_type: str, signature: bytes) -> bool:
        key = self._materials.working(material, SIGN_VERIFY)
        return key.verify(algorithm, of_message(message), message_type, within(signature, INPUT_LIMIT))

    def generate_mac(self, material: Material, algorithm: str, message: bytes) -> bytes:
        return self._materials.working(material, GENERATE_VERIFY_MAC).mac(algorithm, of_message(message))

    def verify_mac(self, material: Material, algorithm: str, message: bytes, mac: bytes) -> bool:
        return hmac.compare_digest(self.generate_mac(material, algorithm, message), within(mac, INPUT_LIMIT))

    def derive_shared_secret(self, material: Material, public_key: bytes, recipient: bytes = b"") -> bytes:
        key = self._materials.working(material, KEY_AGREEMENT)
        secret = key.derive_shared_secret(within(public_key, INPUT_LIMIT))
        return for_recipient(recipient, secret) if recipient else secret

    def encapsulate(self, material: Material) -> tuple[bytes, bytes]:
        return self._materials.working(material, ENCAPSULATE_DECAPSULATE).encapsulate()

    def decapsulate(self, material: Material, ciphertext: bytes) -> bytes:
        return self._materials.working(material, ENCAPSULATE_DECAPSULATE).decapsulate(within(ciphertext, INPUT_LIMIT))

    # Secrets that sign requests

    def create_secret(self, binding: str) -> tuple[str, bytes]:
        name(binding)
        secret = base64.b64encode(urandom(30))
        token = tokens.wrap(self._own, _secret_of(binding), secret)
        shown = secret.decode("ascii")
        wipe(secret)
        return shown, token

    def keep_secret(self, secret: bytes, binding: str) -> bytes:
        name(binding)
        if not binding.startswith(KEPT) or not 1 <= len(secret) <= KEPT_LIMIT:
            raise RequestRefused
        return tokens.wrap(self._own, _secret_of(binding), secret)

    def rewrap_secret(self, token: bytes, binding: str) -> bytes:
        secret = self._materials.unwrap(_secret_of(binding), token)
        rewrapped = tokens.wrap(self._own, _secret_of(binding), secret)
        wipe(secret)
        return rewrapped

    def signing_key(self, token: bytes, binding: str, date: str, region: str, service: str) -> bytes:
        """HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), Region), service), "aws4_request") (IAM user guide, SigV4)."""
        parts = [name(binding), name(date), name(region), name(service)]
        secret = self._materials.unwrap(_secret_of(binding), token)
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

    def new_digest_key(self, version: int) -> tuple[SealedKey, bytes]:
        if not 0 < version <= VERSION_LIMIT:
            raise RequestRefused
        sealed = self._own.make(DIGEST, version)
        secret = self._own.open(sealed)
        try:
            return sealed, digests.public_key(secret)
        finally:
            wipe(secret)

    def sign_digest(self, sealed: SealedKey, end: str, place: str, digest_hash: str, previous: str) -> bytes:
        """Raises RequestRefused for what is no digest's, TokenInvalid."""
        message = digests.text(end, place, digest_hash, previous)
        if sealed.purpose != DIGEST:
            raise RequestRefused
        secret = self._own.open(sealed)
        try:
            return digests.sign(secret, message)
        finally:
            wipe(secret)

    def make(self, purpose: str, version: int) -> SealedKey:
        """A new key of the keyholder's own; for setting up an installation."""
        return self._own.make(purpose, version)

    def _without_context(self, material: Material, context: bytes) -> WorkingKey:
        """An encryption context belongs to symmetric keys alone."""
        if context:
            raise RequestRefused
        return self._materials.working(material, ENCRYPT_DECRYPT)


def for_recipient(recipient: bytes, plaintext: bytes) -> bytes:
    """What only the holder of that key can open. The plaintext is wiped. Raises RequestRefused."""
    try:
        return recipients.enveloped(recipient, plaintext)
    finally:
        wipe(plaintext)


def of_message(message: bytes) -> bytes:
    """Raises RequestRefused."""
    if not 1 <= len(message) <= MESSAGE_LIMIT:
        raise RequestRefused
    return message


def within(given: bytes, limit: int) -> bytes:
    """Raises RequestRefused."""
    if len(given) > limit:
        raise RequestRefused
    return given


def of_hsm(named: str) -> str:
    """Raises RequestRefused for what cannot be a name in the HSM file."""
    if not HSM_NAME.fullmatch(named):
        raise RequestRefused
    return named


def _secret_of(binding: str) -> Binding:
    return Binding(binding, purpose=tokens.SIGNING_SECRET)
