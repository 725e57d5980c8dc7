"""The keyholder's promise, kept by the keyholder process at the other end of a unix socket.

It connects again by itself, and loads the sealed keys into the new process before anything else is asked. What is asked
meanwhile waits a little, for the supervisor brings a keyholder back within a moment; what was in flight fails at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from itertools import chain, repeat
from pathlib import Path
from time import perf_counter
from typing import Any, Final, Self, TypeVar

from msgspec.msgpack import Decoder

from keystead.keyholder import requests
from keystead.keyholder.errors import DomainKeyUnknown, KeyholderLost, RequestRefused
from keystead.keyholder.pipeline import Pipeline, connected
from keystead.keyholder.promise import ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT, Material, SealedKey, WrappingKey
from keystead.keyholder.protocol import LOAD_LIMIT, encode
from keystead.keyholder.requests import Request
from keystead.metrics import meters

T = TypeVar("T")
Asking = Coroutine[Any, Any, T]
"""To be awaited."""
Source = Callable[[], Awaitable[tuple[SealedKey, ...]]]

START_SECONDS: Final = 1.0
"""How long `connect` waits for a keyholder that is starting."""
WAIT_SECONDS: Final = 3.0
"""How long a call waits while there is no keyholder: what was killed is back within three seconds."""
PAUSES: Final = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between attempts to connect; the last one for ever."""

BYTES: Final = Decoder(bytes).decode
TEXT: Final = Decoder(str).decode
TRUTH: Final = Decoder(bool).decode
PAIR: Final = Decoder(tuple[bytes, bytes]).decode
TRIPLE: Final = Decoder(tuple[bytes, bytes, bytes]).decode
SECRET: Final = Decoder(tuple[str, bytes]).decode
MATERIAL: Final = Decoder(Material).decode
NOTHING: Final = Decoder(None).decode
WRAPPING_KEY: Final = Decoder(WrappingKey).decode
SEALED_AND_PUBLIC: Final = Decoder(tuple[SealedKey, bytes]).decode
SEALED_KEY: Final = Decoder(SealedKey).decode


