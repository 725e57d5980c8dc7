"""Who does a job that must be done once, when many nodes could: a lease for a time, and a number that fences off its former holders.

    name | holder | fence | expires_at        one row per job; fence grows by one whenever the holder may have changed

Time decides only who may begin. What makes a job happen once is the fence: every write of the job first checks, inside its own
transaction, that the lease is still this holder's. Writers come one after another, so a holder that was stopped, or whose clock is
wrong, or that was cut off, writes either before its successor takes the lease or not at all.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

from sqlalchemy import insert, select, update

from keystead.database.clock import elapsed
from keystead.database.engine import CONDITION, Database, Transaction
from keystead.database.errors import DatabaseLost, Fenced
from keystead.database.tables import leases

RENEWALS: Final = 3
"""So many times within its length a lease is renewed while its work goes on."""


class Lease(NamedTuple):
    """fence  greater than that of every earlier holder; pass it on to whatever else could mistake an old holder for the new."""

    name: str
    holder: str
    fence: int


async def take(database: Database, name: str, holder: str, seconds: float) -> Lease | None:
    """The lease, if nobody has it. `holder` names one process; what it had before under that name is fenced off too."""
    async with database.write(announced=False) as tx:
        now = await database.now(tx)
        row = (await tx.execute(select(leases).where(leases.c.name == name))).one_or_none()
        if row is None:
            first = {"name": name, "holder": holder, "fence": 1, "expires_at": now + seconds}
            await tx.execute(insert(leases).values(first))
            return Lease(name, holder, 1)
        if row.holder != holder and row.expires_at > now:
            return None
        taken = {"holder": holder, "fence": row.fence + 1, "expires_at": now + seconds}
        await tx.execute(update(leases).where(leases.c.name == name).values(taken))
        return Lease(name, holder, row.fence + 1)


async def renew(database: Database, lease: Lease, seconds: float) -> None:
    """Raises Fenced when it is over already: then the work must end."""
    async with database.write(announced=False) as tx:
        await check(database, tx, lease)
        until = await database.now(tx) + seconds
        await tx.execute(update(leases).where(leases.c.name == lease.name).values(expires_at=until))


async def release(database: Database, lease: Lease) -> None:
    """Free for the next at once. Nothing happens when it is no longer this holder's. The row stays, for its fence."""
    async with database.write(announced=False) as tx:
        mine = (leases.c.name == lease.name) & (leases.c.fence == lease.fence)
        await tx.execute(update(leases).where(mine).values(expires_at=0.0))


async def check(database: Database, tx: Transaction, lease: Lease) -> None:
    """Raises Fenced unless the lease is this holder's still; then it stays so until the transaction ends."""
    mine = (leases.c.name == lease.name) & (leases.c.fence == lease.fence)
    until = (await tx.execute(select(leases.c.expires_at).where(mine))).scalar()
    if until is None or until <= await database.now(tx):
        raise Fenced(lease.name)


@contextmanager
def under(database: Database, lease: Lease) -> Iterator[None]:
    """Inside, every write of this task and of those it starts checks the lease first, and raises Fenced without it."""
    before = CONDITION.set(lambda tx: check(database, tx, lease))
    try:
        yield
    finally:
        CONDITION.reset(before)


async def alone(
    database: Database, name: str, holder: str, seconds: float, work: Callable[[], Coroutine[Any, Any, object]]
) -> bool:
    """Do `work` under the lease, renewed as long as that takes; False if somebody else has it.

    Raises Fenced if the lease was lost meanwhile: the work has been cancelled, and its last writes refused.
    """
    lease = await take(database, name, holder, seconds)
    if lease is None:
        return False
    with under(database, lease):
        working = asyncio.create_task(work())
    keeping = asyncio.create_task(_keep(database, lease, seconds))
    try:
        await asyncio.wait((working, keeping), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Fenced(name)
        working.result()
        return True
    finally:
        working.cancel()
        keeping.cancel()
        await asyncio.gather(working, keeping, return_exceptions=True)
        with suppress(DatabaseLost):
            await release(database, lease)


async def _keep(database: Database, lease: Lease, seconds: float) -> None:
    """Returns when the lease can no longer be thought to hold."""
    held = elapsed()
    while elapsed() < held + seconds:
        await asyncio.sleep(seconds / RENEWALS)
        began = elapsed()
        try:
            await renew(database, lease, seconds)
        except DatabaseLost:
            continue
        except Fenced:
            return
        held = began
