"""Parquet's modular encryption with its master keys in KMS. Needs pyarrow.

    clients = KmsClients(boto3.client("kms"), {"lake": "sales"}, ttl=300)
    factory = pyarrow.parquet.encryption.CryptoFactory(clients)

A master key identifier is a key's id or alias; an ARN only for the footer, since pyarrow splits column keys at colons. Parquet passes no encryption context; the one given here goes with every
wrap, with the identifier. With double wrapping a file costs one call for each master key, without it one for each column;
reading asks for the same wrapped keys again and again, so unwrapped ones are kept for their time to live.
"""

import base64
import binascii
import hashlib
import time
from collections.abc import Callable
from typing import Any, Final

from pyarrow.parquet.encryption import KmsClient  # type: ignore[import-untyped]  # pyarrow has no types

from keystead.envelope.cache import Cache
from keystead.envelope.context import NO_CONTEXT, Context
from keystead.envelope.errors import KeyUnavailable
from keystead.envelope.service.promise import KeyService, identity_of, said

CAPACITY: Final = 10_000


class KmsClients:
    """What CryptoFactory calls to get a client; all of one factory share a cache."""

    def __init__(
        self,
        client: KeyService,
        context: Context = NO_CONTEXT,
        *,
        ttl: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._context = dict(context)
        self._cache: Cache[bytes] = Cache(ttl=ttl, capacity=CAPACITY, clock=clock)

    def __call__(self, configuration: Any) -> "ParquetKms":  # noqa: ARG002  # pyarrow's; instance and URL are the client's own
        return ParquetKms(self._client, self._context, self._cache)


class ParquetKms(KmsClient):  # type: ignore[misc]  # pyarrow has no types
    """wrap_key and unwrap_key, as pyarrow asks for them. Raise KeyUnavailable."""

    def __init__(self, client: KeyService, context: Context, cache: Cache[bytes]) -> None:
        super().__init__()
        self._client = client
        self._context = context
        self._cache = cache

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        asked = {
            "KeyId": master_key_identifier,
            "Plaintext": key_bytes,
            "EncryptionContext": self._bound(master_key_identifier),
        }
        return base64.b64encode(_asked(self._client.encrypt, asked)["CiphertextBlob"])

    def unwrap_key(self, wrapped_key: str | bytes, master_key_identifier: str) -> bytes:
        raw = wrapped_key.encode() if isinstance(wrapped_key, str) else wrapped_key
        at = (identity_of(self._client), hashlib.sha384(raw).digest(), master_key_identifier)
        return self._cache.get(at, lambda: self._unwrapped(raw, master_key_identifier))

    def _unwrapped(self, wrapped: bytes, master_key_identifier: str) -> bytes:
        try:
            blob = base64.b64decode(wrapped, validate=True)
        except binascii.Error:
            raise KeyUnavailable("The wrapped key in the file is not base64.") from None
        asked = {
            "KeyId": master_key_identifier,
            "CiphertextBlob": blob,
            "EncryptionContext": self._bound(master_key_identifier),
        }
        return bytes(_asked(self._client.decrypt, asked)["Plaintext"])

    def _bound(self, master_key_identifier: str) -> dict[str, str]:
        return {**self._context, "parquet:master-key": master_key_identifier}


def _asked(operation: Callable[..., Any], asked: dict[str, Any]) -> Any:
    try:
        return operation(**asked)
    except Exception as error:  # the client is the caller's, and so are the kinds of its errors
        raise KeyUnavailable("The key service did not do its part for a Parquet file.", [f"{said(error)}."]) from error
