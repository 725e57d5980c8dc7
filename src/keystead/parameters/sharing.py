"""Resource policies: a parameter of the advanced tier can have one, which lets other accounts in (SSM API reference, PutResourcePolicy).

id     of the policy, for as long as there is one       hash   of its text: who changes it must know what it says
"""

import hashlib
import uuid
from collections.abc import Mapping
from typing import Final

from sqlalchemy import insert, update

from keystead.access.errors import PolicyMalformed
from keystead.access.policy import Kind, parse
from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.identities.errors import PrincipalUnknown
from keystead.parameters import records
from keystead.parameters.errors import (
    SharedPolicyNotFound,
    ShareNotFound,
    SharingConflict,
    SharingLimit,
    SharingWrong,
)
from keystead.parameters.parameter import ADVANCED, DEFAULT_KEY, SECURE_STRING, Parameter
from keystead.parameters.room import Parameters
from keystead.parameters.store import KIND, parameters, policy_history

LARGEST: Final = 1024 * 20
"""Bytes; ours: AWS names a limit for OpsItems alone."""


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def put(
    room: Parameters, call: Call, parameter: Parameter, text: str, policy_id: str | None, policy_hash: str | None
) -> tuple[str, str]:
    """The policy's id and hash. THE CALLER HAS BEEN ADMITTED.

    Raises PolicyMalformed, SharingWrong, SharingLimit, SharingConflict, SharedPolicyNotFound.
    """
    check_shareable(parameter)
    ids = await checked(room, text)
    if (policy_id is None) != (policy_hash is None):
        raise SharingWrong("PolicyId and PolicyHash are given together, to change a policy.")
    async with room.database.write(call.id) as tx:
        now = await present(tx, parameter)
        if policy_id is None and now.policy_id is not None:
            raise SharingLimit("A parameter has one resource policy. Give its PolicyId and PolicyHash to change it.")
        if policy_id is not None:
            check_meant(now, policy_id, policy_hash)
        kept = now.policy_id or str(uuid.uuid4())
        await store(tx, now, kept, text, ids)
    return kept, hash_of(text)


async def remove(room: Parameters, call: Call, parameter: Parameter, policy_id: str, policy_hash: str) -> None:
    """THE CALLER HAS BEEN ADMITTED. Raises SharingConflict, SharedPolicyNotFound."""
    async with room.database.write(call.id) as tx:
        now = await present(tx, parameter)
        check_meant(now, policy_id, policy_hash)
        await store(tx, now, None, None, {})


async def present(tx: Transaction, parameter: Parameter) -> Parameter:
    """Raises ShareNotFound."""
    now = await records.load(tx.connection, parameter.id)
    if now is None:
        raise ShareNotFound("The specified parameter to be shared could not be found.")
    return now


def check_shareable(parameter: Parameter) -> None:
    """Raises SharingWrong."""
    newest = parameter.latest
    if newest.tier != ADVANCED:
        raise SharingWrong("Only parameters of the advanced tier can be shared.")
    if newest.type == SECURE_STRING and (newest.key or DEFAULT_KEY).endswith(DEFAULT_KEY):
        raise SharingWrong("A SecureString is shared only under a customer managed key.")


def check_meant(now: Parameter, policy_id: str, policy_hash: str | None) -> None:
    """Raises SharedPolicyNotFound, SharingConflict."""
    if now.policy_id != policy_id or now.policy_text is None:
        raise SharedPolicyNotFound("No policies with the specified policy ID and hash could be found.")
    if hash_of(now.policy_text) != policy_hash:
        raise SharingConflict("The hash provided in the call doesn't match the stored hash.")


async def checked(room: Parameters, text: str) -> Mapping[str, str]:
    """The unique ids of the principals it names. Raises PolicyMalformed, SharingLimit."""
    if len(text.encode(errors="surrogatepass")) > LARGEST:
        raise SharingLimit(f"A resource policy can't be larger than {LARGEST} bytes.")
    try:
        return await room.identities.resolve_principals(parse(text, Kind.RESOURCE).principals())
    except PrincipalUnknown:
        raise PolicyMalformed("This resource policy contains an unsupported principal.") from None


async def store(
    tx: Transaction, now: Parameter, policy_id: str | None, text: str | None, ids: Mapping[str, str]
) -> None:
    values = {"policy": text, "policy_id": policy_id, "policy_ids": dict(ids)}
    await tx.execute(update(parameters).where(parameters.c.id == now.id).values(**values))
    await note(tx, now.arn, text, ids)
    tx.changed(KIND, str(now.id))


async def note(tx: Transaction, arn: str, text: str | None, ids: Mapping[str, str]) -> None:
    """Append to the history of who was allowed what."""
    row = {"parameter_arn": arn, "policy": text, "policy_ids": dict(ids)}
    await tx.execute(insert(policy_history).values(at=tx.at, because=tx.because, **row))
