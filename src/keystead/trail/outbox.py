"""Events of what was done because it fell due: kept in the transaction that did it, and recorded from there.

An effect is never without its event, whatever dies in between. An event may be recorded twice, under the same eventID,
which CloudTrail's readers take for one (CloudTrail user guide, record contents, eventID).
"""

from typing import Final

from sqlalchemy import Column, LargeBinary, PrimaryKeyConstraint, Table, delete, insert, select

from keystead.database.engine import Database, Transaction
from keystead.database.tables import SEQUENCE, metadata
from keystead.trail.client import Recorder

BATCH: Final = 500

outbox = Table(
    "trail_outbox",
    metadata,
    Column("seq", SEQUENCE, nullable=False),
    Column("event", LargeBinary, nullable=False),
    PrimaryKeyConstraint("seq", name="pk_trail_outbox"),
    sqlite_autoincrement=True,
)


async def put(tx: Transaction, event: bytes) -> None:
    await tx.execute(insert(outbox).values(event=event))


async def deliver(database: Database, recorder: Recorder) -> None:
    """Record what is waiting, oldest first. Raises RecorderLost; what was not recorded waits on."""
    waiting = select(outbox).order_by(outbox.c.seq).limit(BATCH)
    while True:
        async with database.read() as connection:
            rows = list(await connection.execute(waiting))
        if not rows:
            return
        for row in rows:
            await recorder.record(row.event)
        async with database.write("outbox", announced=False) as tx:
            await tx.execute(delete(outbox).where(outbox.c.seq <= rows[-1].seq))
