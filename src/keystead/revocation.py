"""Sessions, seen and ended by the operator of an installation, also while nodes serve.

A session is a row, so that deleting the row ends it: for the processes of this machine within half a second, for other nodes within
the second that the change feed promises. The seal is opened to vouch for the record of it. Whoever may only change policies ends the sessions of a role as in
AWS, by a denial for those issued before now (`keystead template revoke-older-sessions`), and that counts at once.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from keystead.config import Settings
from keystead.database.engine import Connection
from keystead.identities.callers import session_principal
from keystead.identities.store import entities, sessions
from keystead.unsealed import still_sealed, unsealed

NAMED: Final = 100
"""Access keys named in one event."""


class Wanted(NamedTuple):
    """Which sessions. Nothing set: all of them.

    principal  ARN of a user or role, or of one session
    """

    access_key_id: str | None = None
    principal: str | None = None
    account: str | None = None


class Seen(NamedTuple):
    """A session, without its secrets; times in seconds since the epoch."""

    access_key_id: str
    principal: str
    entity: str
    account: str
    issued_at: float
    expires_at: float
    source_identity: str | None
    provider: str | None


async def look(settings: Settings, wanted: Wanted, now: float) -> Sequence[Seen]:
    """Raises FileNotFoundError, DatabaseLost."""
    async with still_sealed(settings) as database, database.read() as connection:
        return await found(connection, wanted, now)


async def revoke(settings: Settings, wanted: Wanted, now: float) -> Sequence[Seen]:
    """Those that were ended. Raises what unsealed raises."""
    async with unsealed(settings) as opened, opened.database.write("operator") as tx:
        ended = await found(tx.connection, wanted, now)
        if ended:
            await sessions.revoke(tx, [one.access_key_id for one in ended])
            details = {"count": len(ended), "accessKeyIds": [one.access_key_id for one in ended[:NAMED]]}
            await opened.note(tx, "RevokeSessions", details)
    return ended


async def found(connection: Connection, wanted: Wanted, now: float) -> list[Seen]:
    seen = []
    for session in await sessions.living(connection, now):
        holder = await entities.by_id(connection, session.entity_id)
        if holder is None:
            continue
        arn = session_principal(holder, session).arn
        one = Seen(
            session.access_key_id,
            arn,
            holder.arn,
            session.account,
            session.issued_at,
            session.expires_at,
            session.source_identity,
            session.provider,
        )
        if is_wanted(one, wanted):
            seen.append(one)
    return seen


def is_wanted(one: Seen, wanted: Wanted) -> bool:
    if wanted.access_key_id is not None and one.access_key_id != wanted.access_key_id:
        return False
    if wanted.principal is not None and wanted.principal not in {one.principal, one.entity}:
        return False
    return wanted.account is None or one.account == wanted.account
