"""What the keyholder promises to everybody outside it: operations on material that never leaves it.

    token     01 or 02 | domain key id (16) | what only the keyholder can read

Rotating a domain key: `new_domain_key`, store it, `load` it; then `rewrap` and `rewrap_secret` every token that
`wrapped_under` shows to be older. Both can be stopped and begun again anywhere: old tokens open as before.
Rotating the root key: keyholder.succession replaces the seal; then `reseal` every sealed key, likewise.
"""

import uuid
from typing import Any, Protocol

import msgspec

SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"

ENCRYPT_DECRYPT = "ENCRYPT_DECRYPT"
SIGN_VERIFY = "SIGN_VERIFY"
GENERATE_VERIFY_MAC = "GENERATE_VERIFY_MAC"
KEY_AGREEMENT = "KEY_AGREEMENT"
ENCAPSULATE_DECAPSULATE = "ENCAPSULATE_DECAPSULATE"
"""KMS key usages (KMS API reference, CreateKey)."""


EVERY_KEY = "*"
"""In place of a key id, to `forget`."""


class Material(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Key material as the outside holds it: wrapped. The token opens only together with the other fields.

    key_id       the KMS key id, such as a UUID or mrk-…
    material_id  64 hex
    spec         KMS key spec, such as SYMMETRIC_DEFAULT
    token        the wrapped material
    usage        KMS key usage: the keyholder does nothing else with it
    """

    key_id: str
    material_id: str
    spec: str
    token: bytes
    usage: str = ENCRYPT_DECRYPT

    def __repr__(self) -> str:
        return f"Material(key_id={self.key_id!r}, material_id={self.material_id!r}, spec={self.spec!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("key_id", self.key_id), ("material_id", self.material_id), ("spec", self.spec)]


class SealedKey(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A key of the keyholder's own, wrapped under the root key: domain keys, the identifier key, what signs.

    id       UUID
    purpose  "domain" (wraps tokens; the newest one is used for new tokens), "identifier" (makes material ids),
             "checkpoint" (the recorder's signing seeds), "digest" (signs the trail's digests)
    version  1, 2, … within the purpose
    """

    id: str
    purpose: str
    version: int
    blob: bytes

    def __repr__(self) -> str:
        return f"SealedKey(id={self.id!r}, purpose={self.purpose!r}, version={self.version!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("id", self.id), ("purpose", self.purpose), ("version", self.version)]


class WrappingKey(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A key under which material may come from outside.

    public_key  SubjectPublicKeyInfo, DER
    token       for `import_material`: the private half, sealed
    valid_to    seconds since the epoch
    """

    public_key: bytes
    token: bytes
    valid_to: int

    def __repr__(self) -> str:
        return f"WrappingKey(valid_to={self.valid_to!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("valid_to", self.valid_to)]


def wrapped_under(token: bytes) -> str:
    """The UUID of the domain key that this token needs. Nothing is verified; ValueError for what cannot be a token."""
    if token[:1] not in {b"\x01", b"\x02"} or len(token) < 17:
        raise ValueError("not a token of this version")
    return str(uuid.UUID(bytes=token[1:17]))


class Keyholder(Protocol):
    """Every method may raise KeyholderLost (retryable); those that open something raise CiphertextInvalid or TokenInvalid.

    `context` is the canonical encryption context of keyholder.ciphertext.canonical(), at most 8192 bytes.
    `algorithm` is an algorithm's name in the KMS API. Sizes out of range, a spec that this backend does not make, and an
    algorithm or a usage that is not the material's raise RequestRefused.
    `recipient`, an RSA key's SubjectPublicKeyInfo: what would be given out in plaintext is given out as CMS EnvelopedData for
    its holder alone (keyholder.recipients).
    """

    async def create_material(self, key_id: str, spec: str, usage: str = ENCRYPT_DECRYPT) -> Material:
        """New random material, wrapped; the wrapping is verified before the answer. RSA may take a second."""

    async def wrapping_key(self, arn: str, spec: str, wrapping_spec: str, algorithm: str) -> WrappingKey:
        """A new RSA key for bringing material of `spec` to the key `arn`, good for 24 hours by the keyholder's clock."""

    async def import_material(
        self, arn: str, key_id: str, spec: str, usage: str, token: bytes, wrapped: bytes
    ) -> Material:
        """What was wrapped outside, under the wrapping key of this token.

        The same material of the same key has the same material id. Raises ImportTokenInvalid, ImportTokenExpired,
        CiphertextInvalid (it does not unwrap), MaterialWrong (it is not material of the spec).
        """

    async def encrypt(
        self, material: Material, plaintext: bytes, context: bytes, algorithm: str = SYMMETRIC_DEFAULT
    ) -> bytes:
        """A ciphertext blob of a symmetric key, or the bare ciphertext of RSA. Plaintext 1–4096 bytes, or RSA's limit."""

    async def decrypt(
        self,
        material: Material,
        blob: bytes,
        context: bytes,
        algorithm: str = SYMMETRIC_DEFAULT,
        recipient: bytes = b"",
    ) -> bytes: ...

    async def reencrypt(
        self,
        source: Material,
        blob: bytes,
        source_context: bytes,
        target: Material,
        target_context: bytes,
        source_algorithm: str = SYMMETRIC_DEFAULT,
        target_algorithm: str = SYMMETRIC_DEFAULT,
    ) -> bytes:
        """The plaintext stays in the keyholder."""

    async def public_key(self, material: Material) -> bytes:
        """Of a key pair: SubjectPublicKeyInfo, DER (RFC 5280), derived from the private key."""

    async def sign(self, material: Material, algorithm: str, message: bytes, message_type: str) -> bytes:
        """`message_type` RAW, DIGEST or EXTERNAL_MU (KMS API reference, Sign). ECDSA signatures are DER."""

    async def verify(
        self, material: Material, algorithm: str, message: bytes, message_type: str, signature: bytes
    ) -> bool: ...

    async def generate_mac(self, material: Material, algorithm: str, message: bytes) -> bytes: ...

    async def verify_mac(self, material: Material, algorithm: str, message: bytes, mac: bytes) -> bool: ...

    async def derive_shared_secret(self, material: Material, public_key: bytes, recipient: bytes = b"") -> bytes:
        """ECDH with a SubjectPublicKeyInfo on the same curve: the raw x-coordinate."""

    async def encapsulate(self, material: Material) -> tuple[bytes, bytes]:
        """(shared secret, ciphertext)"""

    async def decapsulate(self, material: Material, ciphertext: bytes) -> bytes:
        """The shared secret; of an altered ciphertext another one. Raises CiphertextInvalid for another length."""

    async def generate_data_key(
        self, material: Material, length: int, context: bytes, recipient: bytes = b""
    ) -> tuple[bytes, bytes]:
        """(plaintext, blob), 1–1024 bytes."""

    async def generate_data_key_without_plaintext(self, material: Material, length: int, context: bytes) -> bytes: ...

    async def generate_data_key_pair(
        self, material: Material, pair_spec: str, context: bytes, recipient: bytes = b""
    ) -> tuple[bytes, bytes, bytes]:
        """(public key, private key in PKCS #8 DER, blob of the private key). RSA may take a second."""

    async def generate_data_key_pair_without_plaintext(
        self, material: Material, pair_spec: str, context: bytes
    ) -> tuple[bytes, bytes]:
        """(public key, blob of the private key)"""

    async def seal_value(self, material: Material, value: bytes, context: bytes, kind: bytes) -> tuple[bytes, bytes]:
        """(blob of a new data key, the value sealed under it, 45 bytes longer): the data key stays in the keyholder.

        Value 1–65536 bytes; `kind`, at most 32, is bound like the context.
        """

    async def open_value(self, material: Material, blob: bytes, sealed: bytes, context: bytes, kind: bytes) -> bytes:
        """The value, in one unwrap."""

    async def create_hsm_material(self, key_id: str, hsm: str) -> Material:
        """A new key in the token of this name in the HSM file, which it never leaves: for symmetric encryption.

        This and whatever uses it may raise HsmLost (retryable) or HsmKeyGone.
        """

    async def destroy_hsm_material(self, material: Material) -> None:
        """Of a key that is in a token; nothing for any other."""

    async def connect_hsm(self, hsm: str, password: bytes, binding: str) -> str:
        """Whether a token can be used, and the kept password is its PIN: empty, or a ConnectionErrorCode."""

    async def look_hsm(self, hsm: str) -> None:
        """Whether a token can be used now. Raises HsmLost."""

    async def hsm_random(self, hsm: str, length: int, recipient: bytes = b"") -> bytes:
        """From the token's own generator, 1–1024 bytes."""

    async def random(self, length: int, recipient: bytes = b"") -> bytes:
        """1–1024 bytes."""

    async def create_secret(self, binding: str) -> tuple[str, bytes]:
        """(secret access key of 40 characters, token bound to `binding`, the access key id). The secret is shown once."""

    async def keep_secret(self, secret: bytes, binding: str) -> bytes:
        """A token for the secret of somebody else, bound to `binding`, which begins with `key-store/`. 1–64 bytes."""

    async def signing_key(self, token: bytes, binding: str, date: str, region: str, service: str) -> bytes:
        """The SigV4 signing key of one day, Region and service, 32 bytes."""

    async def seal_marker(self, context: bytes, place: bytes) -> bytes:
        """An opaque, authenticated page marker, 61 bytes longer than `place`, which has at most 4096."""

    async def open_marker(self, context: bytes, marker: bytes) -> bytes:
        """The place. Raises CiphertextInvalid for anything not sealed for this context, whatever the reason."""

    async def new_domain_key(self) -> SealedKey:
        """The next domain key, sealed; in use for new tokens only once it has been loaded. Store it first."""

    async def new_digest_key(self, version: int) -> tuple[SealedKey, bytes]:
        """A key for the trail's digests, sealed, and its public half in PKCS #1 DER."""

    async def sign_digest(self, sealed: SealedKey, end: str, place: str, digest_hash: str, previous: str) -> bytes:
        """The signature of one digest (keyholder.digests). Raises TokenInvalid."""

    async def rewrap(self, material: Material) -> Material:
        """The same material under the newest domain key."""

    async def rewrap_secret(self, token: bytes, binding: str) -> bytes:
        """The same secret of `create_secret` under the newest domain key."""

    async def reseal(self, sealed: SealedKey) -> SealedKey:
        """The same key under the newest root key; as it was if it lies there already. Raises TokenInvalid."""

    async def forget(self, key_id: str) -> None:
        """Drop what is held open of this key, or of EVERY_KEY. It is opened again by whoever still has its token."""

    async def load(self, sealed: tuple[SealedKey, ...]) -> None:
        """Make sealed keys known. Idempotent; what does not open under the root key is refused with TokenInvalid."""

    async def close(self) -> None: ...
