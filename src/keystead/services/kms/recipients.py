"""The Recipient parameter: plaintext for the caller, or an answer that only an attested environment can read."""

from collections.abc import Mapping
from typing import Any

from keystead.identities.call import Call
from keystead.keys.errors import ParameterWrong
from keystead.keys.recipients import CALLER, Recipient, attested
from keystead.keys.use import Keys


async def received(keys: Keys, call: Call, given: Mapping[str, Any] | None) -> Recipient:
    """Raises AttestationInvalid, NotServed, ParameterWrong."""
    if given is None:
        return CALLER
    if "AttestationDocument" not in given or "KeyEncryptionAlgorithm" not in given:
        raise ParameterWrong("Recipient needs an AttestationDocument and a KeyEncryptionAlgorithm.")
    return await attested(keys, call, given["AttestationDocument"])


def answer_to(recipient: Recipient, member: str, value: bytes) -> dict[str, bytes]:
    """`member` for the caller; for a recipient, what the keyholder sealed to it."""
    return {"CiphertextForRecipient" if recipient.public_key else member: value}
