"""A session for whoever was found to have a right to it: its policies and size checked, and its row written."""

from keystead.access.policy import Kind
from keystead.identities import documents, limits, new_keys, sessions
from keystead.identities.call import Call
from keystead.identities.errors import DurationTooLong, PolicyNotAttachable, TooManyPolicies
from keystead.identities.names import TEMPORARY
from keystead.identities.room import Identities
from keystead.identities.sessions import Asked, Issued
from keystead.identities.store import permissions
from keystead.identities.store.entities import Entity


def check_policies(session: Asked) -> int | None:
    """Percent of the room for policies and tags. Raises TooManyPolicies, SessionTooLarge, PolicyMalformed."""
    if len(session.policy_arns) > limits.SESSION_POLICIES:
        raise TooManyPolicies
    if session.policy is not None:
        documents.check(session.policy, Kind.SESSION)
    return session.packed


def check_duration(role: Entity, seconds: int) -> None:
    """Raises DurationTooLong."""
    if role.role is None or seconds > role.role.max_session:
        raise DurationTooLong


async def issue(room: Identities, call: Call, holder: Entity, session: Asked) -> Issued:
    """THE CALLER HAS DECIDED. Raises EntityNotFound, PolicyNotAttachable, KeyholderLost."""
    new = await new_keys.make(room.keyholder, TEMPORARY)
    async with room.write_session(call) as tx:
        for arn in session.policy_arns:
            await permissions.known(tx.connection, holder.account, arn, PolicyNotAttachable)
        return await sessions.issue(tx, holder, new, session)
