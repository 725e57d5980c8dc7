"""Sealing and opening SecureStrings under their key, through calls to KMS that are forwarded in the caller's name.

    tier       what lies in the database, and is answered without decryption     on writing        on reading
    Standard   the ciphertext of KMS itself                                      Encrypt           Decrypt
    Advanced   a message of the AWS Encryption SDK, suite 0478, 4 KiB frames     GenerateDataKey   Decrypt

    encryption context of both   PARAMETER_ARN = the parameter's ARN             (Systems Manager user guide, KMS encryption)

Each step is one record of KMS's, with the caller's identity, so that the caller needs both permissions. Of an advanced
parameter this process has the data key besides the value that it seals, which it has anyway; it seals nothing else.

Opening a message:
1. its context is that of this parameter and nothing else: what was copied from another is not opened
2. KMS opens its data key, as the caller      3. commitment, header and frames are verified by the envelope
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from keystead.access.errors import AccessDenied
from keystead.envelope import COMMITTED, CommitmentPolicy, Envelope, EnvelopeFault, WrappedKey
from keystead.envelope import header as headers
from keystead.envelope.materials import Sealing
from keystead.envelope.suites import Suite
from keystead.identities.call import Call
from keystead.identities.errors import SessionForbidden
from keystead.keyholder.errors import CiphertextInvalid, RequestRefused
from keystead.keys import names
from keystead.keys.errors import CiphertextOfUnknownKey, KeyFault
from keystead.keys.use import Keys
from keystead.parameters.errors import KeyDenied, KeyRefused
from keystead.parameters.parameter import ADVANCED, BLOB, MESSAGE, PLAIN, SECURE_STRING, Stored
from keystead.trail.event import new_id

PROVIDER: Final = "aws-kms"
FRAME: Final = 4096
DATA_KEY: Final = 32

DENIALS: Final = (AccessDenied, SessionForbidden, CiphertextOfUnknownKey)
REFUSALS: Final = (AccessDenied, SessionForbidden, KeyFault, CiphertextInvalid, RequestRefused)

Words = Callable[[Exception], tuple[str, str | None]]
"""KMS's code and text for what it refused with."""


class Unsound(RuntimeError):
    """What was sealed does not open again: a defect, or a fault of the machine."""


class Held:
    """Materials of one message, whose data key KMS has made or opened already."""

    def __init__(self, data_key: bytes, wrapped: tuple[WrappedKey, ...]) -> None:
        self._data_key = data_key
        self._wrapped = wrapped

    def to_seal(self, suite: Suite, context: Mapping[str, str], size: int | None) -> Sealing:  # noqa: ARG002  # the promise's
        return Sealing(suite, self._data_key, self._wrapped, dict(context))

    def to_open(self, suite: Suite, wrapped: tuple[WrappedKey, ...], context: Mapping[str, str]) -> bytes:  # noqa: ARG002  # likewise
        return self._data_key


def envelope(data_key: bytes, wrapped: Sequence[WrappedKey]) -> Envelope:
    """Of one message; only what commits to its key is opened."""
    policy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    return Envelope(Held(data_key, tuple(wrapped)), suite=COMMITTED, policy=policy, frame_length=FRAME, threads=1)


def context_of(arn: str) -> dict[str, str]:
    return {"PARAMETER_ARN": arn}


