"""Tags of users and roles."""

from collections.abc import Sequence

from keystead.identities.call import Call
from keystead.identities.names import fold
from keystead.identities.room import Identities
from keystead.identities.store import tags as domain
from keystead.identities.store.entities import Entity
from keystead.services.iam import door
from keystead.services.iam.pages import Pages
from keystead.services.service import Answer


async def tag_user(room: Identities, call: Call, *, user_name: str, tags: Sequence[door.Tag]) -> None:
    pairs = door.pairs_of(tags)
    await put(room, call, await door.user(room, call, user_name, door.tag_keys(pairs)), pairs)


async def tag_role(room: Identities, call: Call, *, role_name: str, tags: Sequence[door.Tag]) -> None:
    pairs = door.pairs_of(tags)
    await put(room, call, await door.role(room, call, role_name, door.tag_keys(pairs)), pairs)


async def put(room: Identities, call: Call, entity: Entity, pairs: domain.Pairs) -> None:
    async with room.write(call) as tx:
        await domain.put(tx, entity, pairs)


async def untag_user(room: Identities, call: Call, *, user_name: str, tag_keys: Sequence[str]) -> None:
    keys: door.Keys = {"aws:tagkeys": tuple(tag_keys)}
    await remove(room, call, await door.user(room, call, user_name, keys), tag_keys)


async def untag_role(room: Identities, call: Call, *, role_name: str, tag_keys: Sequence[str]) -> None:
    keys: door.Keys = {"aws:tagkeys": tuple(tag_keys)}
    await remove(room, call, await door.role(room, call, role_name, keys), tag_keys)


async def remove(room: Identities, call: Call, entity: Entity, keys: Sequence[str]) -> None:
    async with room.write(call) as tx:
        await domain.remove(tx, entity, keys)


async def list_user_tags(
    room: Identities, call: Call, *, user_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    return await listed(room, call, await door.user(room, call, user_name), marker, max_items)


async def list_role_tags(
    room: Identities, call: Call, *, role_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    return await listed(room, call, await door.role(room, call, role_name), marker, max_items)


async def listed(room: Identities, call: Call, entity: Entity, marker: str | None, max_items: int | None) -> Answer:
    async with room.database.read() as connection:
        pairs = await domain.of(connection, entity.id)
    pages = Pages(room, call, marker, max_items, entity.id)
    return await pages.cut("Tags", pairs, lambda pair: fold(pair[0]), lambda pair: {"Key": pair[0], "Value": pair[1]})
