"""Tags of users, roles, managed policies, OIDC providers and instance profiles."""

import hashlib
from collections.abc import Sequence

from keystead.identities.call import Call
from keystead.identities.names import fold
from keystead.identities.room import Identities
from keystead.identities.store import entities, managed
from keystead.identities.store import tags as domain
from keystead.identities.store.entities import Entity
from keystead.services.iam import door, profiles, providers
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
        await entities.present(tx, entity)
        await domain.put(tx, entity, pairs)


async def tag_policy(room: Identities, call: Call, *, policy_arn: str, tags: Sequence[door.Tag]) -> None:
    pairs = door.pairs_of(tags)
    found = await door.own_policy(room, call, policy_arn, door.tag_keys(pairs))
    async with room.write(call) as tx:
        await domain.put(tx, await managed.current(tx, found), pairs)


async def tag_open_id_connect_provider(
    room: Identities, call: Call, *, open_id_connect_provider_arn: str, tags: Sequence[door.Tag]
) -> None:
    pairs = door.pairs_of(tags)
    found, _ = await providers.own(room, call, open_id_connect_provider_arn, door.tag_keys(pairs))
    async with room.write(call) as tx:
        await domain.put(tx, found, pairs)


async def tag_instance_profile(
    room: Identities, call: Call, *, instance_profile_name: str, tags: Sequence[door.Tag]
) -> None:
    pairs = door.pairs_of(tags)
    found = await profiles.own(room, call, instance_profile_name, door.tag_keys(pairs))
    async with room.write(call) as tx:
        await domain.put(tx, found, pairs)


async def untag_instance_profile(
    room: Identities, call: Call, *, instance_profile_name: str, tag_keys: Sequence[str]
) -> None:
    await remove(room, call, await profiles.own(room, call, instance_profile_name, named(tag_keys)), tag_keys)


async def list_instance_profile_tags(
    room: Identities,
    call: Call,
    *,
    instance_profile_name: str,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    return await listed(room, call, await profiles.own(room, call, instance_profile_name), marker, max_items)


async def untag_user(room: Identities, call: Call, *, user_name: str, tag_keys: Sequence[str]) -> None:
    await remove(room, call, await door.user(room, call, user_name, named(tag_keys)), tag_keys)


async def untag_role(room: Identities, call: Call, *, role_name: str, tag_keys: Sequence[str]) -> None:
    await remove(room, call, await door.role(room, call, role_name, named(tag_keys)), tag_keys)


async def untag_policy(room: Identities, call: Call, *, policy_arn: str, tag_keys: Sequence[str]) -> None:
    await remove(room, call, await door.own_policy(room, call, policy_arn, named(tag_keys)), tag_keys)


async def untag_open_id_connect_provider(
    room: Identities, call: Call, *, open_id_connect_provider_arn: str, tag_keys: Sequence[str]
) -> None:
    found, _ = await providers.own(room, call, open_id_connect_provider_arn, named(tag_keys))
    await remove(room, call, found, tag_keys)


def named(keys: Sequence[str]) -> door.Keys:
    return {"aws:tagkeys": tuple(keys)} if keys else door.NONE


async def remove(room: Identities, call: Call, subject: domain.Subject, keys: Sequence[str]) -> None:
    async with room.write(call) as tx:
        await domain.remove(tx, subject, keys)


async def list_user_tags(
    room: Identities, call: Call, *, user_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    return await listed(room, call, await door.user(room, call, user_name), marker, max_items)


async def list_role_tags(
    room: Identities, call: Call, *, role_name: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    return await listed(room, call, await door.role(room, call, role_name), marker, max_items)


async def list_policy_tags(
    room: Identities, call: Call, *, policy_arn: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    return await listed(room, call, await door.policy(room, call, policy_arn), marker, max_items)


async def list_open_id_connect_provider_tags(
    room: Identities,
    call: Call,
    *,
    open_id_connect_provider_arn: str,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    found, _ = await providers.own(room, call, open_id_connect_provider_arn)
    return await listed(room, call, found, marker, max_items)


async def listed(
    room: Identities, call: Call, subject: domain.Subject, marker: str | None, max_items: int | None
) -> Answer:
    async with room.database.read() as connection:
        pairs = await domain.of(connection, subject.id)
    pages = Pages(room, call, marker, max_items, subject.id)
    return await pages.cut("Tags", pairs, lambda pair: place(pair[0]), lambda pair: {"Key": pair[0], "Value": pair[1]})


def place(key: str) -> str:
    """In order, but short: a whole key may be longer than a marker."""
    return f"{fold(key)[:32]} {hashlib.sha256(fold(key).encode()).hexdigest()[:32]}"
