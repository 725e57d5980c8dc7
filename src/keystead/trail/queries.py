"""What can be asked of the trail's index: an account's and Region's events that have all of some attributes, newest first.

1. the postings of the first attribute's term, newest block first; with those of the others where both have the block
2. the blocks themselves, and of each the records that may be meant
3. each compared with all that is asked for, by the record itself
4. what is found comes out when no block that is still to come can have anything newer

Blocks of several nodes, and those of one, may overlap in time: step 4 puts their records in order.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, and_, select, tuple_

from keystead.database.engine import Connection
from keystead.trail import attributes, blocks, store
from keystead.trail.attributes import Attributes
from keystead.trail.blocks import SPAN
from keystead.trail.store import postings
from keystead.trail.terms import EVERY, LATER, Pair, said, term, told

DAY: Final = 86400
RETENTION_DAYS: Final = 90
"""How far back LookupEvents reaches (CloudTrail API reference). The log keeps everything."""
EVER: Final = 1 << 40
FEW: Final = 2
MANY: Final = 32
"""Blocks that are read at once: few at first, since one may hold a whole page."""

Place = tuple[int, int]
"""(at, seq)."""


class Hit(NamedTuple):
    """A record that was found. `at` is its event's time, seconds since the epoch."""

    at: int
    seq: int
    seen: Attributes
    record: bytes

    @property
    def place(self) -> Place:
        return self.at, self.seq


@dataclass(frozen=True, slots=True)
class Wanted:
    """attributes  what a record must have, all of it: (one of terms.SEARCHED, value)
    since, until  seconds since the epoch, both included
    before        only what is older than this place
    """

    account: str
    region: str
    attributes: tuple[Pair, ...]
    since: int
    until: int
    before: Place | None = None

    @property
    def newest(self) -> int:
        return self.until if self.before is None else min(self.until, self.before[0])

    def fits(self, hit: Hit) -> bool:
        """Step 3."""
        seen = hit.seen
        return (
            (seen.recipient_account_id, seen.aws_region) == (self.account, self.region)
            and self.since <= hit.at <= self.until
            and (self.before is None or hit.place < self.before)
            and (not self.attributes or known(seen).issuperset(self.attributes))
        )


def known(seen: Attributes) -> set[Pair]:
    """All that is said of a record, its ids among it, whether or not there are postings for them."""
    return {*said(seen), ("EventId", seen.event_id), ("RequestId", seen.request_id)}


async def page(connection: Connection, wanted: Wanted, limit: int) -> list[Hit]:
    """At most `limit` events, newest first."""
    if wanted.attributes and wanted.attributes[0][0] in LATER:
        return (await of_id(connection, wanted))[:limit]
    found: list[Hit] = []
    async for hit in newest_first(connection, wanted):
        found.append(hit)
        if len(found) == limit:
            break
    return found


async def of_id(connection: Connection, wanted: Wanted) -> list[Hit]:
    """By the postings of what tells no time, and among the records of the time that it tells."""
    ((kind, id_), *_) = wanted.attributes
    found = [hit async for hit in newest_first(connection, wanted)]
    at = told(id_)
    if at >= 0:
        then = replace(wanted, since=max(wanted.since, at), until=min(wanted.until, at + LATER[kind]))
        found += [hit async for hit in newest_first(connection, then, [EVERY], id_.encode())]
    return sorted({hit.seq: hit for hit in found}.values(), key=by_place, reverse=True)


async def has(connection: Connection, place: tuple[str, str], event_id: str) -> bool:
    """Whether an event of the service itself is indexed."""
    asked = Wanted(*place, (("EventId", event_id),), 0, EVER)
    return bool([hit async for hit in newest_first(connection, asked)])


async def newest_first(
    connection: Connection, wanted: Wanted, by: Sequence[Pair] | None = None, holding: bytes = b""
) -> AsyncIterator[Hit]:
    """`by`: what leads to the records, if not what is wanted of them; `holding`: bytes that only those have that are wanted."""
    waiting: list[Hit] = []
    async for rows in read(connection, wanted, by or wanted.attributes or [EVERY]):
        opened = await asyncio.to_thread(all_hits, rows, wanted, holding)
        for row, more in zip(rows, opened, strict=True):
            while waiting and waiting[-1].at > row.newest:  # 4
                yield waiting.pop()
            waiting = sorted(waiting + more, key=by_place)
    for hit in reversed(waiting):
        yield hit


def by_place(hit: Hit) -> Place:
    return hit.place


async def read(connection: Connection, wanted: Wanted, by: Sequence[Pair]) -> AsyncIterator[list[Row[Any]]]:
    """Steps 1 and 2, some blocks at a time."""
    numbers = [term(wanted.account, wanted.region, pair) for pair in by]
    last: Place | None = None
    count = FEW
    while True:
        rows = list(await connection.execute(stepping(numbers, wanted, last).limit(count)))
        if rows:
            yield rows
        if len(rows) < count:
            return
        last, count = (rows[-1].newest, rows[-1].block), min(2 * count, MANY)


def stepping(numbers: Sequence[int], wanted: Wanted, last: Place | None) -> Select[Any]:
    """Postings of all the terms with their blocks, newest first, after the last one that was read."""
    first, *others = (postings.alias(f"p{place}") for place in range(len(numbers)))
    columns = [table.c.positions.label(f"positions{place}") for place, table in enumerate((first, *others))]
    query = select(first.c.newest, first.c.block, *columns, store.blocks.c.content)
    query = query.join_from(first, store.blocks, store.blocks.c.seq == first.c.block)
    for number, other in zip(numbers[1:], others, strict=True):
        same = and_(other.c.term == number, other.c.newest == first.c.newest, other.c.block == first.c.block)
        query = query.join(other, same)
    bounds: list[ColumnElement[bool]] = [
        first.c.term == numbers[0],
        first.c.newest >= wanted.since,
        first.c.newest <= wanted.newest + SPAN,
        first.c.newest - first.c.span <= wanted.newest,
    ]
    if last is not None:
        bounds.append(tuple_(first.c.newest, first.c.block) < last)
    return query.where(*bounds).order_by(first.c.newest.desc(), first.c.block.desc())


def all_hits(rows: Sequence[Row[Any]], wanted: Wanted, holding: bytes) -> list[list[Hit]]:
    return [hits(row, wanted, holding) for row in rows]


def hits(row: Row[Any], wanted: Wanted, holding: bytes) -> list[Hit]:
    """Step 3, of one block."""
    some = blocks.chosen(blocks.opened(row.content), row[2:-1])
    found = (hit_of(seq, record) for seq, record in some if holding in record)
    return [hit for hit in found if hit is not None and wanted.fits(hit)]


def hit_of(seq: int, record: bytes) -> Hit | None:
    seen = attributes.read(record)
    return None if seen is None else Hit(seen.at, seq, seen, record)


async def scopes(connection: Connection) -> list[tuple[str, str]]:
    """Every (account, region) that has had events."""
    return [
        (row.account, row.region) for row in await connection.execute(select(store.places).order_by(*store.places.c))
    ]
