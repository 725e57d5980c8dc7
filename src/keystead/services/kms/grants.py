"""Grants."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keys import granting, retiring
from keystead.keys.conditions import KeyContext
from keystead.keys.errors import ParameterWrong
from keystead.keys.grants import Constraint
from keystead.keys.pages import Pages
from keystead.keys.use import Keys
from keystead.services.kms.answers import grant_entry
from keystead.services.kms.limits import within

Answer = Mapping[str, Any]
PAGE: Final = 50
MOST: Final = 100


async def create_grant(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    operations: Sequence[str],
    grantee_principal: str | None = None,
    retiring_principal: str | None = None,
    constraints: Mapping[str, Any] | None = None,
    grant_tokens: Sequence[str] = (),
    name: str = "",
    dry_run: bool = False,
) -> Answer:
    if grantee_principal is None:
        raise ParameterWrong("GranteePrincipal is required.")
    given = constraints or {}
    wanted = granting.Wanted(
        grantee_principal,
        retiring_principal,
        frozenset(operations),
        {kind: given[kind.value] for kind in Constraint if kind.value in given},
        given.get("SourceArn"),
        name,
    )
    grant_id, token = await granting.create(keys, call, key_id, wanted, grant_tokens, dry_run=dry_run)
    return {"GrantToken": token, "GrantId": grant_id}


async def list_grants(
    keys: Keys,
    call: Call,
    *,
    key_id: str,
    limit: int = PAGE,
    marker: str | None = None,
    grant_id: str | None = None,
    grantee_principal: str | None = None,
) -> Answer:
    within(limit, MOST)
    key = await keys.admit(call, "ListGrants", key_id, asked={"kms:grantisforawsresource": ("false",)})
    pages = Pages(keys.keyholder, call, key=key.id, grant=grant_id, grantee=grantee_principal)
    created_at, last_id = await pages.place(marker, [0.0, ""])
    found = await retiring.page(keys, key, grant_id, grantee_principal, (created_at, last_id), limit)
    answer: dict[str, Any] = {
        "Grants": [grant_entry(grant, key.arn) for grant in found[:limit]],
        "Truncated": len(found) > limit,
    }
    if len(found) > limit:
        last = found[limit - 1]
        answer["NextMarker"] = await pages.marker([last.created_at, last.id])
    return answer


async def list_retirable_grants(
    keys: Keys,
    call: Call,
    *,
    limit: int = PAGE,
    marker: str | None = None,
    retiring_principal: str | None = None,
) -> Answer:
    within(limit, MOST)
    if retiring_principal is None:
        raise ParameterWrong("RetiringPrincipal is required.")
    authorize(call, "kms:ListRetirableGrants", retiring_principal, extra=KeyContext(call, None))
    pages = Pages(keys.keyholder, call, retiring=retiring_principal)
    created_at, last_id = await pages.place(marker, [0.0, ""])
    found = await retiring.retirable(keys, call, retiring_principal, (created_at, last_id), limit)
    answer: dict[str, Any] = {
        "Grants": [grant_entry(grant, arn) for grant, arn in found[:limit]],
        "Truncated": len(found) > limit,
    }
    if len(found) > limit:
        last, _ = found[limit - 1]
        answer["NextMarker"] = await pages.marker([last.created_at, last.id])
    return answer


async def retire_grant(
    keys: Keys,
    call: Call,
    *,
    grant_token: str | None = None,
    key_id: str | None = None,
    grant_id: str | None = None,
    dry_run: bool = False,
) -> None:
    await retiring.retire(keys, call, grant_token, key_id, grant_id, dry_run=dry_run)


async def revoke_grant(keys: Keys, call: Call, *, key_id: str, grant_id: str, dry_run: bool = False) -> None:
    await retiring.revoke(keys, call, key_id, grant_id, dry_run=dry_run)
