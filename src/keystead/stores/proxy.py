"""Calls external key store proxies (XKS Proxy API specification of May 2024): the only way from here to one.

    POST endpoint path /health                     is there anybody, and who?
    POST endpoint path /keys/ID/metadata           may this external key be used?
    POST endpoint path /keys/ID/encrypt, decrypt   AES-256-GCM, with the encryption context as additional data

Each call has SECONDS, from the first byte of the connection to the last of the answer. Nothing that passes here is a
plaintext: what a proxy is given to encrypt was sealed by the keyholder before.
"""

import hashlib
import hmac
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec

from keystead.keyholder.promise import Keyholder
from keystead.stores.blob import IV_LENGTHS, METADATA_LIMIT, TAG_LENGTH, Wrapped
from keystead.stores.key_store import Address, KeyStore
from keystead.stores.troubles import NAMES, ProxyTroubled, Trouble
from keystead.wire import signing

T = TypeVar("T")

SECONDS: Final = 0.25
"""XKS Proxy API specification: KMS waits so long for any answer."""
SERVICE: Final = "kms-xks-proxy"
JSON: Final = "application/json"
ALGORITHM: Final = "AES_GCM"
HASH: Final = "SHA_256"
KEYS_LIMIT: Final = 64
"""Signing keys that are remembered: one for each store and day."""

Metadata = Mapping[str, str]
"""requestMetadata: who asks KMS for what."""


class Failure(msgspec.Struct):
    errorName: str  # noqa: N815  # the specification's names


class Manager(msgspec.Struct):
    id: str
    model: str
    healthStatus: str  # noqa: N815


class Health(msgspec.Struct):
    xksProxyFleetSize: int  # noqa: N815
    xksProxyVendor: str  # noqa: N815
    xksProxyModel: str  # noqa: N815
    ekmVendor: str  # noqa: N815
    ekmFleetDetails: list[Manager]  # noqa: N815


class ExternalKey(msgspec.Struct):
    """What a proxy says of a key."""

    keySpec: str  # noqa: N815
    keyUsage: list[str]  # noqa: N815
    keyStatus: str  # noqa: N815


class Encrypted(msgspec.Struct):
    ciphertext: bytes
    initializationVector: bytes  # noqa: N815
    authenticationTag: bytes  # noqa: N815
    ciphertextDataIntegrityValue: bytes  # noqa: N815
    ciphertextMetadata: bytes = b""  # noqa: N815


class Decrypted(msgspec.Struct):
    plaintext: bytes


class Caller(msgspec.Struct, frozen=True):
    """Whom a proxy is called as: where it is, and what signs. `token` opens with `binding` in the keyholder."""

    proxy: Address
    region: str
    token: bytes
    binding: str

    def __repr__(self) -> str:
        return f"Caller({self.proxy!r})"

    @classmethod
    def of(cls, store: KeyStore) -> "Caller":
        if store.proxy is None:
            raise ProxyTroubled(Trouble.NO_TCP)
        return cls(store.proxy, store.region, store.secret, store.binding)


