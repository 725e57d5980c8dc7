"""One rotation from its beginning to its end, as its row knows it.

    due ──► running:createSecret ► setSecret ► testSecret ► finishSecret ──► done       AWSCURRENT is on the token
             │        ▲                                                └───► abandoned  somebody wrote another version
             ▼        │ the same token, again from createSecret        └───► cancelled  CancelRotateSecret, or the secret went
            waiting ──┘ ──► stuck   after WINDOWS windows; nothing more happens by itself, until RotateSecret

Labels, the run's row and the event move in one transaction. No row holds anything secret.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import insert, select, update

from keystead.database.engine import Connection, Transaction
from keystead.rotation.store import runs
from keystead.trail.event import new_id

ATTEMPTS: Final = 8
"""In one window; about a quarter of an hour."""
WINDOWS: Final = 3
"""Before a run is stuck."""
FIRST_PAUSE: Final = 10.0
LONGEST_PAUSE: Final = 300.0
"""Seconds between attempts, doubled each time (Vault's published values for database rotation)."""
UNSCHEDULED: Final = 3600.0
"""How long the window of a secret without a schedule is."""


class Kind(StrEnum):
    rotate = "rotate"
    test = "test"
    emergency = "emergency"


class State(StrEnum):
    due = "due"
    running = "running"
    waiting = "waiting"
    stuck = "stuck"
    done = "done"
    failed = "failed"
    abandoned = "abandoned"
    cancelled = "cancelled"


@dataclass(frozen=True, slots=True)
class Run:
    """next_at  when to look at it again; None where nothing is to be done
    session  access key id of the session that works on the step just now
    error    what kind of error the last attempt ended with
    """

    id: str
    secret_id: int
    secret_arn: str
    token: str
    kind: str
    state: str
    step: str | None
    function: str
    attempt: int
    window: int
    window_closes_at: float
    next_at: float | None
    session: str | None
    error: str | None
    started_at: float
    ended_at: float | None

    @property
    def account(self) -> str:
        return self.secret_arn.split(":")[4]

    @property
    def region(self) -> str:
        return self.secret_arn.split(":")[3]


def new(secret_id: int, arn: str, token: str, kind: Kind, function: str, at: float, closes_at: float) -> Run:
    return Run(
        id=new_id(),
        secret_id=secret_id,
        secret_arn=arn,
        token=token,
        kind=kind,
        state=State.due,
        step=None,
        function=function,
        attempt=0,
        window=0,
        window_closes_at=closes_at,
        next_at=at,
        session=None,
        error=None,
        started_at=at,
        ended_at=None,
    )


async def add(tx: Transaction, run: Run) -> None:
    await tx.execute(insert(runs).values(asdict(run)))


async def load(connection: Connection, run_id: str) -> Run | None:
    row = (await connection.execute(select(runs).where(runs.c.id == run_id))).mappings().first()
    return Run(**row) if row is not None else None


async def live(connection: Connection, secret_id: int) -> Run | None:
    """The one that has not ended."""
    this = select(runs).where(runs.c.secret_id == secret_id, runs.c.ended_at.is_(None))
    row = (await connection.execute(this)).mappings().first()
    return Run(**row) if row is not None else None


async def due(connection: Connection, now: float, limit: int) -> Sequence[tuple[str, int]]:
    """Ids of runs that want to be looked at, each with its secret's, the longest waiting first."""
    these = select(runs.c.id, runs.c.secret_id).where(runs.c.next_at <= now).order_by(runs.c.next_at).limit(limit)
    return [(row.id, row.secret_id) for row in await connection.execute(these)]


async def change(tx: Transaction, run: Run, **columns: Any) -> None:
    await tx.execute(update(runs).where(runs.c.id == run.id).values(columns))


async def end(tx: Transaction, run: Run, state: State, error: str | None = None) -> None:
    await change(tx, run, state=state, next_at=None, session=None, ended_at=tx.at, error=error)


def pause(attempt: int) -> float:
    """Seconds after the nth failed attempt, between half and one and a half of the nominal ones."""
    nominal = min(LONGEST_PAUSE, FIRST_PAUSE * float(2 ** (attempt - 1)))
    return nominal * (0.5 + secrets.randbelow(1000) / 1000)
