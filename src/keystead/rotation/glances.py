"""Who is connected with the current credential: the rotator asks the server when somebody wants to know, as it alone speaks to targets.

    glance   secret | wanted_at: NULL once looked | version | looked_at | sessions | error: a kind, never a text

Only of secrets that Keystead's own functions rotate: of others it is not known how to ask. What was seen is a moment's, and says so.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import insert, select, update

from keystead.database.engine import Connection, Transaction
from keystead.rotation import functions, overlap
from keystead.rotation.api import CURRENT
from keystead.rotation.attempt import Tools
from keystead.rotation.builtin import admin_of, read
from keystead.rotation.credential import Credential
from keystead.rotation.engines import engine as engine_of
from keystead.rotation.engines.promise import Engine, Session
from keystead.rotation.leave import of_session
from keystead.rotation.room import Rotation
from keystead.rotation.runner import kind_of
from keystead.rotation.store import glances
from keystead.secrets import records
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


@dataclass(frozen=True, slots=True)
class Glancer:
    """Of one process."""

    rotation: Rotation
    tools: Tools = field(repr=False)

    async def look(self, secret_id: int) -> None:
        """THE CALLER HOLDS THE SECRET'S LEASE."""
        async with self.rotation.database.read() as connection:
            secret = await records.load(connection, secret_id)
        if secret is None:
            return
        seen: dict[str, Any] = {"version": secret.labels.get(CURRENT), "sessions": None, "error": None}
        try:
            seen["sessions"] = [session._asdict() for session in await self._sessions(secret)]
        except Exception as error:  # noqa: BLE001  # whatever it is, nothing was seen, and only the error's kind is told
            seen["error"] = kind_of(error)
        async with self.rotation.database.write("glance", announced=False) as tx:
            this = glances.c.secret_id == secret_id
            await tx.execute(update(glances).where(this).values(wanted_at=None, looked_at=tx.at, **seen))

    async def _sessions(self, secret: Secret) -> Sequence[Session]:
        if not possible(secret):
            return ()
        policy = of_session(secret.arn, secret.region)
        api = await self.tools.client(secret.account, secret.region, f"look-{secret.id}", policy)
        current = await read(api, secret.arn, VersionStage=CURRENT)
        admin = await admin_of(current, self._master)
        engine = engine_of(current.engine)
        every = await engine.sessions(admin, current, None)
        return without(every, await self._of_the_old(secret, engine, admin, current))

    async def _of_the_old(
        self, secret: Secret, engine: Engine, admin: Credential, current: Credential
    ) -> Sequence[Session]:
        """Where one user has both passwords: connections from before the switch, which the overlap counts."""
        known = functions.builtin(secret.rotation.function or "")
        if known is None or known.alternating or not engine.two_passwords:
            return ()
        async with self.rotation.database.read() as connection:
            marks = [one.mark for one in await overlap.open_of(connection, secret.id) if one.mark is not None]
        return await engine.sessions(admin, current, max(marks)) if marks else ()

    async def _master(self, arn: str) -> Any:
        return await self.tools.reader(arn, "administrator")


def without(every: Sequence[Session], old: Sequence[Session]) -> Sequence[Session]:
    left = Counter({session[:2]: session.connections for session in every})
    left.subtract({session[:2]: session.connections for session in old})
    return [Session(*place, count) for place, count in sorted(left.items()) if count > 0]
