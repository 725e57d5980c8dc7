"""GetKeyBlastRadius, GetPrincipalBlastRadius, ListOverdue: what is exposed, and what should have happened by now."""

from typing import Any, Final

from keystead.explain import blast
from keystead.explain.errors import PrincipalElsewhere, TimesReversed
from keystead.explain.findings import Finding
from keystead.explain.overdue import Days
from keystead.explain.overdue import overdue as find_overdue
from keystead.explain.room import Explain
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.identities.names import parse_entity
from keystead.services.service import Answer
from keystead.trail.queries import DAY, RETENTION_DAYS

DAYS: Final = Days()


async def get_key_blast_radius(
    room: Explain, call: Call, *, key_id: str, material_id: str | None = None, at: float | None = None
) -> Answer:
    key = await room.keys.find(call, "GetKeyBlastRadius", key_id, aliases=True)
    authorize(call, "keystead:GetKeyBlastRadius", key.arn, resource_account=key.account)
    return {"Findings": [shown(one) for one in await blast.of_material(room, key, material_id, at)]}


async def get_principal_blast_radius(
    room: Explain, call: Call, *, principal_arn: str, from_: float | None = None, to: float | None = None
) -> Answer:
    """From what the index of events reaches, and to now, unless told otherwise."""
    parsed = parse_entity(principal_arn)
    authorize(call, "keystead:GetPrincipalBlastRadius", principal_arn)
    if parsed is None or parsed.account != call.account:
        raise PrincipalElsewhere
    until = call.at if to is None else to
    since = until - RETENTION_DAYS * DAY if from_ is None else from_
    if since > until:
        raise TimesReversed
    found = await blast.of_principal(room, call.account, principal_arn, since, until)
    return {"Findings": [shown(one) for one in found]}


async def list_overdue(
    room: Explain,
    call: Call,
    *,
    access_key_days: int = DAYS.access_key,
    grant_days: int = DAYS.grant,
    unused_days: int = DAYS.unused,
) -> Answer:
    authorize(call, "keystead:ListOverdue")
    found = await find_overdue(room, call.account, Days(access_key_days, grant_days, unused_days))
    return {"Findings": [shown(one) for one in found]}


def shown(one: Finding) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Kind": one.kind,
        "Subject": one.subject,
        "Detail": one.detail,
        "Conditions": list(one.conditions),
    }
    optional = {"Count": one.count, "First": one.first, "Last": one.last}
    return made | {name: value for name, value in optional.items() if value is not None}
