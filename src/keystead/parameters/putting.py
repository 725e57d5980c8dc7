"""PutParameter: the first version of a parameter, or its next one.

1. what is not said stays as it was: description, pattern, data type, tier, policies; the key does not, it is the default again
2. the rules, in an order of their own: type, tier, length, data type, pattern, policies
3. seal, through KMS, before the transaction
4. in one transaction: the version, the oldest dropped, policies that fall due; somebody else was here meanwhile: refuse
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.parameters import datatypes, patterns, policies, records, settings
from keystead.parameters.errors import (
    OldestLabelled,
    ParameterExists,
    RequestWrong,
    TooMany,
    TypeFixed,
    UpdatedMeanwhile,
)
from keystead.parameters.names import Named, parent_of
from keystead.parameters.parameter import (
    ADVANCED,
    DEFAULT_KEY,
    INTELLIGENT,
    SECURE_STRING,
    STANDARD,
    TEXT,
    Parameter,
    Stored,
    Version,
)
from keystead.parameters.policies import Policies
from keystead.parameters.room import Parameters, again
from keystead.parameters.store import KIND, enforced, labels, parameters, tags, versions

VERSIONS: Final = 100
"""Kept of a parameter (SSM API reference, ParameterMaxVersionLimitExceeded)."""
LENGTHS: Final = {STANDARD: 4096, ADVANCED: 8192}
"""Bytes of a value (Systems Manager user guide, parameter tiers)."""
NESTED: Final = re.compile(r"\{\{[^{}]*\}\}")
"""SSM API reference, PutParameter, Value: other parameters are not referred to in a value."""

TOO_LONG: Final = {
    STANDARD: "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter "
    "value, upgrade the parameter to use the advanced-parameter tier. For more information, see "
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
    ADVANCED: "Advanced tier parameters support a maximum parameter value of 8192 characters.",
}
DOWNGRADE: Final = (
    "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to "
    "the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard "
    "parameter."
)
TYPE_MISSING: Final = "A parameter type is required when you create a parameter."
KEY_UNASKED: Final = "KeyId is required for SecureString type parameter only."
NEEDS_ADVANCED: Final = "The data type {} needs the advanced-parameter tier."


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be put; None for what was not said. `policies`: the document as it was sent."""

    value: str = field(repr=False)
    type: str | None = None
    description: str | None = None
    key: str | None = None
    overwrite: bool = False
    pattern: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    tier: str | None = None
    policies: str | None = None
    data_type: str | None = None


async def put(room: Parameters, call: Call, place: Named, plan: Plan) -> Version:
    """The version that was made. THE CALLER HAS BEEN ADMITTED.

    Raises ParameterExists, TypeFixed, RequestWrong, TooMany, OldestLabelled, UpdatedMeanwhile, KeyRefused, KeyDenied, and what
    policies and patterns raise.
    """
    before = await room.reach(call, place)
    if before is not None and not plan.overwrite:
        raise ParameterExists
    draft, asked = await drafted(room, place, plan, before)  # 1, 2
    stored = await room.sealer.seal(
        call, place.arn, type_=draft.type, tier=draft.tier, key=draft.key, value=plan.value
    )  # 3
    async with room.database.write(call.id) as tx:  # 4
        if before is None:
            return await create(room, tx, place, plan, made(draft, tx, call, 1, stored), asked)
        now = await again(tx, before)
        return await follow(room, tx, now, made(draft, tx, call, now.latest.number + 1, stored), asked)


@dataclass(frozen=True, slots=True)
class Draft:
    """A version but for its number, its value, and when and by whom."""

    type: str
    tier: str
    data_type: str
    key: str | None
    description: str | None
    pattern: str | None
    policies: tuple[str, ...]


def made(draft: Draft, tx: Transaction, call: Call, number: int, stored: Stored) -> Version:
    return Version(
        number=number,
        at=tx.at,
        by=call.caller.principal.arn,
        type=draft.type,
        tier=draft.tier,
        stored=stored,
        data_type=draft.data_type,
        key=draft.key,
        description=draft.description,
        pattern=draft.pattern,
        policies=draft.policies,
    )


