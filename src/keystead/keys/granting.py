"""Making and ending grants (KMS API reference, CreateGrant, RetireGrant, RevokeGrant)."""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import insert, or_, select, update

from keystead.access.decision import Combine
from keystead.access.errors import AccessDenied
from keystead.access.request import Values
from keystead.database.engine import Transaction
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keys import records, tokens
from keystead.keys.changes import again
from keystead.keys.conditions import KeyContext
from keystead.keys.errors import (
    GrantIdMalformed,
    GrantNotFound,
    GrantPrincipalUnknown,
    GrantTokenInvalid,
    LimitReached,
    ParameterWrong,
)
from keystead.keys.grants import OPERATIONS, Constraint, Grant, at_least_as_strict, is_principal, token_digest
from keystead.keys.key import Key, arn_of
from keystead.keys.store import KIND, grant_tokens, grants
from keystead.keys.use import RESOURCE, Keys, dry_run_ends

LIMIT: Final = 50_000
"""Grants of one key (KMS developer guide, quotas)."""
PAIRS: Final = 8
VALUE: Final = 384
GRANT_ID: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What CreateGrant asks for."""

    grantee: str
    retiring: str | None
    operations: frozenset[str]
    constraints: Mapping[Constraint, Mapping[str, str]]
    source_arn: str | None
    name: str

    def conditions(self) -> dict[str, Values]:
        """kms:Grant… condition keys of the request."""
        found: dict[str, Values] = {
            "kms:grantoperations": tuple(sorted(self.operations)),
            "kms:granteeprincipal": (self.grantee,),
        }
        if self.constraints:
            found["kms:grantconstrainttype"] = tuple(kind.value for kind in self.constraints)
        if self.source_arn is not None:
            found["kms:grantconstraintsourcearn"] = (self.source_arn,)
        if self.retiring is not None:
            found["kms:retiringprincipal"] = (self.retiring,)
        return found

    def context(self) -> dict[str, str]:
        """The pairs of its constraints, as kms:EncryptionContext sees them."""
        return {key: value for pairs in self.constraints.values() for key, value in pairs.items()}


def check(wanted: Wanted, key: Key) -> None:
    """Raises ParameterWrong."""
    for operation in sorted(wanted.operations):
        if operation not in OPERATIONS:
            raise ParameterWrong(f"Operation {operation} is not supported for key spec {key.spec}.")
    for pairs in wanted.constraints.values():
        if len(pairs) > PAIRS or any(len(value) > VALUE for value in pairs.values()):
            raise ParameterWrong(f"A grant constraint has at most {PAIRS} pairs of values of {VALUE} characters.")


async def create(
    room: Keys, call: Call, named: str, wanted: Wanted, grant_tokens_: Sequence[str], *, dry_run: bool
) -> tuple[str, str]:
    """(grant id, a token). The same request under the same name gives the same grant, and another token."""
    key = await room.admit(
        call, "CreateGrant", named, context=wanted.context(), grant_tokens=grant_tokens_, asked=wanted.conditions()
    )
    check(wanted, key)
    check_delegation(call, key, wanted)
    grantee_id = await unique_id(room, wanted.grantee)
    retiring_id = await unique_id(room, wanted.retiring) if wanted.retiring is not None else None
    dry_run_ends(dry_run)
    async with room.database.write(call.id) as tx:
        now = await again(tx, key, "CreateGrant")
        grant_id = next((g.id for g in now.grants if wanted.name and same(g, wanted, grantee_id)), None)
        if grant_id is None:
            if len(now.grants) >= LIMIT:
                raise LimitReached(f"A key cannot have more than {LIMIT} grants.")
            grant_id = hashlib.sha256(os.urandom(32)).hexdigest()
            await insert_grant(tx, call, now, wanted, grant_id, grantee_id, retiring_id)
        token = tokens.new(grant_id)
        await tx.execute(insert(grant_tokens).values(digest=token_digest(token), grant_id=grant_id))
        tx.changed(KIND, f"{key.region}/{key.id}")
    return grant_id, token


def same(grant: Grant, wanted: Wanted, grantee_id: str) -> bool:
    return (
        (grant.name, grant.grantee, grant.grantee_id, grant.retiring, grant.operations, grant.source_arn)
        == (wanted.name, wanted.grantee, grantee_id, wanted.retiring, wanted.operations, wanted.source_arn)
    ) and grant.constraints == wanted.constraints  # fmt: skip  # two sides of one comparison


def check_delegation(call: Call, key: Key, wanted: Wanted) -> None:
    """Whoever may grant only by a grant may pass on no more than that grant gives. Raises AccessDenied."""
    try:
        authorize(
            call,
            "kms:CreateGrant",
            key.arn,
            combine=Combine.KEY,
            resource_account=key.account,
            resource_policy=key.policy,
            extra=KeyContext(call, key, wanted.context(), wanted.conditions()),
            hidden=key.account != call.account,
        )
    except AccessDenied:
        principal = call.caller.principal
        parents = [g for g in key.grants if g.allows(principal, "CreateGrant", wanted.context(), None)]
        if not any(
            wanted.operations <= g.operations and at_least_as_strict(wanted.constraints, g.constraints) for g in parents
        ):
            raise


async def unique_id(room: Keys, arn: str) -> str:
    """Of a user or role; empty for an account or a session, which are known by their ARN. Raises GrantPrincipalUnknown."""
    principal = await room.identities.principal(arn)
    if principal is None:
        raise GrantPrincipalUnknown(arn)
    return principal.unique_id if principal.entity_arn == arn and ":root" not in arn else ""


async def insert_grant(
    tx: Transaction, call: Call, key: Key, wanted: Wanted, grant_id: str, grantee_id: str, retiring_id: str | None
) -> None:
    row: dict[str, Any] = {
        "id": grant_id,
        "region": key.region,
        "key_id": key.id,
        "key_account": key.account,
        "name": wanted.name,
        "grantee": wanted.grantee,
        "grantee_id": grantee_id,
        "retiring": wanted.retiring,
        "retiring_id": retiring_id,
        "operations": sorted(wanted.operations),
        "constraints": {kind.value: dict(pairs) for kind, pairs in wanted.constraints.items()},
        "source_arn": wanted.source_arn,
        "issuing_account": call.account,
        "created_at": tx.at,
    }
    await tx.execute(insert(grants).values(**row))


async def revoke(room: Keys, call: Call, named: str, grant_id: str, *, dry_run: bool) -> None:
    key = await room.admit(call, "RevokeGrant", named, asked={"kms:grantisforawsresource": ("false",)})
    grant_in(key, grant_id)
    dry_run_ends(dry_run)
    await end(room, call, key, grant_id, "revoked")


async def retire(
    room: Keys, call: Call, token: str | None, named: str | None, grant_id: str | None, *, dry_run: bool
) -> None:
    """By the retiring principal, the grantee if the grant says so, or the account that made it."""
    key, grant = await to_retire(room, call, token, named, grant_id)
    call.notes.resource(key.account, RESOURCE, key.arn)
    call.notes.additional["grantId"] = grant.id
    principal = call.caller.principal
    own = is_principal(principal, grant.retiring, grant.retiring_id or "") if grant.retiring else False
    by_grant = own or grant.allows(principal, "RetireGrant", None, None)
    asked: dict[str, Values] = {"kms:grantconstrainttype": tuple(kind.value for kind in grant.constraints)}
    if by_grant or principal.account == grant.issuing_account:
        authorize(
            call,
            "kms:RetireGrant",
            key.arn,
            combine=Combine.KEY,
            resource_account=key.account,
            resource_policy=key.policy,
            extra=KeyContext(call, key, None, asked),
            grant=(lambda: grant.id) if by_grant else None,
            hidden=key.account != call.account,
        )
    else:
        call.decided = True
        text = f"User: {principal.arn} is not authorized to perform: kms:RetireGrant on resource: {key.arn}"
        raise AccessDenied(f"{text} because no resource-based policy allows the kms:RetireGrant action")
    dry_run_ends(dry_run)
    await end(room, call, key, grant.id, "retired")


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
    return key, grant_in(key, grant_id)


async def by_token(room: Keys, call: Call, token: str) -> tuple[Key, Grant]:
    if not tokens.is_token(token):
        raise GrantTokenInvalid
    query = select(grants.c.region, grants.c.key_id).where(grants.c.id == tokens.grant_of(token))
    async with room.database.read() as connection:
        place = (await connection.execute(query)).first()
    key = await room.load(place.region, place.key_id) if place is not None else None
    if key is None or key.region != call.region:
        raise GrantTokenInvalid
    grant = next((g for g in key.grants if token_digest(token) in g.tokens), None)
    if grant is None:
        raise GrantTokenInvalid
    return key, grant


def grant_in(key: Key, grant_id: str) -> Grant:
    """Raises GrantIdMalformed, GrantNotFound."""
    if not GRANT_ID.fullmatch(grant_id):
        raise GrantIdMalformed
    grant = next((g for g in key.grants if g.id == grant_id), None)
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


async def retirable(
    room: Keys, call: Call, retiring: str, after: tuple[float, str], limit: int
) -> list[tuple[Grant, str]]:
    """Live grants of the Region that this principal may retire, with their key ARNs, oldest first; one more than `limit`."""
    later = or_(grants.c.created_at > after[0], (grants.c.created_at == after[0]) & (grants.c.id > after[1]))
    mine = (grants.c.retiring == retiring) & (grants.c.region == call.region) & grants.c.ended_at.is_(None)
    query = select(grants).where(mine, later).order_by(grants.c.created_at, grants.c.id).limit(limit + 1)
    async with room.database.read() as connection:
        found = list(await connection.execute(query))
    return [(records.grant_of(row), arn_of(row.key_account, row.region, row.key_id)) for row in found]
