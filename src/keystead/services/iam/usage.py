"""Whom a managed policy concerns: those it is attached to, and those it bounds."""

from typing import Any, Final

from keystead.identities.call import Call
from keystead.identities.names import fold
from keystead.identities.room import Identities
from keystead.identities.store import managed
from keystead.identities.store.entities import Entity
from keystead.services.iam import door
from keystead.services.iam.pages import Pages
from keystead.services.service import Answer

KINDS: Final = {"User": "user", "Role": "role", "Group": "group"}
"""EntityFilter to a kind of entity. Its other values (kinds of policies) match nothing here."""


async def list_entities_for_policy(
    room: Identities,
    call: Call,
    *,
    policy_arn: str,
    entity_filter: str | None = None,
    path_prefix: str = "/",
    policy_usage_filter: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    found = await door.policy(room, call, policy_arn)
    async with room.database.read() as connection:
        attached = await managed.attached_to(connection, call.account, found.arn)
        bounded = await managed.bounded_by(connection, call.account, found.arn)
    using = {
        "PermissionsPolicy": attached,
        "PermissionsBoundary": bounded,
        None: list({entity.id: entity for entity in (*attached, *bounded)}.values()),
    }[policy_usage_filter]
    kinds = set(KINDS.values()) if entity_filter is None else {KINDS.get(entity_filter)}
    listed = [entity for entity in using if entity.kind in kinds and entity.path.startswith(path_prefix)]
    filters = (found.id, entity_filter or "", path_prefix, policy_usage_filter or "")
    pages = Pages(room, call, marker, max_items, *filters)
    page = await pages.cut("Entities", listed, lambda entity: f"{entity.kind} {fold(entity.name)}", lambda one: one)
    return answer(page.pop("Entities")) | page


def answer(listed: list[Entity]) -> dict[str, Any]:
    return {
        "PolicyGroups": [{"GroupName": group.name, "GroupId": group.id} for group in listed if group.kind == "group"],
        "PolicyUsers": [{"UserName": user.name, "UserId": user.id} for user in listed if user.kind == "user"],
        "PolicyRoles": [{"RoleName": role.name, "RoleId": role.id} for role in listed if role.kind == "role"],
    }
