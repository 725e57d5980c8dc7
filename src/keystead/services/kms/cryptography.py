"""Encrypt, Decrypt, ReEncrypt, symmetric data keys and random bytes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from keystead.access.request import Values
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keyholder.promise import SYMMETRIC_DEFAULT
from keystead.keys import key_stores
from keystead.keys.conditions import KeyContext
from keystead.keys.errors import DryRunSucceeded, ParameterWrong
from keystead.keys.leave import Use
from keystead.keys.messages import check_plaintext
from keystead.keys.specs import Kind
from keystead.keys.use import NO_CONTEXT, Keys, dry_run_ends
from keystead.services.kms.recipients import answer_to, received

Answer = Mapping[str, Any]
LENGTHS: Final = {"AES_128": 16, "AES_256": 32}
IGNORE_CIPHERTEXT: Final = "IGNORE_CIPHERTEXT"


async def encrypt(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    plaintext: bytes,
    encryption_context: Mapping[str, str] = NO_CONTEXT,
    grant_tokens: Sequence[str] = (),
    encryption_algorithm: str = SYMMETRIC_DEFAULT,
    dry_run: bool = False,
) -> Answer:
    use = await keys.use(
        call, "Encrypt", key_id, context=encryption_context, algorithm=encryption_algorithm, grant_tokens=grant_tokens
    )
    check_plaintext(use.key.spec, encryption_algorithm, len(plaintext))
    dry_run_ends(dry_run)
    blob = await use.encrypt(plaintext)
    return {"CiphertextBlob": blob, "KeyId": use.key.arn, "EncryptionAlgorithm": encryption_algorithm}


async def decrypt(
    keys: Keys,
    call: Call,
    *,
    ciphertext_blob: bytes | None = None,
    encryption_context: Mapping[str, str] = NO_CONTEXT,
    grant_tokens: Sequence[str] = (),
    key_id: str | None = None,
    encryption_algorithm: str = SYMMETRIC_DEFAULT,
    dry_run: bool = False,
    dry_run_modifiers: Sequence[str] = (),
    recipient: Mapping[str, Any] | None = None,
) -> Answer:
    to = await received(keys, call, recipient)
    if IGNORE_CIPHERTEXT in dry_run_modifiers:
        named = name_instead(key_id, "KeyId", dry_run=dry_run)
        await keys.use(
            call,
            "Decrypt",
            named,
            context=encryption_context,
            algorithm=encryption_algorithm,
            grant_tokens=grant_tokens,
            asked=to.conditions,
        )
        raise DryRunSucceeded
    blob = present(ciphertext_blob)
    use = await keys.use_to_open(
        call,
        "Decrypt",
        blob,
        named=key_id,
        context=encryption_context,
        algorithm=encryption_algorithm,
        grant_tokens=grant_tokens,
        asked=to.conditions,
    )
    dry_run_ends(dry_run)
    plaintext = await use.decrypt(blob, to.public_key)
    return {
        "KeyId": use.key.arn,
        **answer_to(to, "Plaintext", plaintext),
        "EncryptionAlgorithm": encryption_algorithm,
        **({} if to.public_key else material("KeyMaterialId", use)),
    }


async def re_encrypt(
    keys: Keys,
    call: Call,
    *,
    destination_key_id: str,
    ciphertext_blob: bytes | None = None,
    source_encryption_context: Mapping[str, str] = NO_CONTEXT,
    source_key_id: str | None = None,
    destination_encryption_context: Mapping[str, str] = NO_CONTEXT,
    source_encryption_algorithm: str = SYMMETRIC_DEFAULT,
    destination_encryption_algorithm: str = SYMMETRIC_DEFAULT,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
    dry_run_modifiers: Sequence[str] = (),
) -> Answer:
    ignored = IGNORE_CIPHERTEXT in dry_run_modifiers
    same = await keys.is_same_key(call, ciphertext_blob, source_key_id, destination_key_id)
    asked: dict[str, Values] = {} if same is None else {"kms:reencryptonsamekey": ("true" if same else "false",)}
    how: dict[str, Any] = {"algorithm": source_encryption_algorithm, "grant_tokens": grant_tokens, "asked": asked}
    if ignored:
        named = name_instead(source_key_id, "SourceKeyId", dry_run=dry_run)
        source = await keys.use(call, "ReEncryptFrom", named, context=source_encryption_context, **how)
    else:
        source = await keys.use_to_open(
            call,
            "ReEncryptFrom",
            present(ciphertext_blob),
            named=source_key_id,
            context=source_encryption_context,
            **how,
        )
    how["algorithm"] = destination_encryption_algorithm
    target = await keys.use(call, "ReEncryptTo", destination_key_id, context=destination_encryption_context, **how)
    call.notes.additional |= material("keyMaterialId", source)
    if ignored:
        raise DryRunSucceeded
    dry_run_ends(dry_run)
    blob = await source.reencrypt(present(ciphertext_blob), target)
    return {
        "CiphertextBlob": blob,
        "SourceKeyId": source.key.arn,
        "KeyId": target.key.arn,
        "SourceEncryptionAlgorithm": source_encryption_algorithm,
        "DestinationEncryptionAlgorithm": destination_encryption_algorithm,
        **material("SourceKeyMaterialId", source),
        **material("DestinationKeyMaterialId", target),
    }


def material(member: str, use: Use) -> dict[str, str]:
    """Which material it was: only symmetric keys have several."""
    return {member: use.material_id} if use.key.kind is Kind.SYMMETRIC else {}


def present(blob: bytes | None) -> bytes:
    """The model does not require the ciphertext, for the sake of dry runs that ignore it."""
    if blob is None:
        raise ParameterWrong(
            "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: "
            "Member must not be null"
        )
    return blob


def name_instead(named: str | None, member: str, *, dry_run: bool) -> str:
    """A dry run that ignores the ciphertext must name the key."""
    if not dry_run:
        raise ParameterWrong("DryRunModifiers can only be used with DryRun.")
    if named is None:
        raise ParameterWrong(f"{member} is required when the ciphertext is ignored.")
    return named


def length_of(key_spec: str | None, number_of_bytes: int | None) -> int:
    """Exactly one of the two says how long the data key is."""
    if (key_spec is None) == (number_of_bytes is None):
        raise ParameterWrong("Please specify either number of bytes or key spec.")
    return LENGTHS[key_spec] if key_spec is not None else number_of_bytes or 0


async def generate_data_key(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    encryption_context: Mapping[str, str] = NO_CONTEXT,
    number_of_bytes: int | None = None,
    key_spec: str | None = None,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
    recipient: Mapping[str, Any] | None = None,
) -> Answer:
    to = await received(keys, call, recipient)
    how: dict[str, Any] = {"context": encryption_context, "grant_tokens": grant_tokens, "asked": to.conditions}
    use = await keys.use(call, "GenerateDataKey", key_id, **how)
    length = length_of(key_spec, number_of_bytes)
    dry_run_ends(dry_run)
    plaintext, blob = await use.generate_data_key(length, to.public_key)
    return {
        "CiphertextBlob": blob,
        **answer_to(to, "Plaintext", plaintext),
        "KeyId": use.key.arn,
        **({} if to.public_key else material("KeyMaterialId", use)),
    }


async def generate_data_key_without_plaintext(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    encryption_context: Mapping[str, str] = NO_CONTEXT,
    key_spec: str | None = None,
    number_of_bytes: int | None = None,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
) -> Answer:
    operation = "GenerateDataKeyWithoutPlaintext"
    use = await keys.use(call, operation, key_id, context=encryption_context, grant_tokens=grant_tokens)
    length = length_of(key_spec, number_of_bytes)
    dry_run_ends(dry_run)
    blob = await use.generate_data_key_without_plaintext(length)
    return {"CiphertextBlob": blob, "KeyId": use.key.arn, "KeyMaterialId": use.material_id}


async def generate_random(
    keys: Keys,
    call: Call,
    *,
    number_of_bytes: int | None = None,
    custom_key_store_id: str | None = None,
    recipient: Mapping[str, Any] | None = None,
) -> Answer:
    if number_of_bytes is None:
        raise ParameterWrong("NumberOfBytes is required.")
    to = await received(keys, call, recipient)
    authorize(call, "kms:GenerateRandom", extra=KeyContext(call, None, asked=to.conditions))
    if custom_key_store_id is not None:
        found = await key_stores.random(keys, call, custom_key_store_id, number_of_bytes, to.public_key)
    else:
        found = await keys.keyholder.random(number_of_bytes, to.public_key)
    return answer_to(to, "Plaintext", found)
