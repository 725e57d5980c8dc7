"""Hands to the recorder what waits in the database (trail.outbox), oldest first, and nothing that this installation did not make.

What has no proof is marked, told of, and passed over from then on, so that it holds up nothing; each start of the process looks at it
anew, for a mark is something that anybody who writes to the database can set.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import update

from keystead.database import sealed_keys
from keystead.database.engine import Database
from keystead.keyholder.errors import TokenInvalid
from keystead.keyholder.promise import Keyholder, SealedKey
from keystead.metrics import meters
from keystead.trail import waiting_before
from keystead.trail.client import Recorder
from keystead.trail.outbox import Waiting, digest, drop, is_vouched, outbox, refused, rows

log = structlog.get_logger("keystead.trail.outbox")

BATCH: Final = 500


class Delivering:
    """Of one process. `folder` is that of the log."""

    def __init__(self, database: Database, keyholder: Keyholder, recorder: Recorder, folder: Path) -> None:
        self._database = database
        self._keyholder = keyholder
        self._recorder = recorder
        self._folder = folder
        self._looked_anew = False

    async def run(self) -> None:
        """Record what is waiting. Raises RecorderLost, KeyholderLost, DatabaseLost; what was not recorded waits on."""
        if not self._looked_anew:
            await self._look_anew()
            self._looked_anew = True
        before = waiting_before.load(self._folder)
        while batch := await self._next():
            forged = await self._without_proof(batch, before)
            known = {row.seq for row in forged}
            genuine = [row for row in batch if row.seq not in known]
            for row in genuine:
                await self._recorder.record(row.event)
            await self._done(genuine, forged)
        waiting_before.forget(self._folder)

    async def _look_anew(self) -> None:
        async with self._database.read() as connection:
            marked = await refused(connection)
        if marked:
            async with self._database.write("outbox", announced=False) as tx:
                await tx.execute(update(outbox).values(refused_at=None))

    async def _next(self) -> list[Waiting]:
        async with self._database.read() as connection:
            meters.OUTBOX_REFUSED.set(await refused(connection))
            return await rows(connection, outbox.c.refused_at.is_(None), BATCH)

    async def _without_proof(self, batch: Sequence[Waiting], before: Collection[bytes]) -> list[Waiting]:
        """Those that this installation did not make."""
        unproven = await self._unproven(batch)
        doubtful = [row for row in unproven if row.proof is not None or digest(row.event) not in before]
        if not doubtful:
            return []
        async with (
            self._database.read() as connection
        ):  # the domain key may be newer than what the keyholder has loaded
            newest = tuple(SealedKey(*row) for row in await sealed_keys.load(connection))
        with suppress(TokenInvalid):  # who can write rows here can write there: that must not hold up the others
            await self._keyholder.load(newest)
        return await self._unproven(doubtful)

    async def _unproven(self, some: Sequence[Waiting]) -> list[Waiting]:
        proven = await asyncio.gather(*(is_vouched(self._keyholder, row.event, row.proof) for row in some))
        return [row for row, is_proven in zip(some, proven, strict=True) if not is_proven]

    async def _done(self, genuine: Sequence[Waiting], forged: Sequence[Waiting]) -> None:
        async with self._database.write("outbox", announced=False) as tx:
            await drop(tx, genuine)
            if forged:
                this = outbox.c.seq.in_([row.seq for row in forged])
                await tx.execute(update(outbox).where(this).values(refused_at=tx.at))
        for row in forged:  # what is in it is whoever's who wrote it, and belongs into no log
            log.error("not an event of this installation: not recorded", row=row.seq, sha256=digest(row.event).hex())
