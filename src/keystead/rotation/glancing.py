"""Looks who is connected with a current credential when somebody wants to know: the rotator alone speaks to targets."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import update

from keystead.rotation import functions, overlap
from keystead.rotation.api import CURRENT
from keystead.rotation.attempt import Tools
from keystead.rotation.builtin import admin_of, read
from keystead.rotation.credential import Credential
from keystead.rotation.engines import engine as engine_of
from keystead.rotation.engines.promise import Engine, Session
from keystead.rotation.glances import possible
from keystead.rotation.leave import of_session
from keystead.rotation.room import Rotation
from keystead.rotation.runner import kind_of
from keystead.rotation.store import glances
from keystead.secrets import records
from keystead.secrets.secret import Secret


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
            self.tools.forget()
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
