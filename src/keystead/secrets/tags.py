"""Tags of secrets (Secrets Manager API reference, TagResource).

A change of tags after which the caller could not undo it, because a policy asks for the tag that is no longer there, is refused
as if it were forbidden (likewise).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.secrets import copying, finding, names
from keystead.secrets.conditions import Asked
from keystead.secrets.errors import LimitReached, ParameterWrong
from keystead.secrets.room import Secrets, again
from keystead.secrets.secret import Secret
from keystead.secrets.writing import replace_tags, touch

LIMIT: Final = 50
"""Of a secret (Secrets Manager user guide, quotas)."""


def check(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """AWS's list of tags as a mapping. Raises ParameterWrong, LimitReached."""
    if not all("Key" in tag for tag in listed):
        raise ParameterWrong("A tag must have a key.")
    found = {tag["Key"]: tag.get("Value", "") for tag in listed}
    if len(found) != len(listed):
        raise ParameterWrong("Duplicate tag keys are not allowed.")
    check_reserved(found)
    return bounded(found)


def check_reserved(keys: Mapping[str, str] | Sequence[str]) -> None:
    if any(name.lower().startswith("aws:") for name in keys):
        raise ParameterWrong("Tag keys that begin with aws: are reserved.")


def bounded(found: dict[str, str]) -> dict[str, str]:
    if len(found) > LIMIT:
        raise LimitReached(f"A secret can have at most {LIMIT} tags.")
    return found


async def put(room: Secrets, call: Call, named: str, given: Mapping[str, str], asked: Asked) -> None:
    secret = await room.admit(call, "TagResource", named, asked=asked)
    await change(room, call, "TagResource", named, secret, asked, given, ())


async def remove(room: Secrets, call: Call, named: str, keys: Sequence[str], asked: Asked) -> None:
    """What is not there is not missed."""
    check_reserved(keys)
    secret = await room.admit(call, "UntagResource", named, asked=asked)
    await change(room, call, "UntagResource", named, secret, asked, {}, keys)


async def change(
    room: Secrets,
    call: Call,
    operation: str,
    named: str,
    secret: Secret,
    asked: Asked,
    given: Mapping[str, str],
    gone: Sequence[str],
) -> None:
    """Raises AccessDenied, LimitReached."""
    async with room.database.write(call.id) as tx:
        now = await again(tx, secret, operation)
        after = replace(now, tags=after_change(now.tags, given, gone))
        room.decide(call, operation, names.read(call, named), named, after, asked)
        await store(tx, after)
        await copying.follow(tx, now.id, {})


def after_change(
    before: Mapping[str, str] | None, given: Mapping[str, str], gone: Sequence[str]
) -> Mapping[str, str] | None:
    """A tag that is put again keeps its place."""
    if before is None and not given:
        return None
    return bounded({name: value for name, value in {**(before or {}), **given}.items() if name not in gone})


async def store(tx: Transaction, after: Secret) -> None:
    await replace_tags(tx, after.id, after.tags)
    await finding.store_words(tx, after)
    await touch(tx, after, tagged=after.tags is not None)
