"""Events of what was done because it fell due: kept in the transaction that did it, and recorded from there.

    proof = a marker of the keyholder (keyholder.software) with nothing in it, bound to "keystead outbox" 00 | SHA-256(event)

An effect is never without its event, whatever dies in between. An event may be recorded twice, under the same eventID,
which CloudTrail's readers take for one (CloudTrail user guide, record contents, eventID).

Whoever can write to the database, and no more, can make no proof: the domain key that it is made under is in the database only
under seal. What has none is not recorded, does not hold up what is behind it, and stays until an operator answers for it
(`keystead trail settle`). The event has its own id and time, so a row that is copied, or put back after it was recorded, says again
what was said: the comparison of `keystead trail verify` takes it once.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    Double,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    cast,
    delete,
    func,
    insert,
    select,
    true,
)

from keystead.database.engine import Connection, Database, Transaction
from keystead.database.tables import SEQUENCE, metadata
from keystead.keyholder.errors import CiphertextInvalid
from keystead.keyholder.promise import Keyholder

PURPOSE: Final = b"keystead outbox\x00"
PROOF_LIMIT: Final = 256
"""Bytes; a proof has 61 (keyholder.software)."""

outbox = Table(
    "trail_outbox",
    metadata,
    Column("seq", SEQUENCE, nullable=False),
    Column("event", LargeBinary, nullable=False),
    Column("proof", LargeBinary),
    Column("refused_at", Double),  # when it was found to have no proof that counts; never recorded
    PrimaryKeyConstraint("seq", name="pk_trail_outbox"),
    sqlite_autoincrement=True,
)


class Waiting(NamedTuple):
    """A row as it lies there."""

    seq: int
    event: bytes
    proof: bytes | None
    refused: bool


def vouched_by(database: Database, keyholder: Keyholder) -> None:
    """What this process puts there, this keyholder vouches for."""
    database.voucher = partial(vouched, keyholder)


async def vouched(keyholder: Keyholder, event: bytes) -> bytes:
    """The proof. Raises KeyholderLost."""
    return await keyholder.seal_marker(bound(event), b"")


async def is_vouched(keyholder: Keyholder, event: bytes, proof: bytes | None) -> bool:
    """As far as the keys go that the keyholder has loaded. Raises KeyholderLost."""
    if proof is None or len(proof) > PROOF_LIMIT:
        return False
    try:
        return await keyholder.open_marker(bound(event), proof) == b""
    except CiphertextInvalid:
        return False


def bound(event: bytes) -> bytes:
    return PURPOSE + digest(event)


def digest(event: bytes) -> bytes:
    return hashlib.sha256(event).digest()


async def put(tx: Transaction, event: bytes) -> None:
    """Raises KeyholderLost: what cannot be vouched for is not done."""
    await tx.execute(insert(outbox).values(event=event, proof=await tx.proof(event)))


async def waiting(connection: Connection) -> list[Waiting]:
    """All there is, oldest first."""
    return await rows(connection, true())


async def rows(connection: Connection, wanted: Any, limit: int | None = None) -> list[Waiting]:
    """SQLite has in a column of bytes what was put there, text too: it is cast, or a row of it would hold up the others."""
    content = cast(outbox.c.event, LargeBinary), cast(outbox.c.proof, LargeBinary)
    asked = select(outbox.c.seq, *content, outbox.c.refused_at.is_not(None)).where(wanted)
    return [Waiting(*row) for row in await connection.execute(asked.order_by(outbox.c.seq).limit(limit))]


async def drop(tx: Transaction, gone: Sequence[Waiting]) -> None:
    await tx.execute(delete(outbox).where(outbox.c.seq.in_([row.seq for row in gone])))


async def refused(connection: Connection) -> int:
    """How many rows are there that this installation did not make."""
    asked = select(func.count()).select_from(outbox).where(outbox.c.refused_at.is_not(None))
    return int((await connection.execute(asked)).scalar_one())
