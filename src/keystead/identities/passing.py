"""Roles that are passed to a service, which assumes them for itself when there is something to do.

1. may the caller pass it?         iam:PassRole, with iam:PassedToService, when it is given
2. may the service have it?        its trust policy, each time; aws:SourceArn and aws:SourceAccount say what for
3. a session of it, in memory      nobody gets credentials; what is asked with it is recorded with the call that needed it

Source: IAM user guide, passing a role to a service, and the confused deputy problem.
"""

import secrets
from dataclasses import dataclass
from typing import Final

import msgspec

from keystead.access.errors import AccessDenied
from keystead.identities import callers, trust
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.identities.names import ACCESS_KEY_LENGTH, BASE32, TEMPORARY, parse_entity
from keystead.identities.room import Identities
from keystead.identities.store import entities
from keystead.identities.store.entities import Entity
from keystead.identities.store.sessions import Session
from keystead.trail.event import id_at
from keystead.trail.notes import Notes

SECONDS: Final = 900
"""A session's life; it ends with its call."""


@dataclass(frozen=True, slots=True)
class Source:
    """Which service assumes a role, for which account and resource.

    service  DNS name
    """

    service: str
    account: str
    arn: str


async def permit(room: Identities, call: Call, source: Source, role_arn: str) -> None:
    """Steps 1 and 2. Raises AccessDenied, which says the same of a role that is not there."""
    authorize(call, "iam:PassRole", role_arn, extra={"iam:passedtoservice": (source.service,)})
    async with room.database.read() as connection:
        found = await entities.by_arn(connection, role_arn)
    parsed = parse_entity(role_arn)
    if found is None or parsed is None or parsed.kind != "role" or found.account != source.account:
        raise AccessDenied(f"{source.service} is not authorized to assume role {role_arn[:256]}")


async def assume(room: Identities, call: Call, source: Source, role_arn: str, session: str) -> Call:
    """Steps 2 and 3: a call of the role, whose forwarded calls are recorded as the caller's would be. Raises AccessDenied."""
    with call.part(id_at(call.at), "AssumeRole", {"role_arn": role_arn, "role_session_name": session}) as part:
        part.service, part.caller = "sts", callers.service(source.account, source.service)
        part.source_ip = part.user_agent = source.service
        role = await trusting(room, part, source, role_arn, session)
        part.notes.resource(role.account, "AWS::IAM::Role", role.arn)
    async with room.database.read() as connection:
        credential = await callers.of_session(connection, held(call, role, session))
    if credential is None:
        raise AccessDenied(f"{source.service} is not authorized to assume role {role_arn[:256]}")
    return msgspec.structs.replace(call, caller=credential.caller, notes=Notes(), forwarded=call.forwarded)


async def trusting(room: Identities, part: Call, source: Source, role_arn: str, session: str) -> Entity:
    async with room.database.read() as connection:
        role = await entities.by_arn(connection, role_arn)
        role_tags = await trust.tags_of(connection, role)
    if role is not None and role.account != source.account:
        role = None
    proven = {"aws:sourcearn": (source.arn,), "aws:sourceaccount": (source.account,)}
    asked = trust.Asked(part.caller, role_arn, session, [], (), None, None, SECONDS, proven)
    return trust.decide(part, asked, role, role_tags)


def held(call: Call, role: Entity, session: str) -> Session:
    """As if it had been issued; its key has no secret, so that nobody signs with it."""
    length = ACCESS_KEY_LENGTH - len(TEMPORARY)
    return Session(
        access_key_id=TEMPORARY + "".join(secrets.choice(BASE32) for _ in range(length)),
        account=role.account,
        entity_id=role.id,
        name=session,
        token_hash=b"",
        secret_token=b"",
        issued_at=call.at,
        expires_at=call.at + SECONDS,
        policy=None,
        policy_arns=[],
        tags={},
        transitive=[],
        source_identity=None,
        chained=False,
        provider=None,
    )
