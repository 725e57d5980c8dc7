"""The one way to the database: short reads, and writes that announce what they changed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, Self

from sqlalchemy import Executable, insert, make_url
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from keystead.database import sqlite
from keystead.database.migrate import upgrade
from keystead.database.tables import Change, changes, metadata

__all__ = ["Connection", "Database", "Transaction", "Unannounced", "metadata"]

Connection = AsyncConnection
"""What a read gives: other rooms name it without naming SQLAlchemy."""
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
Committed = Callable[[Sequence[Change]], None]

ENGINES = {"sqlite": sqlite.engines}
"""Backend to a function from URL to (reader, writer)."""


class Counter(Protocol):
    """What a writer needs of feed.ChangeCounter."""

    def bump(self) -> None: ...


class Unannounced(RuntimeError):
    """A transaction wrote and named nothing as changed: caches would go stale. A defect of the caller; rolled back."""


class Transaction:
    """One write in progress. `at` is when it began, seconds since the epoch."""

    def __init__(self, connection: AsyncConnection, because: str, at: float) -> None:
        self.connection = connection
        self.because = because
        self.at = at
        self.changes: list[Change] = []
        self.wrote = False

    async def execute(self, statement: Executable, parameters: Parameters = None) -> CursorResult[Any]:
        self.wrote = self.wrote or not statement.is_select
        return await self.connection.execute(statement, parameters)

    def changed(self, kind: str, id: str) -> None:  # noqa: A002  # the column's name
        """Caches everywhere forget what they hold of this; feed.EVERYTHING as the id means all of the kind."""
        change = Change(kind, id)
        if change not in self.changes:
            self.changes.append(change)


class Database:
    """Shared by everything in one process. Close it before the event loop ends."""

    def __init__(
        self, reader: AsyncEngine, writer: AsyncEngine, counter: Counter | None, clock: Callable[[], float]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._counter = counter
        self._clock = clock
        self._committed: list[Committed] = []
        self._writing = asyncio.Lock()

    @classmethod
    def open(cls, url: str, *, counter: Counter | None = None, clock: Callable[[], float] = time.time) -> Self:
        """Does not connect yet. `counter` tells the node's other processes of commits.

        Raises KeyError for a backend that is not served.
        """
        parsed = make_url(url)
        reader, writer = ENGINES[parsed.get_backend_name()](parsed)
        return cls(reader, writer, counter, clock)

    def on_commit(self, committed: Committed) -> None:
        """Call back with every commit's changes before the writer goes on."""
        self._committed.append(committed)

    async def migrate(self) -> None:
        """Bring the schema to the newest version, in one transaction where the engine can."""
        async with self._writing, self._writer.begin() as connection:
            await connection.run_sync(upgrade)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A view of one moment; what is committed meanwhile is not seen. Keep it short."""
        async with self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self, because: str = "", *, announced: bool = True) -> AsyncIterator[Transaction]:
        """One write transaction; committed, on disk and known to every process of the node when the block has been left.

        An exception inside rolls it back. `because` is the id of the call, kept with the changes.
        `announced=False` is for rows that nobody caches, such as the index of the trail. Raises Unannounced.

        Writers of one process queue here, those of several in the database. PostgreSQL will have to queue them all,
        since the numbers of `changes` must become visible in order.
        """
        async with self._writing, self._writer.connect() as connection:
            await connection.begin()
            tx = Transaction(connection, because, self._clock())
            yield tx
            if announced and tx.wrote and not tx.changes:
                raise Unannounced(because)
            await undisturbed(self._commit(tx))

    async def _commit(self, tx: Transaction) -> None:
        if tx.changes:
            rows = [{"kind": made.kind, "id": made.id, "because": tx.because, "at": tx.at} for made in tx.changes]
            await tx.execute(insert(changes), rows)
        try:
            await tx.connection.commit()
        finally:  # a commit that reports a failure may have happened: forgetting too much does no harm
            self._announce(tx)

    def _announce(self, tx: Transaction) -> None:
        if not tx.changes:
            return
        for committed in self._committed:
            committed(tx.changes)
        if self._counter is not None:
            self._counter.bump()

    async def ping(self) -> None:
        """Returns when the database can be written to; raises what it raises when it cannot."""
        async with self._writing, self._writer.connect() as connection:
            await connection.begin()

    async def close(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()


async def undisturbed(work: Any) -> None:
    """Await it to its end even when cancelled meanwhile: a commit that happens must be announced."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: BLE001  # raised below, by task.result()
            break
    task.result()
    if cancelled is not None:
        raise cancelled
