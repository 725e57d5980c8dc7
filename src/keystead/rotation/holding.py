"""Who may hold which version of a secret just now, and what that keeps from happening: the view behind `keystead who-holds`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keystead.database.engine import Connection
from keystead.rotation import ledger, overlap, run, wishes
from keystead.rotation.consumers import Holder, holders
from keystead.rotation.overlap import Overlap
from keystead.rotation.run import Run
from keystead.secrets import records
from keystead.secrets.secret import Secret


@dataclass(frozen=True, slots=True)
class Held:
    """One version. `sessions`: connections open on its credential, as they were at `looked_at`; only while it is in its overlap."""

    version: str
    created_at: float
    stages: Sequence[str]
    holders: Sequence[Holder]
    sessions: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class View:
    """versions  newest first: those with a label of AWS's, and those that somebody may hold
    overlap   the one that is on, or else the last one that ended
    run       the rotation that is on
    """

    versions: Sequence[Held]
    overlap: Overlap | None
    run: Run | None


async def view(connection: Connection, secret: Secret, now: float) -> View:
    known = [version for version in await records.versions_of(connection, secret.id) if version.sealed is not None]
    ids = [version.id for version in known]
    reads = await ledger.of_secret(connection, secret.arn, ids)
    own = await ledger.wishes_of(connection, [read.reader.arn for read in reads])
    said = wishes.read(secret.tags)
    last = await overlap.last_of(connection, secret.id)
    found = []
    for place, version in enumerate(known):
        stages = secret.stages.get(version.id, [])
        who = holders(reads, ids[place:], own, said, now)
        if stages or who:
            found.append(Held(version.id, version.created_at, stages, who, open_sessions(last, version.id)))
    return View(found[::-1], last, await run.live(connection, secret.id))


def open_sessions(one: Overlap | None, version: str) -> Sequence[Any]:
    if one is None or one.ended_at is not None or one.old_version != version:
        return ()
    sessions: Sequence[Any] = (one.blocked_by or {}).get("sessions", ())
    return sessions
