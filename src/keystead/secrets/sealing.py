"""Sealing and opening values under a secret's key, through calls to KMS that are forwarded in the caller's name.

    encryption context   SecretARN = the secret's ARN, SecretVersionId = the version's id        (Secrets Manager user guide)

The keyholder seals and opens: this process has the value, as its caller has, and never a data key. Each step here is one
round trip and one record of KMS's, with the caller's identity, so that the caller needs both permissions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from keystead.access.errors import AccessDenied
from keystead.identities.call import Call
from keystead.identities.errors import SessionForbidden
from keystead.keyholder.errors import CiphertextInvalid, RequestRefused
from keystead.keys.errors import KeyFault
from keystead.keys.key import Key, Manager
from keystead.keys.leave import Use
from keystead.keys.use import Keys
from keystead.secrets.errors import KeyDenied, OpeningFailed, ParameterWrong, RewrapDenied, SealingFailed, SecretFault
from keystead.secrets.secret import DEFAULT_KEY, Sealed, Secret, Value, key_arn_of
from keystead.trail.event import id_at

PROBE: Final = "RequestToValidateKeyAccess"
"""SecretVersionId of the calls that only find out whether the caller may use a key (Secrets Manager user guide)."""
DATA_KEY: Final = 32
CUSTOMERS: Final = "A cross-account replica secret must be encrypted with a customer managed KMS key."

DENIALS: Final = (AccessDenied, SessionForbidden)
REFUSALS: Final = (*DENIALS, KeyFault, CiphertextInvalid, RequestRefused)


def context_of(secret: Secret, version_id: str) -> dict[str, str]:
    return {"SecretARN": secret.arn, "SecretVersionId": version_id}


@contextmanager
def failing_as(failure: type[SecretFault]) -> Iterator[None]:
    """KMS's refusals, as Secrets Manager tells them. What is lost, such as the keyholder, stays what it is."""
    try:
        yield
    except REFUSALS as refusal:
        raise told(refusal, failure) from None


def told(refusal: Exception, failure: type[SecretFault]) -> SecretFault:
    return KeyDenied() if isinstance(refusal, DENIALS) else failure()


async def seal(keys: Keys, call: Call, secret: Secret, version_id: str, value: Value) -> Sealed:
    """Under the secret's key as it is named now; who writes to a replica in another account needs kms:Encrypt with its key
    (Secrets Manager user guide, cross-account replication). Raises KeyDenied, SealingFailed.
    """
    with failing_as(SealingFailed):
        use, content, data_key = await _seal(keys, call, secret, version_id, value)
    return Sealed(value.kind, content, data_key, use.key.arn, secret.key is None)


async def _seal(keys: Keys, call: Call, secret: Secret, version_id: str, value: Value) -> tuple[Use, bytes, bytes]:
    context = context_of(secret, version_id)
    with (encrypting if secret.follows else generating)(call, secret, context) as forwarded:
        use = await keys.use(forwarded, forwarded.action, secret.key_arn, context=context)
        data_key, content = await use.seal_value(value.content, value.kind.encode())
    return use, content, data_key


def generating(call: Call, secret: Secret, context: dict[str, str]) -> Call:
    asked: dict[str, Any] = {
        "key_id": secret.key or DEFAULT_KEY,
        "key_spec": "AES_256",
        "encryption_context": context,
    }
    return call.forward(id_at(call.at), "kms", "GenerateDataKey", secret.key_arn, asked, region=secret.region)


def encrypting(call: Call, secret: Secret, context: dict[str, str]) -> Call:
    named = secret.key_arn if secret.follows else secret.key or DEFAULT_KEY
    asked: dict[str, Any] = {"key_id": named, "encryption_context": context}
    return call.forward(id_at(call.at), "kms", "Encrypt", secret.key_arn, asked, region=secret.region)


def decrypting(call: Call, secret: Secret, key_arn: str, context: dict[str, str]) -> Call:
    asked = {"encryption_context": context}
    return call.forward(id_at(call.at), "kms", "Decrypt", key_arn, asked, region=secret.region)


async def open_(keys: Keys, call: Call, secret: Secret, version_id: str, sealed: Sealed) -> Value:
    """Raises KeyDenied, OpeningFailed."""
    context = context_of(secret, version_id)
    try:
        content = await _open(keys, call, secret, sealed, context)
    except REFUSALS as refusal:  # not failing_as: this is the way of every read
        raise told(refusal, OpeningFailed) from None
    return Value(sealed.kind == "binary", content)


async def _open(keys: Keys, call: Call, secret: Secret, sealed: Sealed, context: dict[str, str]) -> bytes:
    with decrypting(call, secret, sealed.key_arn, context) as forwarded:
        use = await keys.use_to_open(forwarded, "Decrypt", sealed.data_key, named=sealed.key_arn, context=context)
        return await use.open_value(sealed.data_key, sealed.content, sealed.kind.encode())


async def probe(keys: Keys, call: Call, secret: Secret) -> Key:
    """The secret's key, if the caller may seal and open under it; nothing is kept. Raises KeyDenied, SealingFailed."""
    context = context_of(secret, PROBE)
    with failing_as(SealingFailed):
        with generating(call, secret, context) as forwarded:
            use = await keys.use(forwarded, "GenerateDataKey", secret.key_arn, context=context)
            blob = await use.generate_data_key_without_plaintext(DATA_KEY)
        with decrypting(call, secret, use.key.arn, context) as forwarded:
            await keys.use_to_open(forwarded, "Decrypt", blob, named=use.key.arn, context=context)
    return use.key


def check_named(replica: Secret) -> None:
    """Raises ParameterWrong where a replica for another account would come under the default key."""
    if normal(replica, replica.key or "") is None:
        raise ParameterWrong(CUSTOMERS)


def check_customers(key: Key) -> None:
    """Raises ParameterWrong."""
    if key.manager is not Manager.CUSTOMER:
        raise ParameterWrong(CUSTOMERS)


async def probe_encrypting(keys: Keys, call: Call, secret: Secret) -> None:
    """Whether the caller may encrypt with the secret's key. Raises KeyDenied, SealingFailed."""
    context = context_of(secret, PROBE)
    with failing_as(SealingFailed), encrypting(call, secret, context) as forwarded:
        await keys.use(forwarded, "Encrypt", secret.key_arn, context=context)


async def rewrap(keys: Keys, call: Call, changed: Secret, version_id: str, sealed: Sealed) -> Sealed:
    """The same value under the key that the secret has now; neither it nor the data key leaves the keyholder.

    Raises RewrapDenied when the caller may not encrypt with that key, SealingFailed; KeyDenied and OpeningFailed for the key
    that it is under.
    """
    context = context_of(changed, version_id)
    try:
        with failing_as(SealingFailed), encrypting(call, changed, context) as forwarded:
            target = await keys.use(forwarded, "Encrypt", changed.key_arn, context=context)
    except KeyDenied:
        raise RewrapDenied from None
    with failing_as(OpeningFailed), decrypting(call, changed, sealed.key_arn, context) as forwarded:
        source = await keys.use_to_open(forwarded, "Decrypt", sealed.data_key, named=sealed.key_arn, context=context)
        data_key = await source.reencrypt(sealed.data_key, target)
    return Sealed(sealed.kind, sealed.content, data_key, target.key.arn, changed.key is None)


def normal(secret: Secret, named: str) -> str | None:
    """A key's name as it is kept: the default key has none, whatever it is called."""
    return None if key_arn_of(secret.account, secret.region, named or None) == default_arn(secret) else named


def default_arn(secret: Secret) -> str:
    return key_arn_of(secret.account, secret.region, None)
