"""Data keys wrapped by KMS: Keystead's, AWS's, or anything that speaks its API.

    provider    aws-kms          info  the ARN of the key, as the service answered          ciphertext  the service's blob

The full encryption context goes with every call. A wrapped key counts as ours by provider and ARN, never by its place in
the message; what the service answers is checked against what was asked. Source: AWS Encryption SDK, AWS KMS keyrings.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from keystead.envelope.context import Context
from keystead.envelope.errors import KeyUnavailable
from keystead.envelope.header import WrappedKey
from keystead.envelope.service.promise import KeyArn, KeyService, identity_of, key_arn, said

PROVIDER: Final = "aws-kms"


class KmsKeyring:
    """One key of one service. With a multi-Region key, any replica opens what any other sealed.

    key_id  best the key's ARN. An alias or a bare id also works: it opens whatever of the message's keys the service says
            that it is
    """

    def __init__(self, client: KeyService, key_id: str, *, grant_tokens: Sequence[str] = ()) -> None:
        self._client = client
        self._key_id = key_id
        self._arn = key_arn(key_id)
        self._more: dict[str, Any] = {"GrantTokens": list(grant_tokens)} if grant_tokens else {}

    def identity(self) -> bytes:
        return hashlib.sha384(b"kms" + identity_of(self._client) + b"\0" + self._key_id.encode()).digest()

    def generate(self, length: int, context: Context) -> tuple[bytes, list[WrappedKey]]:
        asked = {"KeyId": self._key_id, "NumberOfBytes": length, "EncryptionContext": dict(context), **self._more}
        answer = _asked("GenerateDataKey", self._client.generate_data_key, asked)
        data_key, wrapped = bytes(answer["Plaintext"]), self._wrapped(answer)
        if len(data_key) != length:
            raise KeyUnavailable("The key service gave a data key of another length.")
        return data_key, [wrapped]

    def wrap(self, data_key: bytes, context: Context) -> list[WrappedKey]:
        asked = {"KeyId": self._key_id, "Plaintext": data_key, "EncryptionContext": dict(context), **self._more}
        return [self._wrapped(_asked("Encrypt", self._client.encrypt, asked))]

    def _wrapped(self, answer: Any) -> WrappedKey:
        arn = key_arn(str(answer["KeyId"]))
        if arn is None or (self._arn is not None and arn != self._arn):
            raise KeyUnavailable("The key service used another key than the one that was named.")
        return WrappedKey(PROVIDER, str(arn).encode(), bytes(answer["CiphertextBlob"]))

    def unwrap(self, wrapped: Sequence[WrappedKey], length: int, context: Context) -> bytes:
        reasons: list[str] = []
        for key, arn in of_kms(wrapped):
            if self._arn is not None and not self._arn.is_replica_of(arn):
                continue
            expected = self._arn or arn
            asked = {"KeyId": self._key_id, "CiphertextBlob": key.ciphertext, "EncryptionContext": dict(context)}
            try:
                return decrypt(self._client, {**asked, **self._more}, expected, length)
            except KeyUnavailable as unavailable:
                reasons += unavailable.reasons
        raise KeyUnavailable("No data key could be opened.", reasons or [f"None is of {self._key_id}."])


@dataclass(frozen=True, slots=True)
class Filter:
    """Whose keys a discovery keyring asks. Without it, a message decides which service is asked to open it."""

    partition: str
    accounts: frozenset[str]

    def admits(self, arn: KeyArn) -> bool:
        return arn.partition == self.partition and arn.account in self.accounts


class KmsDiscoveryKeyring:
    """Opens whatever the caller may decrypt, with the key that the message names. It seals nothing.

    clients  by Region
    only     whose keys
    region   where given, only this one is asked: for multi-Region keys of others, for the replica there
    """

    def __init__(
        self,
        clients: Callable[[str], KeyService],
        *,
        only: Filter | None = None,
        region: str | None = None,
    ) -> None:
        self._clients = clients
        self._filter = only
        self._region = region

    def identity(self) -> bytes:
        asked = f"{self._filter}{self._region}".encode()
        known = identity_of(self._clients(self._region)) if self._region else f"clients {id(self._clients)}".encode()
        return hashlib.sha384(b"kms-discovery" + known + b"\0" + asked).digest()

    def generate(self, length: int, context: Context) -> tuple[bytes, list[WrappedKey]]:  # noqa: ARG002  # the promise's
        raise KeyUnavailable("A discovery keyring only opens.")

    def wrap(self, data_key: bytes, context: Context) -> list[WrappedKey]:  # noqa: ARG002  # the promise's
        raise KeyUnavailable("A discovery keyring only opens.")

    def unwrap(self, wrapped: Sequence[WrappedKey], length: int, context: Context) -> bytes:
        reasons: list[str] = []
        for key, named in of_kms(wrapped):
            arn = self._where(named)
            if arn is None:
                continue
            asked = {"KeyId": str(arn), "CiphertextBlob": key.ciphertext, "EncryptionContext": dict(context)}
            try:
                return decrypt(self._clients(arn.region), asked, arn, length)
            except KeyUnavailable as unavailable:
                reasons += unavailable.reasons
        raise KeyUnavailable("No data key could be opened.", reasons or ["None is of a key that may be asked for."])

    def _where(self, arn: KeyArn) -> KeyArn | None:
        if self._filter is not None and not self._filter.admits(arn):
            return None
        if self._region is None or arn.region == self._region:
            return arn
        return arn.in_region(self._region) if arn.multi_region else None


def of_kms(wrapped: Sequence[WrappedKey]) -> Iterator[tuple[WrappedKey, KeyArn]]:
    """Those of the wrapped keys that name a key of KMS."""
    for key in wrapped:
        arn = key_arn(key.info.decode(errors="replace")) if key.provider == PROVIDER else None
        if arn is not None:
            yield key, arn


def decrypt(client: KeyService, asked: dict[str, Any], expected: KeyArn, length: int) -> bytes:
    """Raises KeyUnavailable, also where the service answers for another key, or with another length."""
    answer = _asked(f"Decrypt with {expected}", client.decrypt, asked)
    if str(answer.get("KeyId")) != str(expected) or len(answer["Plaintext"]) != length:
        reason = f"Decrypt with {expected}: the answer is not for this key, or no data key."
        raise KeyUnavailable("No data key could be opened.", [reason])
    return bytes(answer["Plaintext"])


def _asked(what: str, operation: Callable[..., Any], asked: dict[str, Any]) -> Any:
    try:
        return operation(**asked)
    except Exception as error:  # the client is the caller's, and so are the kinds of its errors
        raise KeyUnavailable("The key service gave no data key.", [f"{what}: {said(error)}."]) from error
