"""Tags of trust anchors, profiles and revocation lists."""

from collections.abc import Sequence

from keystead.identities.call import Call
from keystead.identities.errors import ObjectNotFound
from keystead.identities.room import Identities
from keystead.identities.store import tags as store
from keystead.identities.store.anywhere import Kept
from keystead.services.rolesanywhere import door
from keystead.services.service import Answer


async def tag_resource(room: Identities, call: Call, *, resource_arn: str, tags: Sequence[door.Tag]) -> Answer:
    pairs = door.pairs_of(tags)
    found = await tagged(room, call, resource_arn, door.tag_keys(pairs))
    async with room.write(call) as tx:
        await store.put(tx, found, pairs)
    return {}


async def untag_resource(room: Identities, call: Call, *, resource_arn: str, tag_keys: Sequence[str]) -> Answer:
    found = await tagged(room, call, resource_arn, {"aws:tagkeys": tuple(tag_keys)} if tag_keys else door.NONE)
    async with room.write(call) as tx:
        await store.remove(tx, found, tag_keys)
    return {}


async def list_tags_for_resource(room: Identities, call: Call, *, resource_arn: str) -> Answer:
    found = await tagged(room, call, resource_arn)
    async with room.database.read() as connection:
        pairs = await store.of(connection, found.id)
    return {"tags": [{"key": key, "value": value} for key, value in pairs]}


async def tagged(room: Identities, call: Call, arn: str, extra: door.Keys = door.NONE) -> Kept:
    """Raises AccessDenied, ObjectNotFound."""
    parsed = door.ARN.fullmatch(arn)
    if parsed is None:
        door.permit(call, arn, extra)
        raise ObjectNotFound(arn[:256])
    return await door.own(room, call, parsed["kind"], arn, extra)
