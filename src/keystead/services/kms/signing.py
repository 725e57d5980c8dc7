"""Sign and Verify; GenerateMac and VerifyMac."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from keystead.identities.call import Call
from keystead.keys.errors import MacInvalid, SignatureInvalid
from keystead.keys.leave import Use
from keystead.keys.messages import RAW, check_message
from keystead.keys.use import Keys, dry_run_ends

Answer = Mapping[str, Any]
MESSAGE_TYPE: Final = "kms:messagetype"


async def sign(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    message: bytes,
    signing_algorithm: str,
    message_type: str = RAW,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
) -> Answer:
    use = await leave(keys, call, "Sign", key_id, signing_algorithm, message, message_type, grant_tokens)
    dry_run_ends(dry_run)
    signature = await use.sign(message, message_type)
    return {"KeyId": use.key.arn, "Signature": signature, "SigningAlgorithm": signing_algorithm}


async def verify(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    message: bytes,
    signature: bytes,
    signing_algorithm: str,
    message_type: str = RAW,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
) -> Answer:
    """A signature that is not valid is an error, never an answer."""
    use = await leave(keys, call, "Verify", key_id, signing_algorithm, message, message_type, grant_tokens)
    dry_run_ends(dry_run)
    if not await use.verify(message, message_type, signature):
        raise SignatureInvalid
    return {"KeyId": use.key.arn, "SignatureValid": True, "SigningAlgorithm": signing_algorithm}


async def leave(
    keys: Keys,
    call: Call,
    operation: str,
    named: str,
    algorithm: str,
    message: bytes,
    message_type: str,
    grant_tokens: Sequence[str],
) -> Use:
    asked = {MESSAGE_TYPE: (message_type,)}
    use = await keys.use(
        call, operation, named, context=None, algorithm=algorithm, grant_tokens=grant_tokens, asked=asked
    )
    check_message(algorithm, message_type, len(message))
    return use


async def generate_mac(
    keys: Keys,
    call: Call,
    *,
    message: bytes,
    key_id: str,
    mac_algorithm: str,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
) -> Answer:
    use = await keys.use(call, "GenerateMac", key_id, context=None, algorithm=mac_algorithm, grant_tokens=grant_tokens)
    dry_run_ends(dry_run)
    return {"Mac": await use.generate_mac(message), "MacAlgorithm": mac_algorithm, "KeyId": use.key.arn}


async def verify_mac(
    keys: Keys,
    call: Call,
    *,
    message: bytes,
    key_id: str,
    mac_algorithm: str,
    mac: bytes,
    grant_tokens: Sequence[str] = (),
    dry_run: bool = False,
) -> Answer:
    """A MAC that is not valid is an error, never an answer."""
    use = await keys.use(call, "VerifyMac", key_id, context=None, algorithm=mac_algorithm, grant_tokens=grant_tokens)
    dry_run_ends(dry_run)
    if not await use.verify_mac(message, mac):
        raise MacInvalid
    return {"KeyId": use.key.arn, "MacValid": True, "MacAlgorithm": mac_algorithm}
