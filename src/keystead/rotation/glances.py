"""Who is connected with the current credential, as it was seen last: asked for here, looked at by the rotator (rotation.glancing).

    glance   secret | wanted_at: NULL once looked | version | looked_at | sessions | error: a kind, never a text

Only of secrets that Keystead's own functions rotate: of others it is not known how to ask. What was seen is a moment's, and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import insert, select, update

from keystead.database.engine import Connection, Transaction
from keystead.rotation import functions
from keystead.rotation.api import CURRENT
from keystead.rotation.store import glances
from keystead.secrets.secret import Secret

FRESH: Final = 3.0
"""Seconds for which what was seen is good enough for the next who asks."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What the server said of a version's user."""

    secret_id: int
    wanted_at: float | None
    version: str | None
    looked_at: float | None
    sessions: Sequence[dict[str, Any]] | None
    error: str | None


def possible(secret: Secret) -> bool:
    known = functions.builtin(secret.rotation.function or "")
    return bool(known is not None and known.engines and secret.rotation.enabled and CURRENT in secret.labels)


async def load(connection: Connection, secret_id: int) -> Glance | None:
    row = (await connection.execute(select(glances).where(glances.c.secret_id == secret_id))).mappings().first()
    return Glance(**row) if row is not None else None


def fresh(known: Glance | None, secret: Secret, now: float) -> bool:
    """Whether it is of the version that is current, and not old."""
    if known is None or known.looked_at is None or known.version != secret.labels.get(CURRENT):
        return False
    return now - known.looked_at < FRESH


async def want(tx: Transaction, secret_id: int) -> None:
    done = await tx.execute(update(glances).where(glances.c.secret_id == secret_id).values(wanted_at=tx.at))
    if done.rowcount == 0:
        await tx.execute(insert(glances).values(secret_id=secret_id, wanted_at=tx.at))


async def wanted(connection: Connection, limit: int) -> Sequence[int]:
    """Ids of secrets, the longest waiting first."""
    these = select(glances.c.secret_id).where(glances.c.wanted_at.is_not(None)).order_by(glances.c.wanted_at)
    return [row.secret_id for row in await connection.execute(these.limit(limit))]