class SocketKeyholder:
    """keyholder.promise.Keyholder over one pipelined connection. Belongs to the event loop it was connected in."""

    def __init__(self, path: Path, sealed: Source | None) -> None:
        self._path = str(path)
        self._sealed = sealed
        self._pipeline: Pipeline | None = None
        self._ready = asyncio.Event()
        self._closed = False
        self._returning: asyncio.Task[None] | None = None
        self._loading: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, path: Path, sealed: Source | None = None) -> Self:
        """`sealed` reads the sealed keys from the database; a recorder, which may load none, gives none.

        Raises KeyholderLost when there is none in START_SECONDS, TokenInvalid when the sealed keys are not this
        installation's, and whatever `sealed` raises.
        """
        made = cls(path, sealed)
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        for pause in _pauses():
            try:
                await made._establish()
            except (OSError, KeyholderLost):
                if asyncio.get_running_loop().time() > deadline:
                    raise KeyholderLost from None
                await asyncio.sleep(pause)
            else:
                break
        return made

    def create_material(self, key_id: str, spec: str, usage: str = ENCRYPT_DECRYPT) -> Asking[Material]:
        return self._ask(requests.CreateMaterial(key_id, spec, usage), MATERIAL)

    def wrapping_key(self, arn: str, spec: str, wrapping_spec: str, algorithm: str) -> Asking[WrappingKey]:
        return self._ask(requests.MakeWrappingKey(arn, spec, wrapping_spec, algorithm), WRAPPING_KEY)

    def import_material(
        self, arn: str, key_id: str, spec: str, usage: str, token: bytes, wrapped: bytes
    ) -> Asking[Material]:
        return self._ask(requests.ImportMaterial(arn, key_id, spec, usage, token, wrapped), MATERIAL)

    def encrypt(
        self, material: Material, plaintext: bytes, context: bytes, algorithm: str = SYMMETRIC_DEFAULT
    ) -> Asking[bytes]:
        return self._ask(requests.Encrypt(material, plaintext, context, algorithm), BYTES)

    def decrypt(
        self,
        material: Material,
        blob: bytes,
        context: bytes,
        algorithm: str = SYMMETRIC_DEFAULT,
        recipient: bytes = b"",
    ) -> Asking[bytes]:
        return self._ask(requests.Decrypt(material, blob, context, algorithm, recipient), BYTES)

    def reencrypt(
        self,
        source: Material,
        blob: bytes,
        source_context: bytes,
        target: Material,
        target_context: bytes,
        source_algorithm: str = SYMMETRIC_DEFAULT,
        target_algorithm: str = SYMMETRIC_DEFAULT,
    ) -> Asking[bytes]:
        asked = requests.ReEncrypt(
            source, blob, source_context, target, target_context, source_algorithm, target_algorithm
        )
        return self._ask(asked, BYTES)

    def public_key(self, material: Material) -> Asking[bytes]:
        return self._ask(requests.PublicKey(material), BYTES)

    def sign(self, material: Material, algorithm: str, message: bytes, message_type: str) -> Asking[bytes]:
        return self._ask(requests.Sign(material, algorithm, message, message_type), BYTES)

    def verify(
        self, material: Material, algorithm: str, message: bytes, message_type: str, signature: bytes
    ) -> Asking[bool]:
        return self._ask(requests.Verify(material, algorithm, message, message_type, signature), TRUTH)

    def generate_mac(self, material: Material, algorithm: str, message: bytes) -> Asking[bytes]:
        return self._ask(requests.GenerateMac(material, algorithm, message), BYTES)

    def verify_mac(self, material: Material, algorithm: str, message: bytes, mac: bytes) -> Asking[bool]:
        return self._ask(requests.VerifyMac(material, algorithm, message, mac), TRUTH)

    def derive_shared_secret(self, material: Material, public_key: bytes, recipient: bytes = b"") -> Asking[bytes]:
        return self._ask(requests.DeriveSharedSecret(material, public_key, recipient), BYTES)

    def encapsulate(self, material: Material) -> Asking[tuple[bytes, bytes]]:
        return self._ask(requests.Encapsulate(material), PAIR)

    def decapsulate(self, material: Material, ciphertext: bytes) -> Asking[bytes]:
        return self._ask(requests.Decapsulate(material, ciphertext), BYTES)

    def generate_data_key(
        self, material: Material, length: int, context: bytes, recipient: bytes = b""
    ) -> Asking[tuple[bytes, bytes]]:
        return self._ask(requests.GenerateDataKey(material, length, context, recipient), PAIR)

    def generate_data_key_without_plaintext(self, material: Material, length: int, context: bytes) -> Asking[bytes]:
        return self._ask(requests.GenerateDataKeyWithoutPlaintext(material, length, context), BYTES)

    def generate_data_key_pair(
        self, material: Material, pair_spec: str, context: bytes, recipient: bytes = b""
    ) -> Asking[tuple[bytes, bytes, bytes]]:
        return self._ask(requests.GenerateDataKeyPair(material, pair_spec, context, recipient), TRIPLE)

    def generate_data_key_pair_without_plaintext(
        self, material: Material, pair_spec: str, context: bytes
    ) -> Asking[tuple[bytes, bytes]]:
        return self._ask(requests.GenerateDataKeyPairWithoutPlaintext(material, pair_spec, context), PAIR)

    def seal_value(self, material: Material, value: bytes, context: bytes, kind: bytes) -> Asking[tuple[bytes, bytes]]:
        return self._ask(requests.SealValue(material, value, context, kind), PAIR)

    def open_value(self, material: Material, blob: bytes, sealed: bytes, context: bytes, kind: bytes) -> Asking[bytes]:
        return self._ask(requests.OpenValue(material, blob, sealed, context, kind), BYTES)

    def create_hsm_material(self, key_id: str, hsm: str) -> Asking[Material]:
        return self._ask(requests.CreateHsmMaterial(key_id, hsm), MATERIAL)

    def destroy_hsm_material(self, material: Material) -> Asking[None]:
        return self._ask(requests.DestroyHsmMaterial(material), NOTHING)

    def connect_hsm(self, hsm: str, password: bytes, binding: str) -> Asking[str]:
        return self._ask(requests.ConnectHsm(hsm, password, binding), TEXT)

    def look_hsm(self, hsm: str) -> Asking[None]:
        return self._ask(requests.LookHsm(hsm), NOTHING)

    def hsm_random(self, hsm: str, length: int, recipient: bytes = b"") -> Asking[bytes]:
        return self._ask(requests.HsmRandom(hsm, length, recipient), BYTES)

    def random(self, length: int, recipient: bytes = b"") -> Asking[bytes]:
        return self._ask(requests.Random(length, recipient), BYTES)

    def create_secret(self, binding: str) -> Asking[tuple[str, bytes]]:
        return self._ask(requests.CreateSecret(binding), SECRET)

    def keep_secret(self, secret: bytes, binding: str) -> Asking[bytes]:
        return self._ask(requests.KeepSecret(secret, binding), BYTES)

    def signing_key(self, token: bytes, binding: str, date: str, region: str, service: str) -> Asking[bytes]:
        return self._ask(requests.SigningKey(token, binding, date, region, service), BYTES)

    def seal_marker(self, context: bytes, place: bytes) -> Asking[bytes]:
        return self._ask(requests.SealMarker(context, place), BYTES)

    def open_marker(self, context: bytes, marker: bytes) -> Asking[bytes]:
        return self._ask(requests.OpenMarker(context, marker), BYTES)

    def new_domain_key(self) -> Asking[SealedKey]:
        return self._ask(requests.NewDomainKey(), SEALED_KEY)

    def rewrap(self, material: Material) -> Asking[Material]:
        return self._ask(requests.Rewrap(material), MATERIAL)

    def rewrap_secret(self, token: bytes, binding: str) -> Asking[bytes]:
        return self._ask(requests.RewrapSecret(token, binding), BYTES)

    def reseal(self, sealed: SealedKey) -> Asking[SealedKey]:
        return self._ask(requests.Reseal(sealed), SEALED_KEY)

    def new_digest_key(self, version: int) -> Asking[tuple[SealedKey, bytes]]:
        return self._ask(requests.NewDigestKey(version), SEALED_AND_PUBLIC)

    def sign_digest(self, sealed: SealedKey, end: str, place: str, digest_hash: str, previous: str) -> Asking[bytes]:
        return self._ask(requests.SignDigest(sealed, end, place, digest_hash, previous), BYTES)

    def forget(self, key_id: str) -> Asking[None]:
        return self._ask(requests.Forget(key_id), NOTHING)

    def checkpoint_seeds(self, sealed: SealedKey) -> Asking[tuple[bytes, bytes]]:
        """(Ed25519 seed, ML-DSA-44 seed), for the recorder's connection alone. Raises TokenInvalid."""
        return self._ask(requests.CheckpointSeeds(sealed), PAIR)

    async def load(self, sealed: tuple[SealedKey, ...]) -> None:
        await _load(self._pipeline or await self._wait(), sealed)

    async def close(self) -> None:
        self._closed = True
        for task in (self._returning, self._loading):
            if task is not None:
                task.cancel()
        if self._pipeline is not None:
            self._pipeline.close()
            await self._pipeline.lost

    async def _ask(self, asked: Request, result: Callable[[bytes], T]) -> T:
        body = _encoded(asked)
        pipeline = self._pipeline or await self._wait()
        began = perf_counter()
        try:
            answer = await pipeline.ask(body)
            meters.KEYHOLDER_TIME.observe(perf_counter() - began)
            return result(answer)
        except DomainKeyUnknown:  # made on another node, or since this one loaded its keys
            await self._load_again(pipeline)
        try:
            return result(await pipeline.ask(body))
        except DomainKeyUnknown:  # the loading that was under way may have read the database too early
            await self._load_again(pipeline)
        return result(await pipeline.ask(body))

    async def _wait(self) -> Pipeline:
        """Raises KeyholderLost."""
        if not self._closed:
            try:
                await asyncio.wait_for(self._ready.wait(), WAIT_SECONDS)
            except TimeoutError:
                raise KeyholderLost from None
        if self._pipeline is None:
            raise KeyholderLost
        return self._pipeline

    async def _load_again(self, pipeline: Pipeline) -> None:
        """Once for all calls that miss a key at the same time."""
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._load_from_source(pipeline))
        await asyncio.shield(self._loading)

    async def _load_from_source(self, pipeline: Pipeline) -> None:
        if self._sealed is not None:
            await _load(pipeline, await self._sealed())

    async def _establish(self) -> None:
        pipeline = await connected(self._path)
        try:
            await self._load_from_source(pipeline)
        except BaseException:
            pipeline.close()
            raise
        self._pipeline = pipeline
        self._ready.set()
        pipeline.lost.add_done_callback(self._lost)

    def _lost(self, _: object) -> None:
        self._pipeline = None
        self._ready.clear()
        if not self._closed:
            self._returning = asyncio.get_running_loop().create_task(self._return())

    async def _return(self) -> None:
        for pause in _pauses():
            await asyncio.sleep(pause)
            try:
                await self._establish()
            except Exception:  # noqa: BLE001, S112  # `sealed` is the caller's: whatever fails, there is no keyholder yet
                continue
            return


def _pauses() -> Iterator[float]:
    return chain(PAUSES, repeat(PAUSES[-1]))


def _encoded(asked: Request) -> bytes:
    """Raises RequestRefused for what has no encoding: lone surrogates, integers beyond 64 bits."""
    try:
        return encode(asked)
    except (UnicodeEncodeError, OverflowError):
        raise RequestRefused from None


async def _load(pipeline: Pipeline, sealed: tuple[SealedKey, ...]) -> None:
    for first in range(0, len(sealed), LOAD_LIMIT):
        await pipeline.ask(_encoded(requests.Load(tuple(sealed[first : first + LOAD_LIMIT]))))
