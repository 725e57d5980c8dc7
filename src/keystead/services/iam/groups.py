"""IAM groups: what many users may do, said once."""

from keystead.identities.call import Call
from keystead.identities.names import entity_arn, fold
from keystead.identities.room import Identities
from keystead.identities.store import entities
from keystead.identities.store import groups as store
from keystead.services.iam import door, shown
from keystead.services.iam.pages import Pages
from keystead.services.service import Answer


async def create_group(room: Identities, call: Call, *, group_name: str, path: str = "/") -> Answer:
    door.permit(call, entity_arn(call.account, "group", path, group_name))
    async with room.write(call) as tx:
        made = await entities.create(tx, call.account, "group", group_name, path, boundary=None)
    return {"Group": shown.group(made)}


async def get_group(
    room: Identities, call: Call, *, group_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    found = await door.group(room, call, group_name)
    async with room.database.read() as connection:
        users = await store.members(connection, found)
    pages = Pages(room, call, marker, max_items, found.id)
    page = await pages.cut("Users", users, lambda user: fold(user.name), shown.listed_user)
    return {"Group": shown.group(found)} | page


async def list_groups(
    room: Identities, call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Answer:
    door.permit(call, entity_arn(call.account, "group", path_prefix, ""))
    async with room.database.read() as connection:
        found = await entities.of_account(connection, call.account, "group")
    listed = [group for group in found if group.path.startswith(path_prefix)]
    pages = Pages(room, call, marker, max_items, path_prefix)
    return await pages.cut("Groups", listed, lambda group: fold(group.name), shown.group)


async def update_group(
    room: Identities, call: Call, *, group_name: str, new_path: str | None = None, new_group_name: str | None = None
) -> None:
    found = await door.group(room, call, group_name)
    path, name = new_path or found.path, new_group_name or found.name
    door.permit(call, entity_arn(call.account, "group", path, name))  # both names must be the caller's to give
    async with room.write(call) as tx:
        await entities.rename(tx, found, name, path)


async def delete_group(room: Identities, call: Call, *, group_name: str) -> None:
    found = await door.group(room, call, group_name)
    async with room.write(call) as tx:
        await entities.remove(tx, found)


async def add_user_to_group(room: Identities, call: Call, *, group_name: str, user_name: str) -> None:
    found = await door.group(room, call, group_name)
    async with room.write(call) as tx:
        await store.add(tx, found, await entities.find(tx.connection, call.account, "user", user_name))


async def remove_user_from_group(room: Identities, call: Call, *, group_name: str, user_name: str) -> None:
    found = await door.group(room, call, group_name)
    async with room.write(call) as tx:
        await store.remove(tx, found, await entities.find(tx.connection, call.account, "user", user_name))


async def list_groups_for_user(
    room: Identities, call: Call, *, user_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    user = await door.user(room, call, user_name)
    async with room.database.read() as connection:
        found = await store.of_user(connection, user)
    pages = Pages(room, call, marker, max_items, user.id)
    return await pages.cut("Groups", found, lambda group: fold(group.name), shown.group)
