"""What can be asked of the trail's index: pages of events by one attribute, and what follows from an event's columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Row, Table, func, select, tuple_

from keystead.database.engine import Connection
from keystead.trail.store import events, resources

DAY: Final = 86400
RETENTION_DAYS: Final = 90
"""How far back LookupEvents reaches (CloudTrail API reference). The log keeps everything."""

ATTRIBUTES: Final[Mapping[str, Column[Any]]] = {
    "EventId": events.c.event_id,
    "EventName": events.c.name,
    "EventSource": events.c.source,
    "Username": events.c.username,
    "AccessKeyId": events.c.access_key_id,
    "ReadOnly": events.c.read_only,
    "ResourceName": resources.c.name,
    "ResourceType": resources.c.type,
}
"""LookupEvents' attributes, and where they lie."""

SEARCHED: Final[Mapping[str, Column[Any]]] = {
    **ATTRIBUTES,
    "Principal": events.c.principal,
    "Error": events.c.error,
}
"""What the operator may search by besides."""

Place = tuple[int, int]
"""(at, seq)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """attribute  (one of SEARCHED, value), None for all
    since, until  seconds since the epoch, both included
    before        only what is older than this place
    """

    account: str
    region: str
    attribute: tuple[str, str | bool] | None
    since: int
    until: int
    before: Place | None = None


async def page(connection: Connection, wanted: Wanted, limit: int) -> list[Row[Any]]:
    """At most `limit` events, newest first."""
    if wanted.attribute is None:
        halves = [await matching(connection, wanted, events.c.read_only.is_(value), limit) for value in (True, False)]
        return list(islice(merge(*halves, key=newest_first), limit))
    name, value = wanted.attribute
    column = SEARCHED[name]
    if column is events.c.event_id:
        return await of_id(connection, wanted, str(value), limit)
    if column.table is resources:
        return await of_resource(connection, wanted, column == value, limit)
    return await matching(connection, wanted, column == value, limit)


async def matching(
    connection: Connection, wanted: Wanted, condition: ColumnElement[bool], limit: int
) -> list[Row[Any]]:
    query = select(events).where(condition, *bounds(events, wanted))
    query = query.order_by(events.c.at.desc(), events.c.seq.desc()).limit(limit)
    return list(await connection.execute(query))


async def of_id(connection: Connection, wanted: Wanted, event_id: str, limit: int) -> list[Row[Any]]:
    """Asked for the account as well, SQLite would rather read all of the account's events."""
    rows = await connection.execute(select(events).where(events.c.event_id == event_id))
    return sorted((row for row in rows if within(row, wanted)), key=newest_first)[:limit]


async def of_request(connection: Connection, account: str, request_id: str) -> list[Row[Any]]:
    """What an account's trail has of one request, in any Region, oldest first. Asked for the account alone, as above."""
    rows = await connection.execute(select(events).where(events.c.request_id == request_id))
    return sorted((row for row in rows if row.account == account), key=lambda row: (row.at, row.seq))


async def last_by_principal(
    connection: Connection, account: str, region: str, resource: str, names: Sequence[str]
) -> dict[str, int]:
    """When each principal last did one of these with a resource, without an error: roles by ARN, users by name."""
    columns = (events.c.principal, events.c.username, func.max(events.c.at))
    joined = select(*columns).join(resources, resources.c.seq == events.c.seq)
    wanted = joined.where(
        resources.c.account == account,
        resources.c.region == region,
        resources.c.name == resource,
        events.c.name.in_(names),
        events.c.error.is_(None),
    )
    rows = await connection.execute(wanted.group_by(events.c.principal, events.c.username))
    found: dict[str, int] = {}
    for principal, username, at in rows:
        who = principal or username
        if who is not None:
            found[who] = max(at, found.get(who, at))
    return found


def is_principal(arn: str) -> ColumnElement[bool]:
    """Of a role's sessions the index has the role, of a user the name."""
    if ":user/" in arn:
        return events.c.principal.is_(None) & (events.c.username == arn.rpartition("/")[2])
    return events.c.principal == arn


async def done_by(connection: Connection, account: str, principal: str, since: int, until: int) -> list[Row[Any]]:
    """What a principal, by its ARN, did without an error: by operation and resource, how often, first and last."""
    joined = select(
        events.c.name,
        resources.c.name.label("resource"),
        func.count().label("times"),
        func.min(events.c.at).label("first"),
        func.max(events.c.at).label("last"),
    ).join(resources, resources.c.seq == events.c.seq)
    mine = (events.c.account == account) & is_principal(principal) & events.c.error.is_(None)
    wanted = joined.where(mine, events.c.at >= since, events.c.at <= until)
    return list(await connection.execute(wanted.group_by(events.c.name, resources.c.name)))


def within(row: Row[Any], wanted: Wanted) -> bool:
    if (row.account, row.region) != (wanted.account, wanted.region) or not wanted.since <= row.at <= wanted.until:
        return False
    return wanted.before is None or (row.at, row.seq) < wanted.before


def newest_first(row: Row[Any]) -> Place:
    return -row.at, -row.seq


async def of_resource(
    connection: Connection, wanted: Wanted, condition: ColumnElement[bool], limit: int
) -> list[Row[Any]]:
    """An event with two resources of a type is found once."""
    query = select(resources.c.at, resources.c.seq).distinct().where(condition, *bounds(resources, wanted))
    query = query.order_by(resources.c.at.desc(), resources.c.seq.desc()).limit(limit)
    found = [row.seq for row in await connection.execute(query)]
    rows = await connection.execute(select(events).where(events.c.seq.in_(found)))
    return sorted(rows, key=newest_first)


def bounds(table: Table, wanted: Wanted) -> list[ColumnElement[bool]]:
    found = [
        table.c.account == wanted.account,
        table.c.region == wanted.region,
        table.c.at >= wanted.since,
        table.c.at <= wanted.until,
    ]
    if wanted.before is not None:
        found.append(tuple_(table.c.at, table.c.seq) < wanted.before)
    return found


async def scopes(connection: Connection) -> list[tuple[str, str]]:
    """Every (account, region) that has events: one step along the index for each."""
    columns = events.c.account, events.c.region
    found: list[tuple[str, str]] = []
    while True:
        query = select(*columns).order_by(*columns).limit(1)
        if found:
            query = query.where(tuple_(*columns) > tuple_(*found[-1]))
        row = (await connection.execute(query)).first()
        if row is None:
            return found
        found.append((row.account, row.region))


async def named_like(connection: Connection, account: str, region: str, begins: str) -> list[str]:
    """The names of resources that begin so: one step along the index for each."""
    last, found = begins, list[str]()
    column = resources.c.name
    of_place = resources.c.account == account, resources.c.region == region
    while True:
        query = select(column).where(*of_place, column > last).order_by(column).limit(1)
        name = (await connection.execute(query)).scalar()
        if name is None or not name.startswith(begins):
            return found
        found.append(name)
        last = name
