"""Trust anchors: the certificate authorities whose certificates an account believes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from keystead.identities.call import Call
from keystead.identities.certificates import read_bundle
from keystead.identities.room import Identities
from keystead.identities.store.anywhere import ANCHOR, Kept
from keystead.services.rolesanywhere import door
from keystead.services.rolesanywhere.errors import InputRefused
from keystead.services.service import Answer

BUNDLE: Final = "CERTIFICATE_BUNDLE"


async def create_trust_anchor(
    room: Identities,
    call: Call,
    *,
    name: str,
    source: Mapping[str, Any],
    enabled: bool = False,
    tags: Sequence[door.Tag] = (),
) -> Answer:
    door.permit(call, "*", door.tag_keys(door.pairs_of(tags)))
    content = {"bundle": bundle_of(source)}
    return {"trustAnchor": shown(await door.create(room, call, ANCHOR, name, content, tags, enabled=enabled))}


def bundle_of(source: Mapping[str, Any]) -> str:
    """Raises InputRefused, CertificateRefused."""
    bundle = source.get("sourceData", {}).get("x509CertificateData")
    if source.get("sourceType") != BUNDLE or bundle is None:
        raise InputRefused(
            "A trust anchor is made of a certificate bundle: there is no private certificate authority here."
        )
    read_bundle(bundle)
    return str(bundle)


async def get_trust_anchor(room: Identities, call: Call, *, trust_anchor_id: str) -> Answer:
    return {"trustAnchor": shown(await door.own(room, call, ANCHOR, trust_anchor_id))}


async def list_trust_anchors(
    room: Identities, call: Call, *, next_token: str | None = None, page_size: int | None = None
) -> Answer:
    return await door.page(room, call, ANCHOR, "trustAnchors", shown, next_token, page_size)


async def update_trust_anchor(
    room: Identities,
    call: Call,
    *,
    trust_anchor_id: str,
    name: str | None = None,
    source: Mapping[str, Any] | None = None,
) -> Answer:
    found = await door.own(room, call, ANCHOR, trust_anchor_id)
    columns: dict[str, object] = {} if name is None else {"name": name}
    if source is not None:
        columns["content"] = {"bundle": bundle_of(source)}
    return {"trustAnchor": shown(await door.change(room, call, found, **columns))}


async def enable_trust_anchor(room: Identities, call: Call, *, trust_anchor_id: str) -> Answer:
    found = await door.own(room, call, ANCHOR, trust_anchor_id)
    return {"trustAnchor": shown(await door.change(room, call, found, enabled=True))}


async def disable_trust_anchor(room: Identities, call: Call, *, trust_anchor_id: str) -> Answer:
    """No new sessions. Those that there are go on: revoke them as those of any role."""
    found = await door.own(room, call, ANCHOR, trust_anchor_id)
    return {"trustAnchor": shown(await door.change(room, call, found, enabled=False))}


async def delete_trust_anchor(room: Identities, call: Call, *, trust_anchor_id: str) -> Answer:
    found = await door.own(room, call, ANCHOR, trust_anchor_id)
    await door.remove(room, call, found)
    return {"trustAnchor": shown(found)}


def shown(kept: Kept) -> dict[str, Any]:
    return {
        "trustAnchorId": kept.uuid,
        "trustAnchorArn": kept.arn,
        "name": kept.name,
        "source": {"sourceType": BUNDLE, "sourceData": {"x509CertificateData": kept.content["bundle"]}},
        "enabled": kept.enabled,
        "createdAt": kept.created_at,
        "updatedAt": kept.updated_at,
    }
