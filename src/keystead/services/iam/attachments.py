"""Managed policies of a user, role or group: those attached to it, and the one that bounds it."""

from keystead.identities.call import Call
from keystead.identities.names import fold, parse_policy
from keystead.identities.room import Identities
from keystead.identities.store import permissions
from keystead.identities.store.entities import Entity
from keystead.services.iam import door
from keystead.services.iam.pages import Pages
from keystead.services.service import Answer


def policy_keys(arn: str) -> door.Keys:
    return {"iam:policyarn": (arn,)}


async def attach_user_policy(room: Identities, call: Call, *, user_name: str, policy_arn: str) -> None:
    await attach(room, call, await door.user(room, call, user_name, policy_keys(policy_arn)), policy_arn)


async def attach_role_policy(room: Identities, call: Call, *, role_name: str, policy_arn: str) -> None:
    await attach(room, call, await door.role(room, call, role_name, policy_keys(policy_arn)), policy_arn)


async def attach_group_policy(room: Identities, call: Call, *, group_name: str, policy_arn: str) -> None:
    await attach(room, call, await door.group(room, call, group_name, policy_keys(policy_arn)), policy_arn)


async def attach(room: Identities, call: Call, entity: Entity, arn: str) -> None:
    async with room.write(call) as tx:
        await permissions.attach(tx, entity, arn)


async def detach_user_policy(room: Identities, call: Call, *, user_name: str, policy_arn: str) -> None:
    await detach(room, call, await door.user(room, call, user_name, policy_keys(policy_arn)), policy_arn)


async def detach_role_policy(room: Identities, call: Call, *, role_name: str, policy_arn: str) -> None:
    await detach(room, call, await door.role(room, call, role_name, policy_keys(policy_arn)), policy_arn)


async def detach_group_policy(room: Identities, call: Call, *, group_name: str, policy_arn: str) -> None:
    await detach(room, call, await door.group(room, call, group_name, policy_keys(policy_arn)), policy_arn)


async def detach(room: Identities, call: Call, entity: Entity, arn: str) -> None:
    async with room.write(call) as tx:
        await permissions.detach(tx, entity, arn)


async def list_attached_user_policies(
    room: Identities,
    call: Call,
    *,
    user_name: str,
    path_prefix: str = "/",
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    return await attached(room, call, await door.user(room, call, user_name), path_prefix, marker, max_items)


async def list_attached_role_policies(
    room: Identities,
    call: Call,
    *,
    role_name: str,
    path_prefix: str = "/",
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    return await attached(room, call, await door.role(room, call, role_name), path_prefix, marker, max_items)


async def list_attached_group_policies(
    room: Identities,
    call: Call,
    *,
    group_name: str,
    path_prefix: str = "/",
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    return await attached(room, call, await door.group(room, call, group_name), path_prefix, marker, max_items)


async def attached(
    room: Identities, call: Call, entity: Entity, prefix: str, marker: str | None, max_items: int | None
) -> Answer:
    async with room.database.read() as connection:
        arns = await permissions.attached(connection, entity)
    named = [(parsed.name, parsed, arn) for arn in arns if (parsed := parse_policy(arn)) is not None]
    listed = [(name, arn, parsed.account) for name, parsed, arn in named if parsed.path.startswith(prefix)]
    pages = Pages(room, call, marker, max_items, entity.id, prefix)
    return await pages.cut(
        "AttachedPolicies",
        listed,
        lambda policy: f"{fold(policy[0])} {policy[2]}",
        lambda policy: {"PolicyName": policy[0], "PolicyArn": policy[1]},
    )


async def put_user_permissions_boundary(
    room: Identities, call: Call, *, user_name: str, permissions_boundary: str
) -> None:
    keys = door.boundary_keys(permissions_boundary)
    await bound(room, call, await door.user(room, call, user_name, keys), permissions_boundary)


async def put_role_permissions_boundary(
    room: Identities, call: Call, *, role_name: str, permissions_boundary: str
) -> None:
    keys = door.boundary_keys(permissions_boundary)
    await bound(room, call, await door.role(room, call, role_name, keys), permissions_boundary)


async def bound(room: Identities, call: Call, entity: Entity, arn: str) -> None:
    async with room.write(call) as tx:
        await permissions.bound(tx, entity, arn)


async def delete_user_permissions_boundary(room: Identities, call: Call, *, user_name: str) -> None:
    await unbound(room, call, await door.user(room, call, user_name))


async def delete_role_permissions_boundary(room: Identities, call: Call, *, role_name: str) -> None:
    await unbound(room, call, await door.role(room, call, role_name))


async def unbound(room: Identities, call: Call, entity: Entity) -> None:
    async with room.write(call) as tx:
        await permissions.unbound(tx, entity)
