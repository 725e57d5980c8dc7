"""The four calls of the XKS Proxy API (specification of May 2024), over a KMS of whoever runs this.

1. method and path    404, 405                    4. the key, and whether this caller may have it    404, 403
2. who signed it      401                         5. the KMS, whose policy decides again
3. what is asked      400
"""

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, Protocol, TypeVar

import msgspec

from keystead.envelope.service.client import KmsRefused, KmsUnreachable
from keystead.wire.http import Request, Response
from keystead.xks import cipher
from keystead.xks.config import Config, ConfigWrong, Key, Watched
from keystead.xks.signature import authentic

T = TypeVar("T")

VERSION_PATH: Final = "/kms/xks/v1"
JSON: Final = ((b"content-type", b"application/json"),)
DATA_LIMIT: Final = 8192
"""Bytes of plaintext or ciphertext; the specification asks for 4300."""
AAD_LIMIT: Final = 8192
HEALTH_SECONDS: Final = 30.0
"""How long an answer of the KMS stands for its health; the specification allows a minute."""
STATUSES: Final = {
    "ValidationException": 400, "InvalidStateException": 400, "InvalidCiphertextException": 400,
    "InvalidKeyUsageException": 400, "AuthenticationFailedException": 401, "AccessDeniedException": 403,
    "KeyNotFoundException": 404, "InvalidUriPathException": 404, "ThrottlingException": 429, "InternalException": 500,
    "UnsupportedOperationException": 501, "DependencyTimeoutException": 503,
}  # fmt: skip  # the specification's table
OF_KMS: Final = {
    "DisabledException": "InvalidStateException",
    "KMSInvalidStateException": "InvalidStateException",
    "NotFoundException": "KeyNotFoundException",
    "AccessDeniedException": "AccessDeniedException",
    "InvalidKeyUsageException": "InvalidKeyUsageException",
    "ThrottlingException": "ThrottlingException",
    "DependencyTimeoutException": "DependencyTimeoutException",
}
"""What a KMS says, as a proxy says it; anything else is an InternalException."""


class Kms(Protocol):
    """The part of envelope.service.client.KmsClient that is used. It blocks."""

    def call(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]: ...


