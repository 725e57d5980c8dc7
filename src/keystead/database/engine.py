"""The one way to the database: short reads, and writes that announce what they changed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Any, Final, Protocol, Self

from sqlalchemy import Executable, insert, inspect
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection

from keystead.database import schema
from keystead.database.backend import Backend, connected
from keystead.database.errors import DatabaseNotEmpty, Unannounced, Unvouched
from keystead.database.tables import Change, changes, metadata

__all__ = ["Connection", "Database", "Transaction", "Unannounced", "metadata"]

Connection = AsyncConnection
"""What a read gives: other rooms name it without naming SQLAlchemy."""
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
Committed = Callable[[Sequence[Change]], None]
Voucher = Callable[[bytes], Awaitable[bytes]]
"""Gives the proof that this installation made some content: who can only write to the database can make none."""

NEWEST: Final = "head"
BACKENDS: Final = {
    #  scheme      its module here, loaded when it is asked for: each loads a driver
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
}


class Counter(Protocol):
    """What a writer needs of feed.ChangeCounter."""

    def bump(self) -> None: ...


class Transaction:
    """One write in progress. `at` is when it began, seconds since the epoch."""

    def __init__(self, connection: AsyncConnection, because: str, at: float, voucher: Voucher | None = None) -> None:
        self.connection = connection
        self.because = because
        self.at = at
        self._voucher = voucher
        self.changes: list[Change] = []
        self.wrote = False

    async def execute(self, statement: Executable, parameters: Parameters = None) -> CursorResult[Any]:
        self.wrote = self.wrote or not statement.is_select
        return await self.connection.execute(statement, parameters)

    async def proof(self, content: bytes) -> bytes:
        """Raises Unvouched, and what the voucher raises."""
        if self._voucher is None:
            raise Unvouched(self.because)
        return await self._voucher(content)

    def changed(self, kind: str, id: str) -> None:  # noqa: A002  # the column's name
        """Caches everywhere forget what they hold of this; feed.EVERYTHING as the id means all of the kind."""
        change = Change(kind, id)
        if change not in self.changes:
            self.changes.append(change)


Condition = Callable[[Transaction], Awaitable[None]]

CONDITION: ContextVar[Condition | None] = ContextVar("CONDITION", default=None)
"""What must hold for a write of this task to begin, such as a lease; it raises otherwise. Writers come one after another,
so what held at the beginning holds at the commit."""


class Database:
    """Shared by everything in one process. Close it before the event loop ends.

    Everything that touches the database raises DatabaseLost when it cannot be reached just now; a read or a write whose turn
    comes within `patience` seconds tries so long to reach it.

    voucher  whoever writes what must be known later to be this installation's own sets it first
    """

    def __init__(
        self, backend: Backend, counter: Counter | None, clock: Callable[[], float], patience: float = 0.0
    ) -> None:
        self._backend = backend
        self._patience = patience
        self._counter = counter
        self._clock = clock
        self._committed: list[Committed] = []
        self.voucher: Voucher | None = None
        self._writing = asyncio.Lock()

    @classmethod
    def open(
        cls,
        url: str,
        *,
        counter: Counter | None = None,
        clock: Callable[[], float] = time.time,
        patience: float = 0.0,
    ) -> Self:
        """Does not connect yet. `counter` tells the node's other processes of commits.

        `sqlite:///path` or `postgresql://…` (keystead.database.address). Raises KeyError for a kind that is not served,
        ValueError for an address that its kind refuses.
        """
        kind = url.partition(":")[0].partition("+")[0]
        made: Backend = import_module(f"keystead.database.{BACKENDS[kind]}").backend(url)
        return cls(made, counter, clock, patience)

    @classmethod
    @asynccontextmanager
    async def opened(cls, url: str) -> AsyncIterator[Self]:
        """As `open`, until the block ends."""
        database = cls.open(url)
        try:
            yield database
        finally:
            await database.close()

    @property
    def shared(self) -> bool:
        """Whether other nodes may write to it too."""
        return self._backend.listen is not None

    def listen(self, heard: Callable[[], None]) -> AbstractAsyncContextManager[AsyncConnection]:
        """For feed.Feed, of a shared database: a connection on which every commit of any node calls back."""
        if self._backend.listen is None:
            raise TypeError("Only a shared database is listened to.")
        return self._backend.listen(heard)

    def on_commit(self, committed: Committed) -> None:
        """Call back with every commit's changes before the writer goes on."""
        self._committed.append(committed)

    async def migrate(self) -> None:
        """Bring the schema to the newest version, in one transaction. Of several nodes that start together one does it."""
        async with self._writing, connected(self._backend.migrator) as connection, connection.begin():
            await connection.run_sync(self._backend.claim)
            if not await connection.run_sync(schema.is_newest):
                await connection.run_sync(self._backend.migrate, NEWEST)

    @asynccontextmanager
    async def found(self, revision: str) -> AsyncIterator[AsyncConnection]:
        """An empty database with the schema of `revision`, to be filled inside the block; then the newest schema.

        All of it comes into being together or not at all, without limits of time. Raises DatabaseNotEmpty.
        """
        async with self._writing, connected(self._backend.migrator) as connection, connection.begin():
            await connection.run_sync(self._backend.claim)
            if await connection.run_sync(lambda sync: inspect(sync).get_table_names()):
                raise DatabaseNotEmpty
            await connection.run_sync(self._backend.migrate, revision)
            yield connection
            await connection.run_sync(self._backend.migrate, NEWEST)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A view of one moment; what is committed meanwhile is not seen. Keep it short."""
        async with connected(self._backend.reader, self._until()) as connection:
            yield connection

    @asynccontextmanager
    async def write(self, because: str = "", *, announced: bool = True) -> AsyncIterator[Transaction]:
        """One write transaction; committed, on disk and known to every process of the node when the block has been left.

        An exception inside rolls it back. `because` is the id of the call, kept with the changes.
        `announced=False` is for rows that nobody caches, such as the index of the trail. Raises Unannounced.

        Writers of one process queue here, those of several in the database: the numbers of `changes` become visible in
        order, and what a writer has read stays true until it commits.
        """
        until = self._until()
        async with self._writing, connected(self._backend.writer, until) as connection:
            await connection.begin()
            tx = Transaction(connection, because, self._clock(), self.voucher)
            condition = CONDITION.get()
            if condition is not None:
                await condition(tx)
            yield tx
            if announced and tx.wrote and not tx.changes:
                raise Unannounced(because)
            await undisturbed(self._commit(tx))

    def _until(self) -> float:
        return asyncio.get_running_loop().time() + self._patience

    async def _commit(self, tx: Transaction) -> None:
        if tx.changes:
            rows = [{"kind": made.kind, "id": made.id, "because": tx.because, "at": tx.at} for made in tx.changes]
            await tx.execute(insert(changes), rows)
            if self._backend.announce is not None:
                await tx.connection.execute(self._backend.announce)
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

    async def now(self, tx: Transaction) -> float:
        """Seconds since the epoch by the one clock that all writers share; of a database that is not shared, this node's."""
        if self._backend.now is None:
            return tx.at
        return float((await tx.execute(self._backend.now)).scalar_one())

    async def ping(self) -> None:
        """Returns when the database can be written to; raises what it raises when it cannot."""
        async with self._writing, connected(self._backend.writer) as connection:
            await connection.begin()

    async def close(self) -> None:
        await self._backend.dispose()


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
