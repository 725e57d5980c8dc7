"""The keyholder's promise kept inside the calling process: for tests and for setting up, where nothing is separated."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from keystead.keyholder.errors import DomainKeyUnknown
from keystead.keyholder.promise import Material, SealedKey
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

    async def create_material(self, key_id: str, spec: str) -> Material:
        return await self._ask(self._software.create_material, key_id, spec)

    async def encrypt(self, material: Material, plaintext: bytes, context: bytes) -> bytes:
        return await self._ask(self._software.encrypt, material, plaintext, context)

    async def decrypt(self, material: Material, blob: bytes, context: bytes) -> bytes:
        return await self._ask(self._software.decrypt, material, blob, context)

    async def reencrypt(
        self, source: Material, blob: bytes, source_context: bytes, target: Material, target_context: bytes
    ) -> bytes:
        return await self._ask(self._software.reencrypt, source, blob, source_context, target, target_context)

    async def generate_data_key(self, material: Material, length: int, context: bytes) -> tuple[bytes, bytes]:
        return await self._ask(self._software.generate_data_key, material, length, context)

    async def generate_data_key_without_plaintext(self, material: Material, length: int, context: bytes) -> bytes:
        return await self._ask(self._software.generate_data_key_without_plaintext, material, length, context)

    async def seal_value(self, material: Material, value: bytes, context: bytes, kind: bytes) -> tuple[bytes, bytes]:
        return await self._ask(self._software.seal_value, material, value, context, kind)

    async def open_value(self, material: Material, blob: bytes, sealed: bytes, context: bytes, kind: bytes) -> bytes:
        return await self._ask(self._software.open_value, material, blob, sealed, context, kind)

    async def random(self, length: int) -> bytes:
        return self._software.random(length)

    async def create_secret(self, binding: str) -> tuple[str, bytes]:
        return await self._ask(self._software.create_secret, binding)

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

    async def forget(self, key_id: str) -> None:
        self._software.forget(key_id)

    async def checkpoint_seeds(self, sealed: SealedKey) -> tuple[bytes, bytes]:
        """(Ed25519 seed, ML-DSA-44 seed) for a recorder in this process. Raises TokenInvalid."""
        return self._software.checkpoint_seeds(sealed)

    async def load(self, sealed: tuple[SealedKey, ...]) -> None:
        self._software.load(sealed)

    async def close(self) -> None:
        """Nothing to close."""

    async def _ask(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except DomainKeyUnknown:
            if self._sealed is None:
                raise
        self._software.load(await self._sealed())
        return method(*args, **kwargs)
