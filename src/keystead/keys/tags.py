"""Tags of keys (KMS API reference, TagResource; limits: tagging keys)."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import delete

from keystead.access.request import Values
from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.keys.changes import admitted, again
from keystead.keys.conditions import of_tags
from keystead.keys.errors import TagProblem
from keystead.keys.making import insert_tags
from keystead.keys.store import KIND, tags
from keystead.keys.use import Keys

LIMIT: Final = 50


def check(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """AWS's list of tags as a mapping. Raises TagProblem."""
    found = {tag["TagKey"]: tag["TagValue"] for tag in listed}
    if len(found) != len(listed):
        raise TagProblem("Duplicate tag keys")
    if any(name.lower().startswith("aws:") for name in found):
        raise TagProblem("Tags beginning with aws: are reserved")
    if len(found) > LIMIT:
        raise TagProblem("Too many tags")
    return found


async def put(room: Keys, call: Call, named: str, given: Mapping[str, str]) -> None:
    key = await admitted(room, call, "TagResource", named, of_tags(given))
    async with room.database.write(call.id) as tx:
        now = await again(tx, key, "TagResource")
        if len({*now.tags, *given}) > LIMIT:
            raise TagProblem("Too many tags")
        await remove_tags(tx, key.region, key.id, list(given))
        await insert_tags(tx, key.region, key.id, given)
        tx.changed(KIND, f"{key.region}/{key.id}")


async def remove(room: Keys, call: Call, named: str, listed: Sequence[str]) -> None:
    """What is not there is not missed."""
    asked: dict[str, Values] = {"aws:tagkeys": tuple(listed)} if listed else {}
    key = await admitted(room, call, "UntagResource", named, asked)
    if any(name.lower().startswith("aws:") for name in listed):
        raise TagProblem("Tags beginning with aws: are reserved")
    async with room.database.write(call.id) as tx:
        await again(tx, key, "UntagResource")
        await remove_tags(tx, key.region, key.id, listed)
        tx.changed(KIND, f"{key.region}/{key.id}")


async def remove_tags(tx: Transaction, region: str, key_id: str, listed: Sequence[str]) -> None:
    await tx.execute(delete(tags).filter_by(region=region, key_id=key_id).where(tags.c.name.in_(listed)))
