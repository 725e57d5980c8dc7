"""Who alone may read an answer: an environment that proved by an attestation document what it runs.

The document is verified here, off the event loop, since that costs milliseconds; it needs no secret. It comes before the decision,
which may depend on what it says. The plaintext is sealed to its key in the keyholder,
and never comes to this process. (KMS developer guide, cryptographic attestation and its condition keys.)
"""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

from keystead.access.request import Values
from keystead.attestation.verification import Attested, NotBelieved, verify
from keystead.identities.call import Call
from keystead.keys.errors import AttestationInvalid, NotServed
from keystead.keys.use import NOTHING_ASKED, Keys

PREFIX: Final = "kms:recipientattestation:"
IMAGE: Final = 0
"""PCR0 is the enclave's image (AWS Nitro Enclaves user guide, measurements)."""
SHOWN: Final = (1, 2, 3, 4, 8)
"""PCRs in the record (KMS developer guide, monitoring requests for Nitro enclaves)."""


class Recipient(NamedTuple):
    """public_key  empty: the caller, in plaintext
    conditions  condition keys of the document, in lower case
    """

    public_key: bytes
    conditions: Mapping[str, Values]


CALLER: Final = Recipient(b"", NOTHING_ASKED)


async def attested(room: Keys, call: Call, document: bytes) -> Recipient:
    """Raises AttestationInvalid, and NotServed where no root is trusted."""
    if not room.trusted:
        raise NotServed("Recipient is not served here: no root of attestation documents is trusted.")
    try:
        found = await asyncio.to_thread(verify, document, room.trusted, call.at)
    except NotBelieved:
        raise AttestationInvalid from None
    call.notes.additional["recipient"] = noted(found)
    return Recipient(found.public_key, conditions(found))


def conditions(found: Attested) -> dict[str, Values]:
    if found.of_tpm:
        return {f"{PREFIX}nitrotpmpcr{number}": (value,) for number, value in found.registers.items()}
    known: dict[str, Values] = {f"{PREFIX}pcr{number}": (value,) for number, value in found.registers.items()}
    if IMAGE in found.registers:
        known[f"{PREFIX}imagesha384"] = (found.registers[IMAGE],)
    return known


def noted(found: Attested) -> dict[str, str]:
    """For the record."""
    told = {"attestationDocumentModuleId": found.module_id}
    if found.of_tpm:
        return told | {f"attestationDocumentNitroTPMPCR{number}": value for number, value in found.registers.items()}
    if IMAGE in found.registers:
        told["attestationDocumentEnclaveImageDigest"] = found.registers[IMAGE]
    shown = {number: found.registers[number] for number in SHOWN if number in found.registers}
    return told | {f"attestationDocumentEnclavePCR{number}": value for number, value in shown.items()}
