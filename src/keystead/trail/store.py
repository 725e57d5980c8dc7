"""The index of the trail: a copy of every record with what it can be looked up by. The log is the original.

    seq   node's number (15) | the record's number in that node's log (48)     bits; so a record has one place, however
                                                                               often it is indexed
    block      some hundred records of a node, deflated (blocks.py)
    posting    one row for each thing that records of a block can be found by (terms.py), and which of them
    place      every account and Region that has records
    position   how far each node's log is indexed, written with the rows themselves

Every lookup (queries.py) is "an account's and Region's events of one kind, newest first": a walk down the postings of one
term, which gives a page at any depth by one descent. What a load does again and again costs a row for each hundred events;
only what hardly recurs, such as one of thousands of users, costs a row of some thirty bytes for each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Row,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from keystead.database.engine import Connection, Transaction
from keystead.database.tables import SEQUENCE, metadata
from keystead.trail.blocks import Block

NUMBER_BITS: Final = 48
FIRST: Final = -1
"""The position before anything is indexed."""
AT_ONCE: Final = 500
"""Terms of one statement; engines bound them."""

blocks = Table(
    "trail_blocks",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=False),  # of its first record
    Column("newest", BigInteger, nullable=False),  # eventTime of a record, seconds since the epoch
    Column("oldest", BigInteger, nullable=False),
    Column("records", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

postings = Table(
    "trail_postings",
    metadata,
    Column("term", BigInteger, nullable=False),
    Column("newest", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("span", SmallInteger, nullable=False),
    Column("positions", LargeBinary, nullable=False),
    PrimaryKeyConstraint("term", "newest", "block"),
    sqlite_with_rowid=False,
)

places = Table(
    "trail_places",
    metadata,
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    PrimaryKeyConstraint("account", "region"),
)

positions = Table(
    "trail_positions",
    metadata,
    Column("node", String, primary_key=True),
    Column("ordinal", Integer, nullable=False),
    Column("last", BigInteger, nullable=False),  # number of the newest record indexed
    UniqueConstraint("ordinal"),
)


Posting = tuple[int, int, int, int, bytes]
"""A row of `postings`, column by column."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a node's log is indexed."""

    node: str
    ordinal: int
    last: int

    def seq(self, number: int) -> int:
        return (self.ordinal << NUMBER_BITS) + number


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


async def add(tx: Transaction, made: Sequence[Block], of: Iterable[tuple[str, str]]) -> None:
    """Blocks, and the places that their records are of."""
    await insert_many(tx, blocks, [block[:5] for block in made])
    await insert_many(
        tx, postings, sorted((posting for block in made for posting in rows_of(block)), key=itemgetter(0))
    )
    known = set(map(tuple, await tx.execute(select(places))))
    await insert_many(tx, places, sorted(set(of) - known))


def rows_of(block: Block) -> Iterable[Posting]:
    span = block.newest - block.oldest
    return ((term, block.newest, block.seq, span, told) for term, told in block.postings.items())


@lru_cache
def inserting(table: Table, dialect: Dialect) -> str:
    return str(insert(table).compile(dialect=dialect))


async def insert_many(tx: Transaction, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows in the order of the table's columns, straight to the driver: a fifth of the index's cost was spent on naming
    the columns of each.
    """
    if rows:
        tx.wrote = True
        await tx.connection.exec_driver_sql(inserting(table, tx.connection.dialect), list(rows))


async def ordinals(connection: Connection) -> dict[int, str]:
    """The node behind each number of `seq`."""
    return {row.ordinal: row.node for row in await connection.execute(select(positions))}


async def sizes(connection: Connection, known: Position, seq: int, limit: int) -> list[Row[Any]]:
    """A node's blocks after a seq, in the order of its log, without what is in them."""
    columns = blocks.c.seq, blocks.c.newest, blocks.c.records
    query = select(*columns).where(blocks.c.seq > seq, blocks.c.seq < known.seq(1 << NUMBER_BITS))
    return list(await connection.execute(query.order_by(blocks.c.seq).limit(limit)))


async def some(connection: Connection, seqs: Sequence[int]) -> list[Row[Any]]:
    """Those of them that are there, whole, in the order of the log."""
    return list(await connection.execute(select(blocks).where(blocks.c.seq.in_(seqs)).order_by(blocks.c.seq)))


async def posted(connection: Connection, terms: Sequence[int]) -> set[int]:
    """Those of them that lead to a record."""
    found: set[int] = set()
    for start in range(0, len(terms), AT_ONCE):
        asked = select(postings.c.term).distinct().where(postings.c.term.in_(terms[start : start + AT_ONCE]))
        found |= set((await connection.execute(asked)).scalars())
    return found


async def remove(tx: Transaction, block: Row[Any], of_terms: Iterable[int]) -> None:
    """A block, and its postings by these terms."""
    await tx.execute(delete(blocks).where(blocks.c.seq == block.seq))
    mine = (postings.c.newest == block.newest, postings.c.block == block.seq)
    terms = list(of_terms)
    for start in range(0, len(terms), AT_ONCE):
        await tx.execute(delete(postings).where(postings.c.term.in_(terms[start : start + AT_ONCE]), *mine))


async def clear(tx: Transaction, known: Position) -> None:
    """Forget a node's events; its log is indexed again from the start."""
    first, end = known.seq(0), known.seq(1 << NUMBER_BITS)
    await tx.execute(delete(postings).where(postings.c.block >= first, postings.c.block < end))
    await tx.execute(delete(blocks).where(blocks.c.seq >= first, blocks.c.seq < end))
    await tx.execute(update(positions).where(positions.c.node == known.node).values(last=FIRST))
