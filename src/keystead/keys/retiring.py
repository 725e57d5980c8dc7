"""Ending grants, and listing them (KMS API reference, RetireGrant, RevokeGrant, ListGrants, ListRetirableGrants)."""

import re
from typing import Final

from sqlalchemy import ColumnElement, or_, select, update

from keystead.access.decision import Combine
from keystead.access.errors import AccessDenied
from keystead.access.request import Values
from keystead.identities import names
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keys import records, tokens
from keystead.keys.conditions import KeyContext
from keystead.keys.errors import GrantIdMalformed, GrantNotFound, GrantTokenInvalid, ParameterWrong
from keystead.keys.grants import Grant, is_principal, token_digest
from keystead.keys.key import Key, arn_of
from keystead.keys.store import KIND, grant_tokens, grants
from keystead.keys.use import RESOURCE, Keys, dry_run_ends

GRANT_ID: Final = re.compile(r"[0-9a-f]{64}")
Place = tuple[float, str]
"""Time of creation and id of the last grant that a page showed."""


async def revoke(room: Keys, call: Call, named: str, grant_id: str, *, dry_run: bool) -> None:
    key = await room.admit(call, "RevokeGrant", named, asked={"kms:grantisforawsresource": ("false",)})
    await grant_on(room, key, grant_id)
    dry_run_ends(dry_run)
    await end(room, call, key, grant_id, "revoked")


async def retire(
    room: Keys, call: Call, token: str | None, named: str | None, grant_id: str | None, *, dry_run: bool
) -> None:
    """By the retiring principal, the grantee if the grant says so, or the account that made it."""
    key, grant = await to_retire(room, call, token, named, grant_id)
    call.notes.resource(key.account, RESOURCE, key.arn)
    call.notes.additional["grantId"] = grant.id
    may_retire(call, key, grant)
    dry_run_ends(dry_run)
    await end(room, call, key, grant.id, "retired")


def may_retire(call: Call, key: Key, grant: Grant) -> None:
    """An Allow for kms:RetireGrant in the key policy counts for nothing, a Deny anywhere does. Raises AccessDenied.

    1. the retiring principal, and the grantee of a grant that carries RetireGrant, need no policy
    2. the issuing account, and an account that is the retiring principal, delegate by IAM
    """
    principal = call.caller.principal
    asked: dict[str, Values] = {}
    if grant.constraints:
        asked["kms:grantconstrainttype"] = tuple(kind.value for kind in grant.constraints)
    context = KeyContext(call, key, None, asked)
    own = grant.retiring is not None and is_principal(principal, grant.retiring, grant.retiring_id or "")
    by_grant = own or grant.allows(principal, "RetireGrant", None, None)
    if not by_grant:  # 2
        if principal.account not in delegating(grant):
            call.decided = True
            text = f"User: {principal.arn} is not authorized to perform: kms:RetireGrant on resource: {key.arn}"
            raise AccessDenied(f"{text} because no resource-based policy allows the kms:RetireGrant action")
        authorize(call, "kms:RetireGrant", key.arn, resource_account=key.account, extra=context)
    authorize(
        call,
        "kms:RetireGrant",
        key.arn,
        combine=Combine.KEY,
        resource_account=key.account,
        resource_policy=key.policy,
        extra=context,
        grant=lambda: grant.id,
        hidden=key.account != call.account,
    )


def delegating(grant: Grant) -> set[str]:
    root = names.ROOT.fullmatch(grant.retiring or "")
    return {grant.issuing_account} | ({root["account"]} if root else set())


async def to_retire(
    room: Keys, call: Call, token: str | None, named: str | None, grant_id: str | None
) -> tuple[Key, Grant]:
    if token is not None:
        if named is not None or grant_id is not None:
            raise ParameterWrong("Specify either a grant token, or a key ARN and a grant ID, but not both.")
        return await by_token(room, call, token)
    if named is None or grant_id is None:
        raise ParameterWrong("Specify either a grant token, or a key ARN and a grant ID.")
    key = await room.find(call, "RetireGrant", named)
    return key, await grant_on(room, key, grant_id)


async def by_token(room: Keys, call: Call, token: str) -> tuple[Key, Grant]:
    """Raises GrantTokenInvalid, also for a token of a grant that has ended."""
    if not tokens.is_token(token):
        raise GrantTokenInvalid
    given = select(grant_tokens.c.grant_id).where(grant_tokens.c.digest == token_digest(token)).scalar_subquery()
    async with room.database.read() as connection:
        row = (
            await connection.execute(select(grants).where(grants.c.id == given, grants.c.ended_at.is_(None)))
        ).first()
    key = await room.known.key(row.region, row.key_id) if row is not None else None
    if row is None or key is None or key.region != call.region:
        raise GrantTokenInvalid
    return key, records.grant_of(row)


async def grant_on(room: Keys, key: Key, grant_id: str) -> Grant:
    """Raises GrantIdMalformed, GrantNotFound."""
    if not GRANT_ID.fullmatch(grant_id):
        raise GrantIdMalformed
    async with room.database.read() as connection:
        grant = await records.grant(connection, key.region, key.id, grant_id)
    if grant is None:
        raise GrantNotFound(grant_id)
    return grant


async def end(room: Keys, call: Call, key: Key, grant_id: str, how: str) -> None:
    """The row stays, with the time of its end."""
    async with room.database.write(call.id) as tx:
        live = (grants.c.id == grant_id) & grants.c.ended_at.is_(None)
        ended = await tx.execute(update(grants).where(live).values(ended_at=tx.at, ended_by=how))
        tx.changed(KIND, f"{key.region}/{key.id}")
        if ended.rowcount == 0:
            raise GrantNotFound(grant_id)


async def page(
    room: Keys, key: Key, grant_id: str | None, grantee: str | None, after: Place, limit: int
) -> list[Grant]:
    """Live grants of a key, oldest first; one more than `limit` where there are more. THE CALLER HAS DECIDED."""
    wanted = records.live(key.region, key.id) & later(after)
    if grant_id is not None:
        wanted &= grants.c.id == grant_id
    if grantee is not None:
        wanted &= grants.c.grantee == grantee
    query = select(grants).where(wanted).order_by(grants.c.created_at, grants.c.id).limit(limit + 1)
    async with room.database.read() as connection:
        return [records.grant_of(row) for row in await connection.execute(query)]


async def retirable(room: Keys, call: Call, retiring: str, after: Place, limit: int) -> list[tuple[Grant, str]]:
    """Live grants of the Region that this principal may retire, with their key ARNs, oldest first; likewise."""
    principal = await room.identities.principal(retiring)
    mine = (grants.c.retiring == retiring) & (grants.c.region == call.region) & grants.c.ended_at.is_(None)
    if principal is not None:
        mine &= grants.c.retiring_id.in_(("", principal.unique_id))
    query = select(grants).where(mine, later(after)).order_by(grants.c.created_at, grants.c.id).limit(limit + 1)
    async with room.database.read() as connection:
        found = list(await connection.execute(query))
    return [(records.grant_of(row), arn_of(row.key_account, row.region, row.key_id)) for row in found]


def later(after: Place) -> ColumnElement[bool]:
    return or_(grants.c.created_at > after[0], (grants.c.created_at == after[0]) & (grants.c.id > after[1]))
