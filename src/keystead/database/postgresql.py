"""PostgreSQL, so that many nodes share one database: writers in one queue, readers on a snapshot, commits announced.

The driver is asyncpg and not psycopg: binary protocol without libpq, so nothing to install, and notifications as callbacks.
A pooler between must keep sessions (not transactions) apart: listening and the settings below belong to the session.
"""

import functools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # its annotations are not published
from sqlalchemy import Connection, Double, NullPool, String, cast, event, extract, func, inspect, select, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from keystead.database.address import Address
from keystead.database.backend import Backend, Loss, connected, report_loss

COMMAND_SECONDS: Final = 12.0
"""Until an answer; longer than the server's own limits below, which leave the connection usable."""
CONTACT_SECONDS: Final = 1.5
"""Until an answer to the listener, which asks for little."""
POOL: Final[Mapping[str, Any]] = {"pool_size": 5, "max_overflow": 5, "pool_timeout": 5.0}
NOW: Final = select(cast(extract("epoch", func.clock_timestamp()), Double))
CHANNEL: Final = "keystead_changes"
ANNOUNCE: Final = select(func.pg_notify(CHANNEL, ""))
MIGRATING: Final = 0x6B657973
"""The advisory lock of migrations ("keys")."""

SESSION: Final = {
    "application_name": "keystead",
    "tcp_keepalives_idle": "30",  # seconds; also keeps the entry of a firewall in between
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
LIMITED: Final = {
    **SESSION,
    "lock_timeout": "8s",  # a writer's wait for its turn
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "10s",
}
READING: Final = {
    **LIMITED,
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "repeatable read",
}
WRITING: Final = {
    **LIMITED,
    "idle_in_transaction_session_timeout": "3s",  # all others wait for the one whose turn it is: one that is cut off loses it soon
    "default_transaction_isolation": "read committed",  # each statement sees all that was committed before its turn
}

LOST: Final = {
    # SQLSTATE or its class (PostgreSQL, appendix A): whether the connection is given up
    "08": True,  # connection exception
    "25P03": True,  # idle in a transaction for too long: the server has hung up
    "28": True,  # not let in
    "40001": False,  # serialization failure
    "40P01": False,  # deadlock
    "53": False,  # out of disk, memory or connections
    "55P03": False,  # the lock was not to be had in time
    "57014": False,  # statement_timeout
    "57P01": True,  # the server shuts down
    "57P02": True,  # the server has crashed
    "57P03": True,  # the server starts or recovers
    "58": True,  # system error
}
READ_ONLY: Final = "25006"
"""A writer that is told so talks to a server that is no longer the primary."""


def backend(url: str) -> Backend:
    """Raises ValueError for an address that is not safe or not supported; its text never holds the password."""
    address = Address(url)
    reader = engine(address, READING, COMMAND_SECONDS, **POOL)
    writer = engine(address, WRITING, COMMAND_SECONDS, writing=True, **{**POOL, "pool_size": 1, "max_overflow": 0})
    migrator = engine(address, SESSION, None, writing=True, poolclass=NullPool)
    listener = engine(address, SESSION, CONTACT_SECONDS, poolclass=NullPool)
    event.listen(writer.sync_engine, "begin", take_turn)
    return Backend(reader, writer, migrator, claim, migrate, NOW, ANNOUNCE, functools.partial(listen, listener))


def engine(
    address: Address, settings: Mapping[str, str], seconds: float | None, *, writing: bool = False, **pool: Any
) -> AsyncEngine:
    """Its URL holds nothing: where and who is known to `address` alone, so no repr and no log can show it."""

    async def connect() -> Any:
        connection = await address.connect(settings, seconds=seconds, writing=writing)
        try:
            if writing:
                await make_durable(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    made = create_async_engine("postgresql+asyncpg://", async_creator=connect, hide_parameters=True, **pool)
    report_loss(made, functools.partial(loss, writing=writing), hang_up)
    event.listen(made.sync_engine, "checkout", refuse_closed)
    return made


async def make_durable(connection: Any) -> None:
    """A commit that returned survives a power failure, whatever is set for the role or the database."""
    if await connection.fetchval("SHOW synchronous_commit") == "off":
        await connection.execute("SET synchronous_commit = on")


def take_turn(connection: Connection) -> None:
    """Writers of all nodes queue for one row. So `changes` is numbered in the order of commits, and nobody reads what
    another is about to change.

    Raises RuntimeError where the row is missing, since then nothing queues.
    """
    if connection.exec_driver_sql("SELECT id FROM write_turn FOR UPDATE").one_or_none() is None:
        raise RuntimeError("The table write_turn is empty.")


def loss(error: BaseException, *, writing: bool) -> Loss:
    if isinstance(error, OSError):
        return True
    if isinstance(error, asyncpg.InterfaceError) and "is closed" in str(error):  # by the server, between two uses
        return True
    if isinstance(error, asyncpg.InvalidCachedStatementError):  # another node has migrated; the driver prepares anew
        return False
    state = str(getattr(error, "sqlstate", None) or "")
    if state == READ_ONLY and writing:
        return True
    return LOST.get(state, LOST.get(state[:2]))


def hang_up(connection: Any) -> None:
    connection.driver_connection.terminate()


def refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """The driver has seen the other end close (a restarted server): let the pool connect anew. Costs no round trip."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def claim(connection: Connection) -> None:
    connection.execute(select(func.pg_advisory_xact_lock(MIGRATING)))


def migrate(connection: Connection, revision: str) -> None:
    from keystead.database.migrate import upgrade  # alembic: a fifth of a second that a worker need not wait for

    claim(connection)
    if inspect(connection).has_table("write_turn"):
        take_turn(connection)
    upgrade(connection, revision)
    order_by_bytes(connection)


def order_by_bytes(connection: Connection) -> None:
    """Text compares and sorts by its bytes, as on SQLite, and not by the language that the database was made for."""
    quote = connection.dialect.identifier_preparer.quote
    for (_, table), columns in inspect(connection).get_multi_columns().items():
        altered = [
            f'ALTER COLUMN {quote(column["name"])} TYPE {column["type"].compile(connection.dialect)} COLLATE "C"'
            for column in columns
            if isinstance(column["type"], String) and column["type"].collation is None
        ]
        if altered:
            connection.execute(text(f"ALTER TABLE {quote(table)} {', '.join(altered)}"))


@asynccontextmanager
async def listen(engine: AsyncEngine, heard: Callable[[], None]) -> AsyncIterator[AsyncConnection]:
    """A connection outside any transaction, on which `heard` is called after each commit, and when it breaks.

    An engine that knows no LISTEN is asked often enough by whoever follows it. Raises DatabaseLost.
    """
    async with connected(engine) as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        raw: Any = (await connection.get_raw_connection()).driver_connection
        raw.add_termination_listener(lambda _: heard())
        with suppress(asyncpg.FeatureNotSupportedError):
            await raw.add_listener(CHANNEL, lambda *_: heard())
        try:
            yield connection
        finally:
            raw.terminate()
            await connection.invalidate()
