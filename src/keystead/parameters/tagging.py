"""Tags of parameters (SSM API reference, AddTagsToResource).

A change of tags after which the caller could not undo it, because a policy asks for the tag that is no longer there, is refused
as if it were forbidden.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import delete

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.parameters import putting, records
from keystead.parameters.conditions import Asked
from keystead.parameters.errors import RequestWrong, TaggedNotFound, TooManyTags
from keystead.parameters.names import Named
from keystead.parameters.parameter import Parameter
from keystead.parameters.room import Parameters
from keystead.parameters.store import KIND, tags

LIMIT: Final = 50
"""Of a parameter (SSM API reference, TooManyTagsError)."""


def check(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """AWS's list of tags as a mapping. Raises RequestWrong, TooManyTags."""
    found = {tag["Key"]: tag["Value"] for tag in listed}
    if len(found) != len(listed):
        raise RequestWrong("Duplicate tag keys are not allowed.")
    check_reserved(list(found))
    if len(found) > LIMIT:
        raise TooManyTags
    return found


def check_reserved(keys: Sequence[str]) -> None:
    """Raises RequestWrong."""
    if any(name.lower().startswith("aws:") for name in keys):
        raise RequestWrong("Tag keys that begin with aws: are reserved.")


async def admit(room: Parameters, call: Call, operation: str, place: Named, asked: Asked) -> Parameter:
    """Raises AccessDenied, TaggedNotFound."""
    found = await room.decided(call, operation, place, asked=asked)
    if found is None:
        raise TaggedNotFound
    return found


async def change(
    room: Parameters, call: Call, place: Named, asked: Asked, given: Mapping[str, str], gone: Sequence[str]
) -> None:
    """What is not there is not missed. Raises AccessDenied, TaggedNotFound, TooManyTags."""
    parameter = await admit(room, call, call.action, place, asked)
    async with room.database.write(call.id) as tx:
        now = await records.load(tx.connection, parameter.id)
        if now is None:
            raise TaggedNotFound
        after = replace(now, tags=after_change(now.tags, given, gone))
        room.decide(call, call.action, now.account, now.arn, after, asked)
        await store(tx, after)


def after_change(before: Mapping[str, str], given: Mapping[str, str], gone: Sequence[str]) -> Mapping[str, str]:
    """A tag that is put again keeps its place. Raises TooManyTags."""
    found = {name: value for name, value in {**before, **given}.items() if name not in gone}
    if len(found) > LIMIT:
        raise TooManyTags
    return found


async def store(tx: Transaction, after: Parameter) -> None:
    await tx.execute(delete(tags).where(tags.c.parameter_id == after.id))
    await putting.insert_tags(tx, after.id, after.tags)
    tx.changed(KIND, str(after.id))
