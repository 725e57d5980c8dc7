"""Everything that a database holds, out of one of either kind and into another, page by page.

The tables are those that are there, not those that this program knows: nothing can be left out because nobody thought of
it. Rows come in the order of their primary keys, whose text sorts by its bytes on every engine, so that the same rows give
the same digest everywhere.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import JSON, Connection, MetaData, Table, delete, func, insert, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from keystead.database.engine import Database

PAGE: Final = 200
"""Rows in memory at once: a record of the trail may have a megabyte."""
VERSION_TABLE: Final = "alembic_version"

Row = tuple[Any, ...]


class Unfit(Exception):
    """The database is not one that this program made. The text is for the operator."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a database over one connection, each after those that it refers to."""

    connection: AsyncConnection
    revision: str
    known: tuple[Table, ...]

    @classmethod
    async def of(cls, connection: AsyncConnection) -> "Tables":
        """Raises Unfit for a database without a schema."""
        found = await connection.run_sync(reflected)
        if VERSION_TABLE not in found.tables:
            raise Unfit("There is nothing of Keystead's in the database.")
        revision = (await connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))).scalar_one()  # noqa: S608  # a constant
        return cls(
            connection, str(revision), tuple(table for table in found.sorted_tables if table.name != VERSION_TABLE)
        )

    def columns(self) -> dict[str, list[str]]:
        """Names of the tables, in the order in which they can be filled, and of their columns."""
        return {str(table.name): [str(column.name) for column in table.columns] for table in self.known}

    async def pages(self, name: str) -> AsyncIterator[Sequence[Row]]:
        """All rows of a table; values as JSON and MessagePack know them."""
        table = self._named(name)
        keys = tuple(table.primary_key.columns)
        query = select(table).order_by(*keys).limit(PAGE)
        places = [list(table.columns).index(key) for key in keys]
        rows = (await self.connection.execute(query)).all()
        while rows:
            yield [tuple(row) for row in rows]
            last = tuple(rows[-1][place] for place in places)
            rows = (await self.connection.execute(query.where(tuple_(*keys) > last))).all()

    async def clear(self) -> None:
        """Of what migrations have put in."""
        for table in reversed(self.known):
            await self.connection.execute(delete(table))

    async def add(self, name: str, rows: Iterable[Sequence[Any]]) -> None:
        table = self._named(name)
        names = [column.name for column in table.columns]
        if values := [dict(zip(names, row, strict=True)) for row in rows]:
            await self.connection.execute(insert(table), values)

    async def go_on_counting(self) -> None:
        """Numbers that the database gives go on after those that it was filled with. SQLite sees to it by itself."""
        if self.connection.dialect.name != "postgresql":
            return
        for table in self.known:
            for column in table.primary_key.columns:
                sequence = select(func.pg_get_serial_sequence(table.name, column.name))
                if (counter := (await self.connection.execute(sequence)).scalar()) is None:
                    continue
                newest = (await self.connection.execute(select(func.max(column)))).scalar()
                if newest is not None:
                    await self.connection.execute(select(func.setval(counter, newest)))

    def _named(self, name: str) -> Table:
        return next(table for table in self.known if table.name == name)


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[Tables]:
    """Everything as it is at one moment, for as long as it takes to read it; others write on. Raises Unfit."""
    async with database.read() as connection:
        if connection.dialect.name == "postgresql":  # between two pages, whoever reads may wait for a slow disk
            await connection.execute(select(func.set_config("idle_in_transaction_session_timeout", "0", True)))
        yield await Tables.of(connection)


def reflected(connection: Connection) -> MetaData:
    """Raises Unfit for a table that has no order of its own."""
    found = MetaData()
    found.reflect(connection)
    for table in found.tables.values():
        if not table.primary_key.columns:
            raise Unfit(f"The table {table.name} has no primary key.")
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type.none_as_null = True  # no value, as opposed to JSON's null
    return found
