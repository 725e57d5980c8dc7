"""SQLite as the embedded engine: one writer at a time, readers that never wait for it, every commit on disk.

The driver's own transaction handling is taken over (isolation_level None): it would begin transactions late, and a
transaction that reads before it writes could then fail with "database is locked" whatever the timeout.
"""

import os
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from keystead.database.backend import Backend, Loss, report_loss

BUSY_MILLISECONDS: Final = 10_000
"""How long a writer waits for the writer of another process."""
READERS: Final = 4
"""Connections kept for reading; each is a thread."""

PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}",  # first: the next ones may have to wait
    "PRAGMA journal_mode = WAL",  # readers see the last commit while a writer works
    "PRAGMA synchronous = FULL",  # a commit that returned survives a power failure (sqlite.org/pragma.html)
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what is deleted, such as the token of a destroyed key, is overwritten
)

LOST: Final = {
    # primary result code (sqlite.org/rescode.html): whether the connection is given up
    5: False,  # SQLITE_BUSY: another process writes for too long
    6: False,  # SQLITE_LOCKED
    7: True,  # SQLITE_NOMEM
    10: True,  # SQLITE_IOERR
    13: False,  # SQLITE_FULL
    14: True,  # SQLITE_CANTOPEN
    15: False,  # SQLITE_PROTOCOL: the lock of the write-ahead log was not to be had
}


def backend(url: str) -> Backend:
    """Raises ValueError without a file: several processes, and one's several engines, must see the same database."""
    parsed = make_url(url).set(drivername="sqlite+aiosqlite")
    if not parsed.database or parsed.database == ":memory:":
        raise ValueError("Keystead needs SQLite in a file.")
    create_file(Path(parsed.database))
    reader = engine(parsed, "BEGIN", (*PRAGMAS, "PRAGMA query_only = ON"), pool_size=READERS, max_overflow=READERS)
    writer = engine(parsed, "BEGIN IMMEDIATE", PRAGMAS, pool_size=1, max_overflow=0)
    return Backend(reader, writer, writer, lambda _: None, migrate)  # BEGIN IMMEDIATE has waited already


def migrate(connection: Connection, revision: str) -> None:
    from keystead.database.migrate import upgrade  # alembic: a fifth of a second that a worker need not wait for

    upgrade(connection, revision)


def create_file(path: Path) -> None:
    """The file, readable by its owner alone; SQLite gives the write-ahead log the same mode."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def engine(url: URL, begin: str, pragmas: tuple[str, ...], **pool: int) -> AsyncEngine:
    made = create_async_engine(url, hide_parameters=True, **pool)

    @event.listens_for(made.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(made.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    report_loss(made, loss, lambda _: None)
    return made


def loss(error: BaseException) -> Loss:
    return LOST.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
