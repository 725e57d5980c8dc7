"""The index of the trail: a copy of every record with what it can be looked up by. The log is the original.

    seq   node's number (15) | the record's number in that node's log (48)     bits; so a record has one place, however
                                                                               often it is indexed
    event ── resource      one row for each resource of an event
    position               how far each node's log is indexed, written with the rows themselves

Every lookup (queries.py) is "an account's and Region's events of one kind, newest first": an index that begins with the kind and ends with
(at, seq) gives a page at any depth by one descent. Each costs about a microsecond a record to keep. Those that pay:

    read_only         also serves lookups by nothing: two ranges merged, so that no further index is needed
    name, source, username, access_key_id     one attribute of LookupEvents each
    principal, error                          of `keystead trail search`: who is no session is found by its name
    event_id          ids grow with time, so it grows at its end
    request_id        of `keystead why`
    resources         by name, and by type

Not kept: an index by time alone. Pruning goes by seq, which within a node is the order of time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from keystead.database.engine import Connection, Transaction
from keystead.database.tables import SEQUENCE, metadata

NUMBER_BITS: Final = 48
FIRST: Final = -1
"""The position before anything is indexed."""


def partial(name: str) -> Index:
    """Of the few records that have it. The migration says so to every engine; here one does, since each loads a dialect."""
    there = text(f"{name} IS NOT NULL")
    columns = ("account", "region", name, "at", "seq")
    return Index(f"ix_trail_events_{name}", *columns, sqlite_where=there)


events = Table(
    "trail_events",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=False),
    Column("node", String, nullable=False),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("at", BigInteger, nullable=False),  # the record's eventTime, seconds since the epoch
    Column("event_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("source", String, nullable=False),
    Column("username", String),
    Column("access_key_id", String),
    Column("principal", String),  # of a session, the ARN of the role or user behind it
    Column("error", String),
    Column("request_id", String),
    Column("read_only", Boolean, nullable=False),
    Column("record", Text, nullable=False),  # as it lies in the log
    Index(None, "account", "region", "read_only", "at", "seq"),
    Index(None, "account", "region", "name", "at", "seq"),
    Index(None, "account", "region", "source", "at", "seq"),
    Index(None, "account", "region", "username", "at", "seq"),
    Index(None, "account", "region", "access_key_id", "at", "seq"),
    Index(None, "event_id"),
    Index(None, "request_id"),
    partial("principal"),
    partial("error"),
)

resources = Table(
    "trail_resources",
    metadata,
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("name", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("type", String, nullable=False),
    PrimaryKeyConstraint("account", "region", "name", "at", "seq", "type"),
    Index(None, "account", "region", "type", "at", "seq"),
    sqlite_with_rowid=False,
)

positions = Table(
    "trail_positions",
    metadata,
    Column("node", String, primary_key=True),
    Column("ordinal", Integer, nullable=False),
    Column("last", BigInteger, nullable=False),  # number of the newest record indexed
    UniqueConstraint("ordinal"),
)


class EventRow(NamedTuple):
    """A row of `events`, column by column."""

    seq: int
    node: str
    account: str
    region: str
    at: int
    event_id: str
    name: str
    source: str
    username: str | None
    access_key_id: str | None
    principal: str | None
    error: str | None
    request_id: str | None
    read_only: bool
    record: str


class ResourceRow(NamedTuple):
    """A row of `resources`, column by column."""

    account: str
    region: str
    name: str
    at: int
    seq: int
    type: str


@dataclass(frozen=True, slots=True)
class Position:
    """How far a node's log is indexed."""

    node: str
    ordinal: int
    last: int

    def seq(self, number: int) -> int:
        return self.ordinal << NUMBER_BITS | number


async def position(connection: Connection, node: str) -> Position | None:
    row = (await connection.execute(select(positions).where(positions.c.node == node))).first()
    return Position(node, row.ordinal, row.last) if row is not None else None


async def begin(tx: Transaction, node: str) -> Position:
    """The node's position; a new node's is before its first record."""
    known = await position(tx.connection, node)
    if known is not None:
        return known
    highest = (await tx.execute(select(func.max(positions.c.ordinal)))).scalar()
    made = Position(node, 0 if highest is None else highest + 1, FIRST)
    await tx.execute(insert(positions).values(node=node, ordinal=made.ordinal, last=made.last))
    return made


async def advance(tx: Transaction, known: Position, last: int) -> Position | None:
    """Move on, if the position still is what the caller takes it for; else None."""
    there = and_(positions.c.node == known.node, positions.c.last == known.last)
    moved = await tx.execute(update(positions).where(there).values(last=last))
    return replace(known, last=last) if moved.rowcount == 1 else None


async def known(tx: Transaction, event_ids: Sequence[str]) -> list[str]:
    """Those of them that are indexed already."""
    return list((await tx.execute(select(events.c.event_id).where(events.c.event_id.in_(event_ids)))).scalars())


async def add(tx: Transaction, rows: Sequence[EventRow], resource_rows: Sequence[ResourceRow]) -> None:
    await insert_many(tx, events, rows)
    await insert_many(tx, resources, resource_rows)


async def insert_many(tx: Transaction, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows in the order of the table's columns, straight to the driver: a fifth of the index's cost was spent on naming
    the columns of each.
    """
    if rows:
        statement = insert(table).compile(dialect=tx.connection.dialect)
        await tx.connection.exec_driver_sql(str(statement), list(rows))


async def ordinals(connection: Connection) -> dict[int, str]:
    """The node behind each number of `seq`."""
    return {row.ordinal: row.node for row in await connection.execute(select(positions))}


async def oldest(connection: Connection, known: Position, after: int, limit: int) -> list[Row[Any]]:
    """(seq, at, record) of a node's events after a seq, in the order of its log."""
    query = select(events.c.seq, events.c.at, events.c.record)
    query = query.where(events.c.seq > after, events.c.seq < known.seq(1 << NUMBER_BITS))
    return list(await connection.execute(query.order_by(events.c.seq).limit(limit)))


async def remove(tx: Transaction, seqs: Sequence[int], resource_rows: Sequence[ResourceRow]) -> None:
    """Events, and their resources as they were added."""
    await tx.execute(delete(events).where(events.c.seq.in_(seqs)))
    for row in resource_rows:
        await tx.execute(delete(resources).filter_by(**row._asdict()))


async def clear(tx: Transaction, known: Position) -> None:
    """Forget a node's events; its log is indexed again from the start."""
    first, end = known.seq(0), known.seq(1 << NUMBER_BITS)
    for table in (resources, events):
        await tx.execute(delete(table).where(table.c.seq >= first, table.c.seq < end))
    await tx.execute(update(positions).where(positions.c.node == known.node).values(last=FIRST))
