"""The overlap: the credential before the last rotation, which works on as long as somebody may hold it, and not longer.

1. a rotation succeeds: a row, in the same transaction, with the hard deadline and the policy that the secret's tags ask for
2. where the server has a clock it is told the deadline, so that the old credential dies with it even if Keystead is dead
3. it is looked at again and again: who may hold the old version (rotation.ledger, rotation.consumers), who is connected with it
4. nobody, and the ledger is up to date: it is revoked. Else at the deadline: held, revoked, or revoked and its connections ended
5. before it is revoked, the current credential must log in: the last one that works is never taken away
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import insert, select, update

from keystead.database.engine import Connection, Transaction
from keystead.rotation import functions, wishes
from keystead.rotation.engines import engine
from keystead.rotation.run import Kind, Run
from keystead.rotation.store import overlaps
from keystead.secrets.secret import CURRENT, Secret

FIRST_LOOK: Final = 1.0
"""Seconds: the server is told the deadline as soon as may be."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """terminate   it was compromised: nobody may hold it, and open connections end
    limited     the server has been told the deadline
    mark        tells connections made before the switch, where one user has both passwords
    blocked_by  what kept it when it was last looked at
    """

    run_id: str
    secret_id: int
    secret_arn: str
    function: str
    old_version: str
    new_version: str
    began_at: float
    deadline: float
    policy: str
    terminate: bool
    limited: bool = False
    mark: int | None = None
    next_at: float | None = None
    attempt: int = 0
    blocked_by: Any = None
    looked_at: float | None = None
    ended_at: float | None = None
    outcome: str | None = None

    @property
    def account(self) -> str:
        return self.secret_arn.split(":")[4]

    @property
    def region(self) -> str:
        return self.secret_arn.split(":")[3]


async def begin(tx: Transaction, run: Run, before: Secret, next_window: float | None) -> None:
    """Of a rotation that has just succeeded, by a function that leaves an old credential behind, and that we know how to end."""
    old = before.labels.get(CURRENT)
    if old is None or not leaves_another(run.function):
        return
    wanted = wishes.read(before.tags)
    emergency = run.kind == Kind.emergency
    deadline = tx.at + (0.0 if emergency else wanted.overlap)
    if next_window is not None:
        deadline = min(deadline, next_window)
    began = Overlap(
        run_id=run.id,
        secret_id=run.secret_id,
        secret_arn=run.secret_arn,
        function=run.function,
        old_version=old,
        new_version=run.token,
        began_at=tx.at,
        deadline=deadline,
        policy=wanted.policy,
        terminate=emergency,
        next_at=tx.at,
    )
    await tx.execute(insert(overlaps).values(asdict(began)))


def leaves_another(function: str) -> bool:
    known = functions.builtin(function)
    return known is not None and (known.alternating or any(engine(name).two_passwords for name in known.engines))


async def load(connection: Connection, run_id: str) -> Overlap | None:
    row = (await connection.execute(select(overlaps).where(overlaps.c.run_id == run_id))).mappings().first()
    return Overlap(**row) if row is not None else None


async def open_of(connection: Connection, secret_id: int) -> Sequence[Overlap]:
    """Those that have not ended, the oldest first."""
    these = select(overlaps).where(overlaps.c.secret_id == secret_id, overlaps.c.ended_at.is_(None))
    return [Overlap(**row) for row in (await connection.execute(these.order_by(overlaps.c.began_at))).mappings()]


async def last_of(connection: Connection, secret_id: int) -> Overlap | None:
    """The one that is on, else the one that ended last."""
    these = select(overlaps).where(overlaps.c.secret_id == secret_id)
    newest = these.order_by(overlaps.c.ended_at.is_(None).desc(), overlaps.c.began_at.desc()).limit(1)
    row = (await connection.execute(newest)).mappings().first()
    return Overlap(**row) if row is not None else None


async def due(connection: Connection, now: float, limit: int) -> Sequence[tuple[str, int]]:
    """Ids of the runs that they come of, each with its secret's."""
    columns = overlaps.c.run_id, overlaps.c.secret_id
    these = select(*columns).where(overlaps.c.next_at <= now).order_by(overlaps.c.next_at).limit(limit)
    return [(row.run_id, row.secret_id) for row in await connection.execute(these)]


async def change(tx: Transaction, one: Overlap, **columns: Any) -> None:
    await tx.execute(update(overlaps).where(overlaps.c.run_id == one.run_id).values(columns))