class Posts(Protocol):
    """What carries a document to a proxy: posting.Poster."""

    async def post(
        self, host: str, path: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> tuple[int, bytes]: ...

    async def close(self) -> None: ...


class Proxies:
    """All proxies of this process. Belongs to one event loop.

    connect_to  names that are reached elsewhere: host to "address:port"
    """

    def __init__(
        self,
        keyholder: Keyholder,
        clock: Callable[[], float],
        *,
        tls: ssl.SSLContext | None = None,
        connect_to: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> None:
        self._keyholder = keyholder
        self._clock = clock
        self._tls = tls
        self._connect_to = connect_to or {}
        self._seconds = SECONDS if seconds is None else seconds
        self._poster: Posts | None = None
        self._keys: dict[tuple[bytes, str, str], bytes] = {}

    async def close(self) -> None:
        if self._poster is not None:
            await self._poster.close()

    async def check(self, caller: Caller, operation: str, request_id: str) -> None:
        """GetHealthStatus. Raises ProxyTroubled, also when every external key manager is unavailable."""
        asked = {"requestMetadata": {"kmsRequestId": request_id, "kmsOperation": operation}}
        found = await self._ask(caller, "/health", asked, Health)
        managers = found.ekmFleetDetails
        if found.xksProxyFleetSize < 1 or not 1 <= len(managers) <= 10:
            raise ProxyTroubled(Trouble.MALFORMED)
        if all(manager.healthStatus == "UNAVAILABLE" for manager in managers):
            raise ProxyTroubled(Trouble.UNAVAILABLE)

    async def describe(self, caller: Caller, key_id: str, metadata: Metadata) -> ExternalKey:
        """GetKeyMetadata. Raises ProxyTroubled."""
        return await self._ask(caller, f"/keys/{key_id}/metadata", {"requestMetadata": metadata}, ExternalKey)

    async def encrypt(self, caller: Caller, key_id: str, inner: bytes, context: bytes, metadata: Metadata) -> Wrapped:
        """Raises ProxyTroubled, also when the answer is not what its own hash says."""
        asked: dict[str, Any] = {
            "requestMetadata": metadata,
            "plaintext": inner,
            "encryptionAlgorithm": ALGORITHM,
            "ciphertextDataIntegrityValueAlgorithm": HASH,
        }
        if context:
            asked["additionalAuthenticatedData"] = context
        found = await self._ask(caller, f"/keys/{key_id}/encrypt", asked, Encrypted)
        wrapped = Wrapped(
            found.ciphertext, found.ciphertextMetadata, found.initializationVector, found.authenticationTag
        )
        if not fits(wrapped, inner) or not hmac.compare_digest(
            integrity(context, wrapped), found.ciphertextDataIntegrityValue
        ):
            raise ProxyTroubled(Trouble.MALFORMED)
        return wrapped

    async def decrypt(self, caller: Caller, key_id: str, wrapped: Wrapped, context: bytes, metadata: Metadata) -> bytes:
        """Raises ProxyTroubled."""
        asked: dict[str, Any] = {
            "requestMetadata": metadata,
            "ciphertext": wrapped.ciphertext,
            "initializationVector": wrapped.iv,
            "authenticationTag": wrapped.tag,
            "encryptionAlgorithm": ALGORITHM,
        }
        if wrapped.metadata:
            asked["ciphertextMetadata"] = wrapped.metadata
        if context:
            asked["additionalAuthenticatedData"] = context
        found = await self._ask(caller, f"/keys/{key_id}/decrypt", asked, Decrypted)
        if len(found.plaintext) != len(wrapped.ciphertext):
            raise ProxyTroubled(Trouble.MALFORMED)
        return found.plaintext

    async def _ask(self, caller: Caller, what: str, asked: Mapping[str, Any], answer: type[T]) -> T:
        """The signing key is the keyholder's business, and its time is not the proxy's."""
        at = self._clock()
        key = await self._signing_key(caller, signing.day(at))
        path, host = caller.proxy.path + what, urlsplit(caller.proxy.endpoint).hostname or ""
        body = msgspec.json.encode(asked)
        headers = signing.signed(
            path,
            {"host": host},
            body,
            at=at,
            access_key_id=caller.proxy.access_key_id,
            signing_key=key,
            region=caller.region,
            service=SERVICE,
        )
        status, raw = await self._posting().post(host, path, body, {**headers, "content-type": JSON}, self._seconds)
        return read(status, raw, answer)

    def _posting(self) -> Posts:
        if self._poster is None:
            from keystead.stores.posting import Poster  # httpx: a process without such a store need not wait for it

            self._poster = Poster(self._tls, self._connect_to)
        return self._poster

    async def _signing_key(self, caller: Caller, date: str) -> bytes:
        known = self._keys.get((caller.token, date, caller.region))
        if known is None:
            known = await self._keyholder.signing_key(caller.token, caller.binding, date, caller.region, SERVICE)
            if len(self._keys) >= KEYS_LIMIT:
                self._keys.clear()
            self._keys[caller.token, date, caller.region] = known
        return known


def read(status: int, raw: bytes, answer: type[T]) -> T:
    """Raises ProxyTroubled."""
    try:
        if status == 200:
            return msgspec.json.decode(raw, type=answer)
        failure = msgspec.json.decode(raw, type=Failure)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ProxyTroubled(Trouble.MALFORMED) from None
    raise ProxyTroubled(NAMES.get(failure.errorName, Trouble.MALFORMED))


def fits(wrapped: Wrapped, inner: bytes) -> bool:
    return (
        len(wrapped.ciphertext) == len(inner)
        and len(wrapped.metadata) <= METADATA_LIMIT
        and len(wrapped.iv) in IV_LENGTHS
        and len(wrapped.tag) == TAG_LENGTH
    )


def integrity(context: bytes, wrapped: Wrapped) -> bytes:
    """ciphertextDataIntegrityValue: SHA-256(AAD ‖ metadata ‖ IV ‖ ciphertext ‖ tag) (specification, appendix C)."""
    return hashlib.sha256(context + wrapped.metadata + wrapped.iv + wrapped.ciphertext + wrapped.tag).digest()
