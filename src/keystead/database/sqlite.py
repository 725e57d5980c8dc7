"""SQLite as the embedded engine: one writer at a time, readers that never wait for it, every commit on disk.

The driver's own transaction handling is taken over (isolation_level None): it would begin transactions late, and a
transaction that reads before it writes could then fail with "database is locked" whatever the timeout.
"""

import os
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY_MILLISECONDS: Final = 10_000
"""How long a writer waits for the writer of another process."""
READERS: Final = 4
"""Connections kept for reading; each is a thread."""

PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}",  # first: the next ones may have to wait
    "PRAGMA journal_mode = WAL",  # readers see the last commit while a writer works
    "PRAGMA synchronous = FULL",  # a commit that returned survives a power failure (sqlite.org/pragma.html)
    "PRAGMA foreign_keys = ON",
)


def engines(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    """(reader, writer). The reader's connections cannot write."""
    create_file(url)
    reader = create_async_engine(url, pool_size=READERS, max_overflow=READERS)
    writer = create_async_engine(url, pool_size=1, max_overflow=0)
    prepare(reader, "BEGIN", (*PRAGMAS, "PRAGMA query_only = ON"))
    prepare(writer, "BEGIN IMMEDIATE", PRAGMAS)
    return reader, writer


def create_file(url: URL) -> None:
    """The file, readable by its owner alone; SQLite gives the write-ahead log the same mode.

    Raises ValueError without a file: several processes, and this one's two engines, must see the same database.
    """
    if not url.database or url.database == ":memory:":
        raise ValueError("Keystead needs SQLite in a file.")
    os.close(os.open(Path(url.database), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def prepare(engine: AsyncEngine, begin: str, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
