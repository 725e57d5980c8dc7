"""What waited to be recorded when such rows had no proof yet (trail.outbox): taken as it was when the schema got a place for proofs.

    DATA/trail/waiting-before        SHA-256 (32) of an event | SHA-256 (32) …

It lies beside the log, not in the database: who can only write there adds nothing to it. It goes when all that waited was looked at.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, inspect, select

from keystead.database.engine import Database, Transaction
from keystead.trail import disk
from keystead.trail.outbox import digest, outbox
from keystead.trail.outbox import put as into_newest

NAME: Final = "waiting-before"
HASH_LENGTH: Final = 32
FIRST: Final = "0101"
"""The schema that has a place for proofs."""


async def note(database: Database, folder: Path) -> None:
    """Before a migration, by the node that makes it. Raises DatabaseLost, OSError."""
    async with database.read() as connection:
        keep(folder, await connection.run_sync(without_place))


def without_place(connection: Connection) -> list[bytes]:
    """The events of a schema that has no place for proofs."""
    if not inspect(connection).has_table(outbox.name) or has_place(connection):
        return []
    return [bytes(event) for event in connection.execute(select(outbox.c.event)).scalars()]


def has_place(connection: Connection) -> bool:
    return any(one["name"] == "proof" for one in inspect(connection).get_columns(outbox.name))


async def put(tx: Transaction, event: bytes) -> None:
    """By an operator's process, which may be newer than the schema: what it puts there is noted when that is brought up to date."""
    if await tx.connection.run_sync(has_place):
        await into_newest(tx, event)
    else:
        await tx.execute(insert(outbox).values(event=event))


def keep(folder: Path, events: Sequence[bytes]) -> None:
    if events:
        disk.replace(folder / NAME, b"".join(map(digest, events)))


def load(folder: Path) -> frozenset[bytes]:
    try:
        content = (folder / NAME).read_bytes()
    except FileNotFoundError:
        return frozenset()
    return frozenset(content[at : at + HASH_LENGTH] for at in range(0, len(content), HASH_LENGTH))


def forget(folder: Path) -> None:
    (folder / NAME).unlink(missing_ok=True)
