"""The keyholder's promise kept inside the calling process: for tests and for setting up, where nothing is separated."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from keystead.keyholder.errors import DomainKeyUnknown
from keystead.keyholder.promise import ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT, Material, SealedKey, WrappingKey
from keystead.keyholder.reach import Steps, run
from keystead.keyholder.software import Software

P = ParamSpec("P")
T = TypeVar("T")


class LocalKeyholder:
    """keyholder.promise.Keyholder over Software.

    sealed  reads the sealed keys from the database; when given, they are loaded as soon as one is missed
    """

    def __init__(
        self, software: Software, sealed: Callable[[], Awaitable[tuple[SealedKey, ...]]] | None = None
    ) -> None:
        self._software = software
        self._sealed = sealed

    async def create_material(self, key_id: str, spec: str, usage: str = ENCRYPT_DECRYPT) -> Material:
        made = await self._made(spec)
        return await self._ask(self._software.create_material, key_id, spec, usage, made)

    async def wrapping_key(self, arn: str, spec: str, wrapping_spec: str, algorithm: str) -> WrappingKey:
        made = await self._made(wrapping_spec)
        return await self._ask(self._software.wrapping_key, arn, spec, wrapping_spec, algorithm, made)

    async def import_material(
        self, arn: str, key_id: str, spec: str, usage: str, token: bytes, wrapped: bytes
    ) -> Material:
        return await self._ask(self._software.import_material, arn, key_id, spec, usage, token, wrapped)

    async def encrypt(
        self, material: Material, plaintext: bytes, context: bytes, algorithm: str = SYMMETRIC_DEFAULT
    ) -> bytes:
        return await self._ask(self._software.encrypt, material, plaintext, context, algorithm)

    async def decrypt(
        self,
        material: Material,
        blob: bytes,
        context: bytes,
        algorithm: str = SYMMETRIC_DEFAULT,
        recipient: bytes = b"",
    ) -> bytes:
        return await self._ask(self._software.decrypt, material, blob, context, algorithm, recipient)

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
        asked = (source, blob, source_context, target, target_context, source_algorithm, target_algorithm)
        return await self._ask(self._software.reencrypt, *asked)

    async def public_key(self, material: Material) -> bytes:
        return await self._ask(self._software.public_key, material)

    async def sign(self, material: Material, algorithm: str, message: bytes, message_type: str) -> bytes:
        return await self._ask(self._software.sign, material, algorithm, message, message_type)

    async def verify(
        self, material: Material, algorithm: str, message: bytes, message_type: str, signature: bytes
    ) -> bool:
        return await self._ask(self._software.verify, material, algorithm, message, message_type, signature)

    async def generate_mac(self, material: Material, algorithm: str, message: bytes) -> bytes:
        return await self._ask(self._software.generate_mac, material, algorithm, message)

    async def verify_mac(self, material: Material, algorithm: str, message: bytes, mac: bytes) -> bool:
        return await self._ask(self._software.verify_mac, material, algorithm, message, mac)

    async def derive_shared_secret(self, material: Material, public_key: bytes, recipient: bytes = b"") -> bytes:
        return await self._ask(self._software.derive_shared_secret, material, public_key, recipient)

    async def encapsulate(self, material: Material) -> tuple[bytes, bytes]:
        return await self._ask(self._software.encapsulate, material)

    async def decapsulate(self, material: Material, ciphertext: bytes) -> bytes:
        return await self._ask(self._software.decapsulate, material, ciphertext)

    async def generate_data_key(
        self, material: Material, length: int, context: bytes, recipient: bytes = b""
    ) -> tuple[bytes, bytes]:
        return await self._ask(self._software.generate_data_key, material, length, context, recipient)

    async def generate_data_key_without_plaintext(self, material: Material, length: int, context: bytes) -> bytes:
        return await self._ask(self._software.generate_data_key_without_plaintext, material, length, context)

    async def generate_data_key_pair(
        self, material: Material, pair_spec: str, context: bytes, recipient: bytes = b""
    ) -> tuple[bytes, bytes, bytes]:
        made = await self._made(pair_spec)
        pair = self._software.generate_data_key_pair
        return await self._ask(pair, material, pair_spec, context, recipient, made)

    async def generate_data_key_pair_without_plaintext(
        self, material: Material, pair_spec: str, context: bytes
    ) -> tuple[bytes, bytes]:
        made = await self._made(pair_spec)
        pair = self._software.generate_data_key_pair_without_plaintext
        return await self._ask(pair, material, pair_spec, context, made)

    async def seal_value(self, material: Material, value: bytes, context: bytes, kind: bytes) -> tuple[bytes, bytes]:
        return await self._ask(self._software.seal_value, material, value, context, kind)

    async def open_value(self, material: Material, blob: bytes, sealed: bytes, context: bytes, kind: bytes) -> bytes:
        return await self._ask(self._software.open_value, material, blob, sealed, context, kind)

    async def create_hsm_material(self, key_id: str, hsm: str) -> Material:
        return await self._in_steps(self._software.create_hsm_material, key_id, hsm)

    async def destroy_hsm_material(self, material: Material) -> None:
        await self._in_steps(self._software.destroy_hsm_material, material)

    async def connect_hsm(self, hsm: str, password: bytes, binding: str) -> str:
        return await self._in_steps(self._software.connect_hsm, hsm, password, binding)

    async def look_hsm(self, hsm: str) -> None:
        await self._in_steps(self._software.look_hsm, hsm)

    async def hsm_random(self, hsm: str, length: int, recipient: bytes = b"") -> bytes:
        return await self._in_steps(self._software.hsm_random, hsm, length, recipient)

    async def random(self, length: int, recipient: bytes = b"") -> bytes:
        return self._software.random(length, recipient)

    async def create_secret(self, binding: str) -> tuple[str, bytes]:
        return await self._ask(self._software.create_secret, binding)

    async def keep_secret(self, secret: bytes, binding: str) -> bytes:
        return await self._ask(self._software.keep_secret, secret, binding)

    async def signing_key(self, token: bytes, binding: str, date: str, region: str, service: str) -> bytes:
        return await self._ask(self._software.signing_key, token, binding, date, region, service)

    async def seal_marker(self, context: bytes, place: bytes) -> bytes:
        return await self._ask(self._software.seal_marker, context, place)

    async def open_marker(self, context: bytes, marker: bytes) -> bytes:
        return self._software.open_marker(context, marker)

    async def new_domain_key(self) -> SealedKey:
        return self._software.new_domain_key()

    async def rewrap(self, material: Material) -> Material:
        return await self._ask(self._software.rewrap, material)

    async def rewrap_secret(self, token: bytes, binding: str) -> bytes:
        return await self._ask(self._software.rewrap_secret, token, binding)

    async def reseal(self, sealed: SealedKey) -> SealedKey:
        return self._software.reseal(sealed)

    async def new_digest_key(self, version: int) -> tuple[SealedKey, bytes]:
        return self._software.new_digest_key(version)

    async def sign_digest(self, sealed: SealedKey, end: str, place: str, digest_hash: str, previous: str) -> bytes:
        return self._software.sign_digest(sealed, end, place, digest_hash, previous)

    async def forget(self, key_id: str) -> None:
        self._software.forget(key_id)

    async def checkpoint_seeds(self, sealed: SealedKey) -> tuple[bytes, bytes]:
        """(Ed25519 seed, ML-DSA-44 seed) for a recorder in this process. Raises TokenInvalid."""
        return self._software.checkpoint_seeds(sealed)

    async def load(self, sealed: tuple[SealedKey, ...]) -> None:
        self._software.load(sealed)

    async def close(self) -> None:
        """Nothing to close."""

    async def _in_steps(self, method: Callable[P, Steps[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Whoever has the keyholder in this process waits for a module like everybody else here."""
        return await self._ask(lambda: run(method(*args, **kwargs), self._software.reach.module))

    async def _made(self, spec: str) -> bytes | None:
        """What is slow to make, made on another thread."""
        return await asyncio.to_thread(self._software.generate, spec) if self._software.is_slow(spec) else None

    async def _ask(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except DomainKeyUnknown:
            if self._sealed is None:
                raise
        self._software.load(await self._sealed())
        return method(*args, **kwargs)
