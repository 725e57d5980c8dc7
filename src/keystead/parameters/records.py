"""Reads parameters and their versions, each as one value."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from keystead.access.policy import Kind, Policy, compile, parse  # noqa: A004  # the rules' own verb
from keystead.parameters.parameter import Enforced, Parameter, Stored, Version
from keystead.parameters.store import enforced, labels, parameters, tags, versions

AT_ONCE: Final = 500
"""Values of one query; engines bound them."""
NEWEST: Final = parameters.join(
    versions, and_(versions.c.parameter_id == parameters.c.id, versions.c.number == parameters.c.latest)
)

COLUMNS: Final = (*(column for column in parameters.c if column.name != "tier"), *versions.c)
"""Of a parameter with its newest version, whose tier is the parameter's."""


async def find(connection: AsyncConnection, account: str, region: str, name: str) -> int | None:
    """The id of the parameter of this name."""
    query = select(parameters.c.id).filter_by(account=account, region=region, name=name)
    found: int | None = (await connection.execute(query)).scalar()
    return found


async def load(connection: AsyncConnection, parameter_id: int) -> Parameter | None:
    """The parameter as it is now, or None."""
    return (await load_all(connection, [parameter_id])).get(parameter_id)


async def load_all(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, Parameter]:
    """Those that are there."""
    found: dict[int, Parameter] = {}
    for start in range(0, len(ids), AT_ONCE):
        found |= await load_some(connection, ids[start : start + AT_ONCE])
    return found


async def load_some(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, Parameter]:
    rows = (await connection.execute(select(*COLUMNS).select_from(NEWEST).where(within(ids)))).all()
    labelled = await of_each(connection, labels, ids, labels.c.label)
    tagged = await of_each(connection, tags, ids, tags.c.place)
    kept = await of_each(connection, enforced, ids, enforced.c.place)
    return {
        row.id: parameter_of(
            row,
            {one.label: one.number for one in labelled.get(row.id, ())},
            {one.name: one.value for one in tagged.get(row.id, ())},
            tuple(Enforced(one.type, one.text, one.status, one.due_at) for one in kept.get(row.id, ())),
        )
        for row in rows
    }


def within(ids: Sequence[int]) -> Any:
    return parameters.c.id == ids[0] if len(ids) == 1 else parameters.c.id.in_(ids)


async def of_each(connection: AsyncConnection, table: Any, ids: Sequence[int], order: Any) -> dict[int, list[Any]]:
    """Rows of a table by the parameter they belong to."""
    found: dict[int, list[Any]] = {}
    for row in await connection.execute(select(table).where(table.c.parameter_id.in_(ids)).order_by(order)):
        found.setdefault(row.parameter_id, []).append(row)
    return found


def parameter_of(
    row: Any, labelled: Mapping[str, int], tagged: Mapping[str, str], kept: tuple[Enforced, ...]
) -> Parameter:
    return Parameter(
        id=row.id,
        account=row.account,
        region=row.region,
        name=row.name,
        slashed=row.slashed,
        latest=version_of(row),
        created_at=row.created_at,
        labels=labelled,
        tags=tagged,
        enforced=kept,
        policy=compiled(row.policy, row.policy_ids) if row.policy is not None else None,
        policy_id=row.policy_id,
        policy_text=row.policy,
        policy_ids=row.policy_ids,
    )


def compiled(text: str, ids: Mapping[str, str]) -> Policy:
    return compile(parse(text, Kind.RESOURCE), ids)


def version_of(row: Any) -> Version:
    return Version(
        number=row.number,
        at=row.at,
        by=row.by,
        type=row.type,
        tier=row.tier,
        stored=Stored(row.encoding, row.content, row.key_arn),
        data_type=row.data_type,
        key=row.key,
        description=row.description,
        pattern=row.pattern,
        policies=tuple(row.policies),
    )


async def version(connection: AsyncConnection, parameter_id: int, number: int) -> Version | None:
    query = select(versions).where(versions.c.parameter_id == parameter_id, versions.c.number == number)
    row = (await connection.execute(query)).first()
    return version_of(row) if row is not None else None


async def history(connection: AsyncConnection, parameter_id: int, after: int, limit: int) -> list[Version]:
    """Oldest first, after that number."""
    query = select(versions).where(versions.c.parameter_id == parameter_id, versions.c.number > after)
    return [version_of(row) for row in await connection.execute(query.order_by(versions.c.number).limit(limit))]
