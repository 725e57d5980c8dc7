"""What the keyholder promises to everybody outside it: operations on material that never leaves it."""

from dataclasses import dataclass, field
from typing import Protocol

SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"


@dataclass(frozen=True, slots=True)
class Material:
    """Key material as the outside holds it: wrapped. The token opens only together with the three other fields.

    key_id       the KMS key id, such as a UUID or mrk-…
    material_id  64 hex
    spec         KMS key spec, SYMMETRIC_DEFAULT
    token        the wrapped material
    """

    key_id: str
    material_id: str
    spec: str
    token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A key of the keyholder's own, wrapped under the root key: domain keys, the identifier key, checkpoint seeds.

    id       UUID
    purpose  "domain" (wraps tokens; the newest one is used for new tokens), "identifier" (makes material ids),
             "checkpoint" (the recorder's signing seeds)
    version  1, 2, … within the purpose
    """

    id: str
    purpose: str
    version: int
    blob: bytes = field(repr=False)


class Keyholder(Protocol):
    """Every method may raise KeyholderLost (retryable); those that open something raise CiphertextInvalid or TokenInvalid.

    `context` is the canonical encryption context of keyholder.ciphertext.canonical(), at most 8192 bytes.
    """

    async def create_material(self, key_id: str, spec: str) -> Material:
        """New random material, wrapped; the wrapping is verified before the answer."""

    async def encrypt(self, material: Material, plaintext: bytes, context: bytes) -> bytes:
        """A ciphertext blob. Plaintext 1–4096 bytes."""

    async def decrypt(self, material: Material, blob: bytes, context: bytes) -> bytes: ...

    async def reencrypt(
        self, source: Material, blob: bytes, source_context: bytes, target: Material, target_context: bytes
    ) -> bytes:
        """The plaintext stays in the keyholder."""

    async def generate_data_key(self, material: Material, length: int, context: bytes) -> tuple[bytes, bytes]:
        """(plaintext, blob), 1–1024 bytes."""

    async def generate_data_key_without_plaintext(self, material: Material, length: int, context: bytes) -> bytes: ...

    async def random(self, length: int) -> bytes:
        """1–1024 bytes."""

    async def create_secret(self, binding: str) -> tuple[str, bytes]:
        """(secret access key of 40 characters, token bound to `binding`, the access key id). The secret is shown once."""

    async def signing_key(self, token: bytes, binding: str, date: str, region: str, service: str) -> bytes:
        """The SigV4 signing key of one day, Region and service, 32 bytes."""

    async def seal_marker(self, context: bytes, place: bytes) -> bytes:
        """An opaque, authenticated page marker."""

    async def open_marker(self, context: bytes, marker: bytes) -> bytes: ...

    async def new_domain_key(self) -> SealedKey:
        """The next domain key, sealed; in use for new tokens only once it has been loaded."""

    async def rewrap(self, material: Material) -> Material:
        """The same material under the newest domain key."""

    async def load(self, sealed: tuple[SealedKey, ...]) -> None:
        """Make sealed keys known. Idempotent; what does not open under the root key is refused."""

    async def close(self) -> None: ...