async def drafted(
    room: Parameters, place: Named, plan: Plan, before: Parameter | None
) -> tuple[Draft, Policies | None]:
    """Steps 1 and 2, and the policies where they are new."""
    kept = before.latest if before is not None else None
    type_ = type_of(plan, kept)
    data_type = plan.data_type or (kept.data_type if kept is not None else TEXT)
    kind = datatypes.check_name(data_type)
    if kept is not None:
        datatypes.check_change(kept.data_type, data_type)
    asked = policies.read(plan.policies, room.clock()) if plan.policies is not None else None
    texts = asked.texts if asked is not None else (kept.policies if kept is not None else ())
    tier = await tier_of(room, place, plan, kept, needs_advanced=bool(texts) or kind.advanced)
    check_tier(tier, data_type, advanced=kind.advanced, policies=bool(texts))
    check_value(plan.value, tier)
    datatypes.check_value(data_type, type_, plan.value)
    pattern = plan.pattern if plan.pattern is not None else (kept.pattern if kept is not None else None)
    if pattern:
        patterns.check(pattern, plan.value)
    description = plan.description if plan.description is not None else (kept.description if kept else None)
    key = (plan.key or DEFAULT_KEY) if type_ == SECURE_STRING else None
    return Draft(type_, tier, data_type, key, description or None, pattern or None, texts), asked


def type_of(plan: Plan, kept: Version | None) -> str:
    """Raises RequestWrong, TypeFixed."""
    if kept is None and plan.type is None:
        raise RequestWrong(TYPE_MISSING)
    type_ = plan.type or (kept.type if kept is not None else "")
    if kept is not None and type_ != kept.type:
        raise TypeFixed
    if plan.key is not None and type_ != SECURE_STRING:
        raise RequestWrong(KEY_UNASKED)
    return type_


async def tier_of(room: Parameters, place: Named, plan: Plan, kept: Version | None, *, needs_advanced: bool) -> str:
    """Never Intelligent-Tiering, which chooses one. Raises RequestWrong."""
    if kept is not None and kept.tier == ADVANCED:
        if plan.tier == STANDARD:
            raise RequestWrong(DOWNGRADE)
        return ADVANCED
    tier = plan.tier or await settings.default_tier(room, place.account, place.region)
    if tier != INTELLIGENT:
        return tier
    if needs_advanced or len(plan.value.encode(errors="surrogatepass")) > LENGTHS[STANDARD]:
        return ADVANCED
    if kept is not None:
        return kept.tier
    async with room.database.read() as connection:
        standard = (await connection.execute(counted(place, STANDARD))).scalar_one()
    return STANDARD if standard < room.limits.standard else ADVANCED


def check_tier(tier: str, data_type: str, *, advanced: bool, policies: bool) -> None:
    """Raises RequestWrong."""
    if tier == STANDARD and policies:
        raise RequestWrong("Parameter policies need the advanced-parameter tier.")
    if tier == STANDARD and advanced:
        raise RequestWrong(NEEDS_ADVANCED.format(data_type))


def check_value(value: str, tier: str) -> None:
    """Raises RequestWrong, which does not repeat the value."""
    if len(value.encode(errors="surrogatepass")) > LENGTHS[tier]:
        raise RequestWrong(TOO_LONG[tier])
    if NESTED.search(value):
        raise RequestWrong("Parameter value can't refer to other parameters: {{}} is not allowed in it.")


def counted(place: Named, tier: str) -> Any:
    mine = select(func.count()).select_from(parameters)
    return mine.filter_by(account=place.account, region=place.region, tier=tier)


async def check_room_for(room: Parameters, tx: Transaction, place: Named, tier: str) -> None:
    """Raises TooMany."""
    limit = room.limits.advanced if tier == ADVANCED else room.limits.standard
    if (await tx.execute(counted(place, tier))).scalar_one() >= limit:
        raise TooMany(limit)


