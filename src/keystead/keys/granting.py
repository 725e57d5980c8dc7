"""Making grants, and who may pass on what (KMS API reference, CreateGrant)."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, insert, select

from keystead.access.decision import Combine
from keystead.access.errors import AccessDenied
from keystead.access.request import Values
from keystead.database.engine import Transaction
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keys import records, tokens
from keystead.keys.changes import again
from keystead.keys.conditions import KeyContext
from keystead.keys.errors import GrantPrincipalUnknown, LimitReached, ParameterWrong
from keystead.keys.grants import OPERATIONS, Constraint, Grant, at_least_as_strict, token_digest
from keystead.keys.key import Key
from keystead.keys.specs import Kind
from keystead.keys.store import KIND, grant_tokens, grants
from keystead.keys.use import Keys, dry_run_ends

PAIRS: Final = 8
VALUE: Final = 384


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
            "kms:grantisforawsresource": ("false",),
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
        if operation not in OPERATIONS[key.kind, key.usage]:
            raise ParameterWrong(f"Operation {operation} is not supported for key spec {key.spec}.")
    if wanted.constraints and key.kind is not Kind.SYMMETRIC:
        raise ParameterWrong("An encryption context constraint can only be used with a symmetric encryption key.")
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
    await check_delegation(room, call, key, wanted)
    grantee_id = await unique_id(room, wanted.grantee)
    retiring_id = await unique_id(room, wanted.retiring) if wanted.retiring is not None else None
    dry_run_ends(dry_run)
    async with room.database.write(call.id) as tx:
        now = await again(tx, key, "CreateGrant")
        found = await same(tx, now, wanted, grantee_id) if wanted.name else None
        grant_id = found.id if found else hashlib.sha256(os.urandom(32)).hexdigest()
        if found is None:
            await check_room(tx, now, room.quotas.grants_per_key)
            await insert_grant(tx, call, now, wanted, grant_id, grantee_id, retiring_id)
        token = tokens.new(grant_id)
        await tx.execute(insert(grant_tokens).values(digest=token_digest(token), grant_id=grant_id))
        tx.changed(KIND, f"{key.region}/{key.id}")
    return grant_id, token


async def same(tx: Transaction, key: Key, wanted: Wanted, grantee_id: str) -> Grant | None:
    """A live grant of this name that was made by the very same request."""
    named = select(grants).where(records.live(key.region, key.id), grants.c.name == wanted.name)
    for row in await tx.execute(named):
        found = records.grant_of(row)
        if (
            (found.grantee, found.grantee_id, found.retiring, found.operations, found.source_arn)
            == (wanted.grantee, grantee_id, wanted.retiring, wanted.operations, wanted.source_arn)
        ) and found.constraints == wanted.constraints:  # fmt: skip  # two sides of one comparison
            return found
    return None


async def check_room(tx: Transaction, key: Key, most: int) -> None:
    """Raises LimitReached."""
    counted = await tx.execute(select(func.count()).select_from(grants).where(records.live(key.region, key.id)))
    if counted.scalar_one() >= most:
        raise LimitReached(f"A key cannot have more than {most} grants.")


async def check_delegation(room: Keys, call: Call, key: Key, wanted: Wanted) -> None:
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
        held = await room.known.grants(key, principal)
        parents = [g for g in held if g.allows(principal, "CreateGrant", wanted.context(), None)]
        if not any(
            wanted.operations <= g.operations and at_least_as_strict(wanted.constraints, g.constraints) for g in parents
        ):
            raise


async def unique_id(room: Keys, arn: str) -> str:
    """Of a user or role; empty for an account or a session, known by their ARN. Raises GrantPrincipalUnknown."""
    principal = await room.identities.principal(arn)
    if principal is None:
        raise GrantPrincipalUnknown(arn)
    return principal.unique_id if principal.unique_id != principal.account and principal.entity_arn == arn else ""


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
