"""What one kind of database brings, and the only place where drivers' errors become DatabaseLost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, PoolProxiedConnection, Select, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from keystead.database.errors import DatabaseLost
from keystead.metrics import meters

Loss = bool | None
"""None: the error is no loss of the database. True: nor may its connection be used again."""
RETRY_SECONDS: Final = 0.1
"""Between two attempts to connect of a caller who waits."""
Listen = Callable[[Callable[[], None]], AbstractAsyncContextManager[AsyncConnection]]


@dataclass(frozen=True, slots=True)
class Backend:
    """A kind of database, reached.

    reader    its transactions see one moment and cannot write
    writer    its transactions come one after another, over all processes and nodes
    migrator  without limits of time
    claim     makes a transaction of the migrator wait for its own kind
    migrate   brings the schema to a version, inside a transaction that it makes wait for its own kind
    now       the statement that asks for its clock, seconds since the epoch; None where that is this machine's
    announce  the statement that tells listeners of changes when its transaction commits
    listen    a connection on which each commit of any node calls back; None where this node is the only one
    """

    reader: AsyncEngine
    writer: AsyncEngine
    migrator: AsyncEngine
    claim: Callable[[Connection], None]
    migrate: Callable[[Connection, str], None]
    now: Select[Any] | None = None
    announce: Select[Any] | None = None
    listen: Listen | None = None

    async def dispose(self) -> None:
        for engine in {self.reader, self.writer, self.migrator}:
            await engine.dispose()


def report_loss(
    engine: AsyncEngine, loss: Callable[[BaseException], Loss], hang_up: Callable[[PoolProxiedConnection], None]
) -> None:
    """From now on the engine's errors for which `loss` says so are raised as DatabaseLost.

    hang_up  ends a lost connection at once: in form, one may wait for ever for the other end to agree
    """

    @event.listens_for(engine.sync_engine, "handle_error")
    def happened(context: ExceptionContext) -> None:
        error = drivers(context.original_exception)
        lost = loss(error)
        context.is_disconnect = context.is_disconnect or bool(lost)
        if context.is_disconnect and context.connection is not None:
            hang_up(context.connection.connection)
        if isinstance(error, Exception) and (context.is_disconnect or lost is not None):
            meters.DATABASE_ERRORS.count()
            raise DatabaseLost(reason(error))


@asynccontextmanager
async def connected(engine: AsyncEngine, until: float = 0.0) -> AsyncIterator[AsyncConnection]:
    """A connection from the pool. Raises DatabaseLost when there is none to be had; before `until`, by the loop's clock,
    it tries again.

    What is raised inside the block passes unchanged: an error of the block's own is not the database's.
    """
    connection = await _connect(engine, until)
    try:
        yield connection
    finally:
        await connection.close()


async def _connect(engine: AsyncEngine, until: float) -> AsyncConnection:
    loop = asyncio.get_running_loop()
    while True:
        try:
            return await engine.connect()
        except DatabaseLost:
            if loop.time() >= until:
                raise
        except (OSError, PoolTimeout) as error:  # the network's errors, which drivers hand on as they are
            meters.DATABASE_ERRORS.count()
            if loop.time() >= until:
                raise DatabaseLost(reason(error)) from error
        await asyncio.sleep(RETRY_SECONDS)


def drivers(error: BaseException) -> BaseException:
    """The driver's own error under SQLAlchemy's emulation of a synchronous driver."""
    return getattr(error, "driver_exception", None) or error


def reason(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None) or type(error).__name__)