async def create(
    room: Parameters, tx: Transaction, place: Named, plan: Plan, version: Version, asked: Policies | None
) -> Version:
    if await records.find(tx.connection, place.account, place.region, place.name) is not None:
        raise UpdatedMeanwhile if plan.overwrite else ParameterExists
    await check_room_for(room, tx, place, version.tier)
    row = {
        "account": place.account,
        "region": place.region,
        "name": place.name,
        "parent": parent_of(place.name),
        "slashed": place.asked.startswith("/"),
        "latest": version.number,
        "tier": version.tier,
        "created_at": tx.at,
        "policy_ids": {},
    }
    done = await tx.execute(insert(parameters).values(**row))
    parameter_id = done.inserted_primary_key[0]  # type: ignore[index]  # one row was inserted
    await insert_version(tx, parameter_id, version)
    await insert_tags(tx, parameter_id, plan.tags)
    await enforce(tx, parameter_id, version, asked, ())
    tx.changed(KIND, str(parameter_id))
    return version


async def follow(
    room: Parameters, tx: Transaction, now: Parameter, version: Version, asked: Policies | None
) -> Version:
    """The next version of a parameter that is there."""
    if version.tier != now.latest.tier:
        await check_room_for(room, tx, Named(now.account, now.region, now.name, now.name), version.tier)
    await insert_version(tx, now.id, version)
    await drop_oldest(tx, now)
    values = {"latest": version.number, "tier": version.tier}
    await tx.execute(update(parameters).where(parameters.c.id == now.id).values(**values))
    await enforce(tx, now.id, version, asked, now.enforced)
    tx.changed(KIND, str(now.id))
    return version


async def drop_oldest(tx: Transaction, now: Parameter) -> None:
    """Raises OldestLabelled."""
    numbers = select(versions.c.number).where(versions.c.parameter_id == now.id).order_by(versions.c.number)
    there = [row.number for row in await tx.execute(numbers)]
    for oldest in there[: max(0, len(there) - VERSIONS)]:
        if oldest in now.labels.values():
            raise OldestLabelled(now.shown, oldest)
        await tx.execute(delete(versions).where(versions.c.parameter_id == now.id, versions.c.number == oldest))


async def insert_version(tx: Transaction, parameter_id: int, version: Version) -> None:
    row = {
        "parameter_id": parameter_id,
        "number": version.number,
        "at": version.at,
        "by": version.by,
        "type": version.type,
        "tier": version.tier,
        "data_type": version.data_type,
        "encoding": version.stored.encoding,
        "content": version.stored.content,
        "key": version.key,
        "key_arn": version.stored.key_arn,
        "description": version.description,
        "pattern": version.pattern,
        "policies": list(version.policies),
    }
    await tx.execute(insert(versions).values(**row))


async def insert_tags(tx: Transaction, parameter_id: int, given: Mapping[str, str]) -> None:
    if given:
        rows = [
            {"parameter_id": parameter_id, "name": name, "value": value, "place": place}
            for place, (name, value) in enumerate(given.items())
        ]
        await tx.execute(insert(tags), rows)


async def enforce(
    tx: Transaction, parameter_id: int, version: Version, asked: Policies | None, kept: policies.Kept
) -> None:
    """New policies take the place of those before; otherwise a change sets back what waits for there to be none."""
    after = asked.enforced(version.at) if asked is not None else policies.after_change(kept, version.at)
    if after == kept:
        return
    await tx.execute(delete(enforced).where(enforced.c.parameter_id == parameter_id))
    if after:
        rows = [
            {
                "parameter_id": parameter_id,
                "place": place,
                "type": one.type,
                "text": one.text,
                "status": one.status,
                "due_at": one.due_at,
            }
            for place, one in enumerate(after)
        ]
        await tx.execute(insert(enforced), rows)


async def remove(tx: Transaction, now: Parameter) -> None:
    """Everything of it, in the transaction of whoever decided that."""
    for table in (labels, versions, tags, enforced):
        await tx.execute(delete(table).where(table.c.parameter_id == now.id))
    await tx.execute(delete(parameters).where(parameters.c.id == now.id))
    tx.changed(KIND, str(now.id))
