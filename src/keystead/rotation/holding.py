"""Who may hold which version of a secret just now, and what that keeps from happening: the view behind `keystead who-holds`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keystead.database.engine import Connection
from keystead.rotation import glances, ledger, overlap, run, wishes
from keystead.rotation.consumers import Holder, holders
from keystead.rotation.glances import Glance
from keystead.rotation.overlap import Overlap
from keystead.rotation.run import Run
from keystead.secrets import records
from keystead.secrets.secret import Secret


@dataclass(frozen=True, slots=True)
class Held:
    """One version. `sessions`: connections open on its credential, as they were at `looked_at`: of the version in its overlap, and
    of the current one where the rotator can ask. `error`: why it could not.
    """

    version: str
    created_at: float
    stages: Sequence[str]
    holders: Sequence[Holder]
    sessions: Sequence[Any] = ()
    looked_at: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """versions  newest first: those with a label of AWS's, and those that somebody may hold
    overlap   the one that is on, or else the last one that ended
    run       the rotation that is on
    stale     who is connected with the current version could be known better: ask for it (glances.want)
    """

    versions: Sequence[Held]
    overlap: Overlap | None
    run: Run | None
    stale: bool = False


async def view(connection: Connection, secret: Secret, now: float) -> View:
    known = [version for version in await records.versions_of(connection, secret.id) if version.sealed is not None]
    ids = [version.id for version in known]
    reads = await ledger.of_secret(connection, secret.everywhere, ids)
    own = await ledger.wishes_of(connection, [read.reader.arn for read in reads])
    said = wishes.read(secret.tags)
    last = await overlap.last_of(connection, secret.id)
    seen = await glances.load(connection, secret.id)
    found = []
    for place, version in enumerate(known):
        stages = secret.stages.get(version.id, [])
        who = holders(reads, ids[place:], own, said, now)
        if stages or who:
            found.append(Held(version.id, version.created_at, stages, who, *connected(last, seen, version.id)))
    stale = glances.possible(secret) and not glances.fresh(seen, secret, now)
    return View(found[::-1], last, await run.live(connection, secret.id), stale)


def connected(one: Overlap | None, seen: Glance | None, version: str) -> tuple[Sequence[Any], float | None, str | None]:
    """Sessions, when they were looked at, and what kept it from that."""
    if one is not None and one.ended_at is None and one.old_version == version:
        return (one.blocked_by or {}).get("sessions", ()), one.looked_at, None
    if seen is not None and seen.version == version:
        return seen.sessions or (), seen.looked_at, seen.error
    return (), None, None
