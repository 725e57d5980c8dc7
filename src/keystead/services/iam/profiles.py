"""Instance profiles. There are no machines here to give them to; tools make them beside a role, and look for them before they delete it."""

from collections.abc import Sequence
from typing import Any

from keystead.database.engine import Connection
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.identities.errors import ProfileNotFound
from keystead.identities.names import entity_arn, fold
from keystead.identities.room import Identities
from keystead.identities.store import entities
from keystead.identities.store import instance_profiles as store
from keystead.identities.store import tags as tag_store
from keystead.identities.store.instance_profiles import Profile
from keystead.services.iam import door, shown
from keystead.services.iam.pages import Pages
from keystead.services.service import Answer


async def create_instance_profile(
    room: Identities, call: Call, *, instance_profile_name: str, path: str = "/", tags: Sequence[door.Tag] = ()
) -> Answer:
    pairs = door.pairs_of(tags)
    keys = door.tag_keys(pairs) | door.resource_keys(pairs)
    door.permit(call, entity_arn(call.account, "instance-profile", path, instance_profile_name), keys)
    async with room.write(call) as tx:
        made = await store.create(tx, call.account, instance_profile_name, path)
        await tag_store.put(tx, made, pairs)
        return {"InstanceProfile": await described(tx.connection, made)}


async def get_instance_profile(room: Identities, call: Call, *, instance_profile_name: str) -> Answer:
    found = await own(room, call, instance_profile_name)
    async with room.database.read() as connection:
        return {"InstanceProfile": await described(connection, found)}


async def list_instance_profiles(
    room: Identities, call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Answer:
    door.permit(call, entity_arn(call.account, "instance-profile", path_prefix, ""))
    async with room.database.read() as connection:
        found = await store.of_account(connection, call.account)
    listed = [profile for profile in found if profile.path.startswith(path_prefix)]
    return await paged(room, listed, Pages(room, call, marker, max_items, path_prefix))


async def list_instance_profiles_for_role(
    room: Identities, call: Call, *, role_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    role = await door.role(room, call, role_name)
    async with room.database.read() as connection:
        found = await store.of_role(connection, role)
    return await paged(room, found, Pages(room, call, marker, max_items, role.id))


async def paged(room: Identities, profiles: Sequence[Profile], pages: Pages) -> dict[str, Any]:
    page = await pages.cut("InstanceProfiles", profiles, lambda profile: fold(profile.name), lambda profile: profile)
    async with room.database.read() as connection:
        shown_ = [await described(connection, profile, tags=False) for profile in page["InstanceProfiles"]]
    return page | {"InstanceProfiles": shown_}


async def delete_instance_profile(room: Identities, call: Call, *, instance_profile_name: str) -> None:
    found = await own(room, call, instance_profile_name)
    async with room.write(call) as tx:
        await store.remove(tx, found)


async def add_role_to_instance_profile(
    room: Identities, call: Call, *, instance_profile_name: str, role_name: str
) -> None:
    """Whoever puts a role into a profile hands it on, and must have leave to (iam:PassRole)."""
    found = await own(room, call, instance_profile_name)
    async with room.database.read() as connection:
        role = await entities.named(connection, call.account, "role", role_name)
    passed = role.arn if role is not None else entity_arn(call.account, "role", "/", role_name)
    authorize(call, "iam:PassRole", passed, extra={"iam:passedtoservice": ("ec2.amazonaws.com",)})
    async with room.write(call) as tx:
        await store.put_role(tx, found, await entities.find(tx.connection, call.account, "role", role_name))


async def remove_role_from_instance_profile(
    room: Identities, call: Call, *, instance_profile_name: str, role_name: str
) -> None:
    found = await own(room, call, instance_profile_name)
    async with room.write(call) as tx:
        await store.take_role(tx, found, await entities.find(tx.connection, call.account, "role", role_name))


async def own(room: Identities, call: Call, name: str, extra: door.Keys = door.NONE) -> Profile:
    """Raises AccessDenied, ProfileNotFound."""
    async with room.database.read() as connection:
        found = await store.named(connection, call.account, name)
        pairs = await tag_store.of(connection, found.id) if found is not None else ()
    arn = found.arn if found is not None else entity_arn(call.account, "instance-profile", "/", name)
    door.permit(call, arn, door.resource_keys(pairs), extra)
    if found is None:
        raise ProfileNotFound(name)
    return found


async def described(connection: Connection, profile: Profile, *, tags: bool = True) -> dict[str, Any]:
    """Lists leave the tags out."""
    role = await entities.by_id(connection, profile.role_id) if profile.role_id is not None else None
    answer: dict[str, Any] = {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created_at,
        "Roles": [shown.listed_role(role, await shown.trust_of(connection, role))] if role is not None else [],
    }
    pairs = await tag_store.of(connection, profile.id) if tags else ()
    return answer | ({"Tags": shown.tag_list(pairs)} if pairs else {})
