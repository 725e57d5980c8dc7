"""Public keys and what is made with them: shared secrets, and data key pairs."""

from collections.abc import Mapping, Sequence
from typing import Any

from keystead.access.request import Values
from keystead.identities.call import Call
from keystead.keys.errors import NotServed
from keystead.keys.leave import Use
from keystead.keys.specs import PAIRS
from keystead.keys.use import NO_CONTEXT, NOTHING_ASKED, Keys, dry_run_ends
from keystead.services.kms.answers import algorithms_of
from keystead.services.kms.recipients import answer_to, received
from keystead.services.kms.refused import why_not

Answer = Mapping[str, Any]


async def get_public_key(keys: Keys, call: Call, *, key_id: str, grant_tokens: Sequence[str] = ()) -> Answer:
    key, public = await keys.use_public(call, key_id, grant_tokens=grant_tokens)
    return {
        "KeyId": key.arn,
        "PublicKey": public,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "KeyUsage": key.usage,
        **algorithms_of(key),
    }


async def derive_shared_secret(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    key_agreement_algorithm: str,
    public_key: bytes,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
    recipient: Mapping[str, Any] | None = None,
) -> Answer:
    to = await received(keys, call, recipient)
    how: dict[str, Any] = {"context": None, "algorithm": key_agreement_algorithm, "grant_tokens": grant_tokens}
    use = await keys.use(call, "DeriveSharedSecret", key_id, **how, asked=to.conditions)
    dry_run_ends(dry_run)
    return {
        "KeyId": use.key.arn,
        **answer_to(to, "SharedSecret", await use.derive_shared_secret(public_key, to.public_key)),
        "KeyAgreementAlgorithm": key_agreement_algorithm,
        "KeyOrigin": use.key.origin,
    }


async def encapsulate(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    encapsulation_algorithm: str,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
) -> Answer:
    how: dict[str, Any] = {"context": None, "algorithm": encapsulation_algorithm, "grant_tokens": grant_tokens}
    use = await keys.use(call, "Encapsulate", key_id, **how)
    dry_run_ends(dry_run)
    secret, ciphertext = await use.encapsulate()
    return {
        "KeyId": use.key.arn,
        "SharedSecret": secret,
        "SharedSecretCiphertextBlob": ciphertext,
        "EncapsulationAlgorithm": encapsulation_algorithm,
    }


async def decapsulate(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    shared_secret_ciphertext_blob: bytes,
    encapsulation_algorithm: str,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
) -> Answer:
    how: dict[str, Any] = {"context": None, "algorithm": encapsulation_algorithm, "grant_tokens": grant_tokens}
    use = await keys.use(call, "Decapsulate", key_id, **how)
    dry_run_ends(dry_run)
    return {
        "KeyId": use.key.arn,
        "SharedSecret": await use.decapsulate(shared_secret_ciphertext_blob),
        "EncapsulationAlgorithm": encapsulation_algorithm,
    }


async def generate_data_key_pair(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    key_pair_spec: str,
    encryption_context: Mapping[str, str] = NO_CONTEXT,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
    recipient: Mapping[str, Any] | None = None,
) -> Answer:
    to = await received(keys, call, recipient)
    how = (key_id, key_pair_spec, encryption_context, grant_tokens)
    use = await leave(keys, call, "GenerateDataKeyPair", *how, to.conditions)
    dry_run_ends(dry_run)
    public, private, blob = await use.generate_data_key_pair(key_pair_spec, to.public_key)
    return {**answer_to(to, "PrivateKeyPlaintext", private), **pair(use, key_pair_spec, public, blob)}


async def generate_data_key_pair_without_plaintext(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    key_pair_spec: str,
    encryption_context: Mapping[str, str] = NO_CONTEXT,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
) -> Answer:
    operation = "GenerateDataKeyPairWithoutPlaintext"
    use = await leave(keys, call, operation, key_id, key_pair_spec, encryption_context, grant_tokens)
    dry_run_ends(dry_run)
    return pair(use, key_pair_spec, *await use.generate_data_key_pair_without_plaintext(key_pair_spec))


async def leave(
    keys: Keys,
    call: Call,
    operation: str,
    named: str,
    spec: str,
    context: Mapping[str, str],
    grant_tokens: Sequence[str],
    conditions: Mapping[str, Values] = NOTHING_ASKED,
) -> Use:
    asked = {"kms:datakeypairspec": (spec,), **conditions}
    use = await keys.use(call, operation, named, context=context, grant_tokens=grant_tokens, asked=asked)
    if spec not in PAIRS:
        raise NotServed(why_not(f"{operation}.KeyPairSpec", spec))
    return use


def pair(use: Use, spec: str, public: bytes, blob: bytes) -> dict[str, Any]:
    return {
        "PrivateKeyCiphertextBlob": blob,
        "PublicKey": public,
        "KeyId": use.key.arn,
        "KeyPairSpec": spec,
        "KeyMaterialId": use.material_id,
    }
