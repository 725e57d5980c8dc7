"""Inline policies: written into one user, role or group, and gone with it."""

from typing import Any

from keystead.identities import documents
from keystead.identities.call import Call
from keystead.identities.names import fold
from keystead.identities.room import Identities
from keystead.identities.store import permissions
from keystead.identities.store.entities import Entity
from keystead.services.iam import door, shown
from keystead.services.iam.pages import Pages
from keystead.services.policy_warnings import warn
from keystead.services.service import Answer


async def put_user_policy(
    room: Identities, call: Call, *, user_name: str, policy_name: str, policy_document: str
) -> None:
    await put(room, call, await door.user(room, call, user_name), policy_name, policy_document)


async def put_role_policy(
    room: Identities, call: Call, *, role_name: str, policy_name: str, policy_document: str
) -> None:
    await put(room, call, await door.role(room, call, role_name), policy_name, policy_document)


async def put_group_policy(
    room: Identities, call: Call, *, group_name: str, policy_name: str, policy_document: str
) -> None:
    await put(room, call, await door.group(room, call, group_name), policy_name, policy_document)


async def put(room: Identities, call: Call, entity: Entity, name: str, text: str) -> None:
    documents.check(text)
    async with room.write(call) as tx:
        await permissions.put_inline(tx, entity, name, text)
    warn(call, text)


async def get_user_policy(room: Identities, call: Call, *, user_name: str, policy_name: str) -> Answer:
    entity = await door.user(room, call, user_name)
    return {"UserName": entity.name} | await get(room, entity, policy_name)


async def get_role_policy(room: Identities, call: Call, *, role_name: str, policy_name: str) -> Answer:
    entity = await door.role(room, call, role_name)
    return {"RoleName": entity.name} | await get(room, entity, policy_name)


async def get_group_policy(room: Identities, call: Call, *, group_name: str, policy_name: str) -> Answer:
    entity = await door.group(room, call, group_name)
    return {"GroupName": entity.name} | await get(room, entity, policy_name)


async def get(room: Identities, entity: Entity, name: str) -> dict[str, Any]:
    async with room.database.read() as connection:
        found = await permissions.one_inline(connection, entity, name)
    return {"PolicyName": found.name, "PolicyDocument": shown.document(found.text)}


async def list_user_policies(
    room: Identities, call: Call, *, user_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    return await listed(room, call, await door.user(room, call, user_name), marker, max_items)


async def list_role_policies(
    room: Identities, call: Call, *, role_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    return await listed(room, call, await door.role(room, call, role_name), marker, max_items)


async def list_group_policies(
    room: Identities, call: Call, *, group_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    return await listed(room, call, await door.group(room, call, group_name), marker, max_items)


async def listed(room: Identities, call: Call, entity: Entity, marker: str | None, max_items: int | None) -> Answer:
    async with room.database.read() as connection:
        names = [policy.name for policy in await permissions.inline(connection, entity)]
    pages = Pages(room, call, marker, max_items, entity.id)
    return await pages.cut("PolicyNames", names, fold, lambda name: name)


async def delete_user_policy(room: Identities, call: Call, *, user_name: str, policy_name: str) -> None:
    await delete(room, call, await door.user(room, call, user_name), policy_name)


async def delete_role_policy(room: Identities, call: Call, *, role_name: str, policy_name: str) -> None:
    await delete(room, call, await door.role(room, call, role_name), policy_name)


async def delete_group_policy(room: Identities, call: Call, *, group_name: str, policy_name: str) -> None:
    await delete(room, call, await door.group(room, call, group_name), policy_name)


async def delete(room: Identities, call: Call, entity: Entity, name: str) -> None:
    async with room.write(call) as tx:
        await permissions.remove_inline(tx, entity, name)
