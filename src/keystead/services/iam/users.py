"""IAM users and their access keys."""

from collections.abc import Sequence

from keystead.identities import lastuse, new_keys
from keystead.identities.call import Call
from keystead.identities.errors import AccessKeyNotFound, BoundaryNotAttachable
from keystead.identities.names import LONG_TERM, entity_arn, fold
from keystead.identities.room import Identities
from keystead.identities.store import access_keys, entities, permissions
from keystead.identities.store.tags import put as put_tags
from keystead.services.iam import door, shown
from keystead.services.iam.errors import StatusRefused
from keystead.services.iam.pages import Pages
from keystead.services.service import Answer


async def create_user(
    room: Identities,
    call: Call,
    *,
    user_name: str,
    path: str = "/",
    permissions_boundary: str | None = None,
    tags: Sequence[door.Tag] = (),
) -> Answer:
    pairs = door.pairs_of(tags)
    keys = door.boundary_keys(permissions_boundary) | door.tag_keys(pairs) | door.resource_keys(pairs)
    door.permit(call, entity_arn(call.account, "user", path, user_name), keys)
    async with room.write(call) as tx:
        if permissions_boundary is not None:
            await permissions.known(tx.connection, call.account, permissions_boundary, BoundaryNotAttachable)
        made = await entities.create(tx, call.account, "user", user_name, path, boundary=permissions_boundary)
        await put_tags(tx, made, pairs)
        return {"User": await shown.user(tx.connection, made)}


async def get_user(room: Identities, call: Call, *, user_name: str | None = None) -> Answer:
    found = await door.user(room, call, user_name)
    async with room.database.read() as connection:
        return {"User": await shown.user(connection, found)}


async def list_users(
    room: Identities, call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Answer:
    door.permit(call, entity_arn(call.account, "user", path_prefix, ""))
    async with room.database.read() as connection:
        found = await entities.of_account(connection, call.account, "user")
    listed = [user for user in found if user.path.startswith(path_prefix)]
    pages = Pages(room, call, marker, max_items, path_prefix)
    return await pages.cut("Users", listed, lambda user: fold(user.name), shown.listed_user)


async def update_user(
    room: Identities, call: Call, *, user_name: str, new_path: str | None = None, new_user_name: str | None = None
) -> None:
    found = await door.user(room, call, user_name)
    path, name = new_path or found.path, new_user_name or found.name
    door.permit(call, entity_arn(call.account, "user", path, name))  # both names must be the caller's to give
    async with room.write(call) as tx:
        await entities.rename(tx, found, name, path)


async def delete_user(room: Identities, call: Call, *, user_name: str) -> None:
    found = await door.user(room, call, user_name)
    async with room.write(call) as tx:
        await entities.remove(tx, found)


async def create_access_key(room: Identities, call: Call, *, user_name: str | None = None) -> Answer:
    found = await door.user(room, call, user_name)
    new = await new_keys.make(room.keyholder, LONG_TERM)
    async with room.write(call) as tx:
        made = await access_keys.create(tx, found, new)
    return {"AccessKey": shown.access_key(found, made) | {"SecretAccessKey": new.secret}}


async def list_access_keys(
    room: Identities,
    call: Call,
    *,
    user_name: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    found = await door.user(room, call, user_name)
    async with room.database.read() as connection:
        keys = await access_keys.of(connection, found)
    pages = Pages(room, call, marker, max_items, found.id)
    return await pages.cut("AccessKeyMetadata", keys, lambda key: key.id, lambda key: shown.access_key(found, key))


async def get_access_key_last_used(room: Identities, call: Call, *, access_key_id: str) -> Answer:
    """Of a key of this account. Whether another account's key exists is not said. Raises AccessKeyNotFound."""
    async with room.database.read() as connection:
        holder = await entities.by_id(connection, await access_keys.owner(connection, access_key_id) or "")
        used = await lastuse.last_use(connection, access_key_id)
    user = holder if holder is not None and holder.account == call.account else None
    door.permit(call, user.arn if user is not None else entity_arn(call.account, "user", "/", "*"))
    if user is None:
        raise AccessKeyNotFound(access_key_id)
    return {"UserName": user.name, "AccessKeyLastUsed": shown.last_used(used)}


async def update_access_key(
    room: Identities, call: Call, *, access_key_id: str, status: str, user_name: str | None = None
) -> None:
    if status not in (access_keys.ACTIVE, access_keys.INACTIVE):
        raise StatusRefused(status)
    found = await door.user(room, call, user_name)
    async with room.write(call) as tx:
        await access_keys.change(tx, found, access_key_id, status)


async def delete_access_key(room: Identities, call: Call, *, access_key_id: str, user_name: str | None = None) -> None:
    found = await door.user(room, call, user_name)
    async with room.write(call) as tx:
        await access_keys.remove(tx, found, access_key_id)