class Failed(Exception):
    """`name` is the errorName."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Metadata(msgspec.Struct):
    kmsOperation: str  # noqa: N815  # the specification's names
    kmsRequestId: str  # noqa: N815
    awsPrincipalArn: str = ""  # noqa: N815
    kmsKeyArn: str = ""  # noqa: N815


class Asked(msgspec.Struct):
    requestMetadata: Metadata  # noqa: N815


class Encrypt(Asked):
    plaintext: bytes
    encryptionAlgorithm: str  # noqa: N815
    additionalAuthenticatedData: bytes = b""  # noqa: N815
    ciphertextDataIntegrityValueAlgorithm: str = ""  # noqa: N815


class Decrypt(Asked):
    ciphertext: bytes
    encryptionAlgorithm: str  # noqa: N815
    initializationVector: bytes  # noqa: N815
    authenticationTag: bytes  # noqa: N815
    additionalAuthenticatedData: bytes = b""  # noqa: N815
    ciphertextMetadata: bytes = b""  # noqa: N815


KINDS: Final[Mapping[str, type[Asked]]] = {"metadata": Asked, "encrypt": Encrypt, "decrypt": Decrypt}


class Proxy:
    """Answers one request at a time of any number. `log` gets one line for each."""

    def __init__(
        self,
        watched: Watched,
        kms: Kms,
        log: Callable[[Mapping[str, object]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._watched = watched
        self._kms = kms
        self._log = log
        self._clock = clock
        self._well_until = 0.0

    async def answer(self, request: Request) -> Response:
        """Raises nothing."""
        facts: dict[str, object] = {}
        try:
            answer = await self._answer(request, facts)
        except Failed as failed:
            self._log({**facts, "outcome": failed.name})
            return Response(STATUSES[failed.name], JSON, msgspec.json.encode({"errorName": failed.name}))
        self._log({**facts, "outcome": "ok"})
        return Response(200, JSON, msgspec.json.encode(answer))

    async def _answer(self, request: Request, facts: dict[str, object]) -> Mapping[str, object]:
        try:
            config = self._watched.current()
        except ConfigWrong:
            raise Failed("InternalException") from None
        path = request.raw_path.decode("latin-1")
        if request.method != "POST" or not path.startswith(config.prefix + VERSION_PATH + "/"):  # 1
            raise Failed("InvalidUriPathException")
        if not authentic(request, config, self._clock()):  # 2
            raise Failed("AuthenticationFailedException")
        rest = path[len(config.prefix + VERSION_PATH) :].split("/")[1:]
        if rest == ["health"]:
            noted(facts, "health", decoded(request.body, Asked).requestMetadata)
            return await self._health(config)
        if len(rest) != 3 or rest[0] != "keys" or rest[2] not in KINDS:
            raise Failed("InvalidUriPathException")
        _, key_id, what = rest
        kind = KINDS[what]
        asked = decoded(request.body, kind)  # 3
        noted(facts, what, asked.requestMetadata)
        facts["key"] = key_id if key_id in config.keys else "unknown"
        key = allowed(config, key_id, asked.requestMetadata)  # 4
        if isinstance(asked, Encrypt):
            return await self._encrypt(key, asked)
        if isinstance(asked, Decrypt):
            return await self._decrypt(key, asked)
        return await self._describe(key)

    async def _describe(self, key: Key) -> Mapping[str, object]:
        found = (await self._ask("DescribeKey", {"KeyId": key.key}))["KeyMetadata"]
        fit = found.get("KeySpec") == "HMAC_256"
        return {
            "keySpec": "AES_256" if fit else str(found.get("KeySpec")),
            "keyUsage": ["ENCRYPT", "DECRYPT"] if fit else [],
            "keyStatus": "ENABLED" if found.get("Enabled") else "DISABLED",
        }

    async def _encrypt(self, key: Key, asked: Encrypt) -> Mapping[str, object]:
        check(asked.encryptionAlgorithm, asked.plaintext, asked.additionalAuthenticatedData)
        if asked.ciphertextDataIntegrityValueAlgorithm not in {"", "SHA_256"}:
            raise Failed("ValidationException")
        metadata, aad = cipher.new_metadata(), asked.additionalAuthenticatedData
        derived = await self._derive(key, metadata)
        ciphertext, iv, tag = cipher.encrypt(derived, asked.plaintext, aad, metadata)
        answer: dict[str, object] = {
            "ciphertext": ciphertext,
            "ciphertextMetadata": metadata,
            "initializationVector": iv,
            "authenticationTag": tag,
        }
        if asked.ciphertextDataIntegrityValueAlgorithm:  # before it is opened again (appendix C)
            answer["ciphertextDataIntegrityValue"] = hashlib.sha256(aad + metadata + iv + ciphertext + tag).digest()
        if cipher.decrypt(derived, ciphertext, aad, metadata, iv, tag) != asked.plaintext:
            raise Failed("InternalException")
        return answer

    async def _decrypt(self, key: Key, asked: Decrypt) -> Mapping[str, object]:
        check(asked.encryptionAlgorithm, asked.ciphertext, asked.additionalAuthenticatedData)
        metadata = asked.ciphertextMetadata
        try:
            derived = await self._derive(key, metadata)
            plaintext = cipher.decrypt(
                derived,
                asked.ciphertext,
                asked.additionalAuthenticatedData,
                metadata,
                asked.initializationVector,
                asked.authenticationTag,
            )
        except cipher.Invalid:
            raise Failed("InvalidCiphertextException") from None
        return {"plaintext": plaintext}

    async def _derive(self, key: Key, metadata: bytes) -> bytes:
        """Raises Invalid, Failed."""
        asked = {"KeyId": key.key, "MacAlgorithm": "HMAC_SHA_256", "Message": cipher.message_of(metadata)}
        derived = base64.b64decode((await self._ask("GenerateMac", asked))["Mac"])
        if len(derived) != 32:
            raise Failed("InternalException")
        return derived

    async def _health(self, config: Config) -> Mapping[str, object]:
        """Deep: the KMS makes a MAC with a key that is there for nothing else, where the file names one."""
        now = self._clock()
        well = now < self._well_until
        if not well:
            try:
                if config.health_key:
                    await self._derive(Key(config.health_key), cipher.new_metadata())
                else:
                    await self._ask("DescribeKey", {"KeyId": next(iter(config.keys.values())).key})
                well = True
            except (Failed, StopIteration):
                well = False
            self._well_until = now + HEALTH_SECONDS if well else 0.0
        manager = {"id": "kms", "model": "Keystead", "healthStatus": "ACTIVE" if well else "UNAVAILABLE"}
        return {
            "xksProxyFleetSize": 1,
            "xksProxyVendor": "Keystead",
            "xksProxyModel": "Keystead xks-proxy",
            "ekmVendor": "Keystead",
            "ekmFleetDetails": [manager],
        }

    async def _ask(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return await asyncio.to_thread(self._kms.call, operation, asked)
        except KmsRefused as refused:
            raise Failed(OF_KMS.get(refused.code, "InternalException")) from None
        except KmsUnreachable:
            raise Failed("DependencyTimeoutException") from None


def decoded(body: bytes, kind: type[T]) -> T:
    """Raises Failed."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Failed("ValidationException") from None


def noted(facts: dict[str, object], what: str, metadata: Metadata) -> None:
    """For the log: who asks KMS for what, cut to what the specification's own values need."""
    facts |= {
        "call": what,
        "kms_operation": metadata.kmsOperation[:64],
        "kms_request_id": metadata.kmsRequestId[:64],
        "principal": metadata.awsPrincipalArn[:256],
        "kms_key": metadata.kmsKeyArn[:256],
    }


def allowed(config: Config, key_id: str, metadata: Metadata) -> Key:
    """Step 4. Raises Failed."""
    key = config.keys.get(key_id)
    if key is None:
        raise Failed("KeyNotFoundException")
    if key.principals and not matches(metadata.awsPrincipalArn, key.principals):
        raise Failed("AccessDeniedException")
    if key.kms_keys and metadata.kmsKeyArn and not matches(metadata.kmsKeyArn, key.kms_keys):
        raise Failed("AccessDeniedException")
    return key


def matches(given: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(given, pattern) for pattern in patterns)


def check(algorithm: str, data: bytes, aad: bytes) -> None:
    """Raises Failed."""
    if algorithm != "AES_GCM" or not data or len(aad) > AAD_LIMIT:
        raise Failed("ValidationException")
    if len(data) > DATA_LIMIT:
        raise Failed("UnsupportedOperationException")
