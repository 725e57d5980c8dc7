"""Certificate revocation lists, imported for a trust anchor."""

import base64
from collections.abc import Sequence
from typing import Any

from keystead.identities.call import Call
from keystead.identities.certificates import check_revocations
from keystead.identities.errors import ObjectNotFound
from keystead.identities.room import Identities
from keystead.identities.store import anywhere
from keystead.identities.store.anywhere import ANCHOR, REVOCATIONS, Kept
from keystead.services.rolesanywhere import door
from keystead.services.service import Answer


async def import_crl(
    room: Identities,
    call: Call,
    *,
    name: str,
    crl_data: bytes,
    trust_anchor_arn: str,
    enabled: bool = False,
    tags: Sequence[door.Tag] = (),
) -> Answer:
    door.permit(call, "*", door.tag_keys(door.pairs_of(tags)))
    anchor = await anchor_of(room, call, trust_anchor_arn)
    check_revocations(crl_data, anchor.content["bundle"])
    content = {"anchor": anchor.uuid, "data": base64.b64encode(crl_data).decode("ascii")}
    return {"crl": shown(await door.create(room, call, REVOCATIONS, name, content, tags, enabled=enabled))}


async def anchor_of(room: Identities, call: Call, arn: str) -> Kept:
    """Raises ObjectNotFound."""
    parsed = door.ARN.fullmatch(arn)
    async with room.database.read() as connection:
        found = (
            await anywhere.find(connection, ANCHOR, call.account, call.region, parsed["uuid"])
            if parsed is not None
            else None
        )
    if found is None or found.arn != arn:
        raise ObjectNotFound(arn[:256])
    return found


async def get_crl(room: Identities, call: Call, *, crl_id: str) -> Answer:
    return {"crl": shown(await door.own(room, call, REVOCATIONS, crl_id))}


async def list_crls(
    room: Identities, call: Call, *, next_token: str | None = None, page_size: int | None = None
) -> Answer:
    return await door.page(room, call, REVOCATIONS, "crls", shown, next_token, page_size)


async def update_crl(
    room: Identities, call: Call, *, crl_id: str, name: str | None = None, crl_data: bytes | None = None
) -> Answer:
    found = await door.own(room, call, REVOCATIONS, crl_id)
    columns: dict[str, object] = {} if name is None else {"name": name}
    if crl_data is not None:
        arn = anywhere.arn_of(ANCHOR, found.account, found.region, found.content["anchor"])
        check_revocations(crl_data, (await anchor_of(room, call, arn)).content["bundle"])
        columns["content"] = {**found.content, "data": base64.b64encode(crl_data).decode("ascii")}
    return {"crl": shown(await door.change(room, call, found, **columns))}


async def enable_crl(room: Identities, call: Call, *, crl_id: str) -> Answer:
    found = await door.own(room, call, REVOCATIONS, crl_id)
    return {"crl": shown(await door.change(room, call, found, enabled=True))}


async def disable_crl(room: Identities, call: Call, *, crl_id: str) -> Answer:
    found = await door.own(room, call, REVOCATIONS, crl_id)
    return {"crl": shown(await door.change(room, call, found, enabled=False))}


async def delete_crl(room: Identities, call: Call, *, crl_id: str) -> Answer:
    found = await door.own(room, call, REVOCATIONS, crl_id)
    await door.remove(room, call, found)
    return {"crl": shown(found)}


def shown(kept: Kept) -> dict[str, Any]:
    return {
        "crlId": kept.uuid,
        "crlArn": kept.arn,
        "name": kept.name,
        "enabled": kept.enabled,
        "crlData": base64.b64decode(kept.content["data"]),
        "trustAnchorArn": anywhere.arn_of(ANCHOR, kept.account, kept.region, kept.content["anchor"]),
        "createdAt": kept.created_at,
        "updatedAt": kept.updated_at,
    }