class Sealer:
    """Of one room: the keys, and KMS's words for what it refuses."""

    def __init__(self, keys: Keys, words: Words) -> None:
        self._keys = keys
        self._words = words

    async def seal(self, call: Call, arn: str, *, type_: str, tier: str, key: str | None, value: str) -> Stored:
        """Under the key as it is named now; of another type than SecureString, as it is. Raises KeyRefused, KeyDenied."""
        content = value.encode(errors="surrogatepass")
        if type_ != SECURE_STRING or key is None:
            return Stored(PLAIN, content)
        if tier == ADVANCED:
            return await self._message(call, arn, key, content)
        return await self._blob(call, arn, key, content)

    async def open(self, call: Call, arn: str, stored: Stored) -> str:
        """The value. THE CALLER HAS BEEN ADMITTED. Raises KeyRefused, KeyDenied."""
        if stored.encoding == PLAIN or stored.key_arn is None:
            return stored.content.decode(errors="surrogatepass")
        if stored.encoding == BLOB:
            content = await self._decrypt(call, arn, stored.key_arn, stored.content)
        else:
            content = await self._open_message(call, arn, stored.key_arn, stored.content)
        return content.decode(errors="surrogatepass")

    async def _blob(self, call: Call, arn: str, key: str, content: bytes) -> Stored:
        context = context_of(arn)
        with self._asking(call, "Encrypt", key, {"key_id": key, "encryption_context": context}) as forwarded:
            use = await self._keys.use(forwarded, "Encrypt", key, context=context)
            return Stored(BLOB, await use.encrypt(content), use.key.arn)

    async def _message(self, call: Call, arn: str, key: str, content: bytes) -> Stored:
        context = context_of(arn)
        asked = {"key_id": key, "number_of_bytes": DATA_KEY, "encryption_context": context}
        with self._asking(call, "GenerateDataKey", key, asked) as forwarded:
            use = await self._keys.use(forwarded, "GenerateDataKey", key, context=context)
            data_key, blob = await use.generate_data_key(DATA_KEY)
        wrapped = WrappedKey(PROVIDER, use.key.arn.encode(), blob)
        sealed = envelope(data_key, [wrapped]).encrypt(content, context)
        if envelope(data_key, [wrapped]).decrypt(sealed, context).plaintext != content:
            raise Unsound
        return Stored(MESSAGE, sealed, use.key.arn)

    async def _open_message(self, call: Call, arn: str, key_arn: str, message: bytes) -> bytes:
        try:
            header = headers.parse(message)
            if header.context != context_of(arn):  # 1
                raise KeyRefused(DAMAGED)
            wrapped = next(one for one in header.wrapped_keys if one.provider == PROVIDER)
            data_key = await self._decrypt(call, arn, key_arn, wrapped.ciphertext)  # 2
            return envelope(data_key, header.wrapped_keys).decrypt(message, header.context).plaintext  # 3
        except (EnvelopeFault, StopIteration):
            raise KeyRefused(DAMAGED) from None

    async def _decrypt(self, call: Call, arn: str, key_arn: str, blob: bytes) -> bytes:
        context, request = context_of(arn), new_id()
        try:  # not _asking: this is the way of every read
            with call.forward(request, "kms", "Decrypt", key_arn, {"encryption_context": context}) as forwarded:
                use = await self._keys.use_to_open(forwarded, "Decrypt", blob, named=key_arn, context=context)
                return await use.decrypt(blob)
        except REFUSALS as refusal:
            raise self._told(refusal, request) from None

    @contextmanager
    def _asking(self, call: Call, operation: str, key: str, asked: dict[str, Any]) -> Iterator[Call]:
        """A call forwarded to KMS, whose refusals are told in its words."""
        request = new_id()
        try:
            resource = names.read(call, key, aliases=True).arn
            with call.forward(request, "kms", operation, resource, asked) as forwarded:
                yield forwarded
        except REFUSALS as refusal:
            raise self._told(refusal, request) from None

    def _told(self, refusal: Exception, request: str) -> KeyRefused:
        """As the SDK inside of Systems Manager words it (recorded)."""
        code, text = self._words(refusal)
        facts = f"Service: AWSKMS; Status Code: 400; Error Code: {code}; Request ID: {request}; Proxy: null"
        told = f"{text} ({facts})" if text else f"({facts})"
        return KeyDenied(told) if isinstance(refusal, DENIALS) else KeyRefused(told)


DAMAGED: Final = "What is stored is not what was sealed for this parameter."


def without_decryption(stored: Stored) -> str:
    """What a reader gets who does not ask for decryption: of a SecureString, the ciphertext in base64."""
    if stored.encoding == PLAIN:
        return stored.content.decode(errors="surrogatepass")
    return base64.b64encode(stored.content).decode()
