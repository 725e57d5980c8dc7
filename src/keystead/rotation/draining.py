"""Looks at overlaps until they can end: by evidence that nobody holds the old credential, or at their deadline.

1. nothing to end: the secret is gone, the old version is current again, or the server refuses the old credential, and not because
   of the deadline that we told it
2. tell the server the deadline, once, where it has a clock; mark the connections of the time of the switch where one user has both
3. who may hold it: readers by the ledger, connections by the server
4. decide (`verdict`), and act; the current credential must log in before the old one is taken away
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import structlog

from keystead.database.engine import Database
from keystead.rotation import engines, events, functions, ledger, overlap, wishes
from keystead.rotation.api import CURRENT, Api
from keystead.rotation.attempt import Tools
from keystead.rotation.builtin import admin_of, logs_in, read
from keystead.rotation.consumers import Holder, holders
from keystead.rotation.credential import Credential
from keystead.rotation.engines.promise import Engine, Session
from keystead.rotation.leave import of_session
from keystead.rotation.overlap import Overlap
from keystead.rotation.room import Rotation
from keystead.rotation.runner import kind_of
from keystead.rotation.wishes import Policy
from keystead.secrets import records
from keystead.secrets.secret import Secret

log = structlog.get_logger("keystead.rotation")

SETTLED: Final = 2.0
"""Seconds after the switch until which a process of another node may have answered with the old version (database.feed)."""
SOONEST: Final = 1.0
LATEST: Final = 60.0
PACE: Final = 20.0
"""The older an overlap, the less often it is looked at: every twentieth of its age."""
KEPT_SECONDS: Final = 600.0
"""How long credentials are kept between looks, in memory alone: reading them again each time would drown the trail."""


class Verdict(Enum):
    """What is to be done about an overlap."""

    WAIT = "wait"
    HOLD = "held"
    DRAINED = "drained"
    REVOKE = "deadline"
    TERMINATE = "terminated"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks against ending an overlap.

    unread  nodes whose latest answers are not in the ledger yet
    """

    holders: Sequence[Holder] = ()
    sessions: Sequence[Session] = ()
    unread: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.holders or self.sessions or self.unread)

    def document(self) -> dict[str, Any]:
        return {
            "readers": [
                {
                    "arn": one.reader.arn,
                    "address": one.reader.address,
                    "agent": one.reader.agent[:200],
                    "refresh": one.refresh,
                    "read_at": one.read_at,
                    "until": one.until,
                }
                for one in self.holders
            ],
            "sessions": [session._asdict() for session in self.sessions],
            "unread": list(self.unread),
        }


def verdict(one: Overlap, evidence: Evidence, *, compromised: bool, now: float) -> Verdict:
    """The rule of the overlap."""
    if one.terminate or compromised:
        return Verdict.TERMINATE
    if not evidence:
        return Verdict.DRAINED
    if now < one.deadline:
        return Verdict.WAIT
    return {Policy.hold: Verdict.HOLD, Policy.revoke: Verdict.REVOKE, Policy.terminate: Verdict.TERMINATE}[
        Policy(one.policy)
    ]


@dataclass(frozen=True, slots=True)
class Held:
    """What an overlap is ended with. In memory only."""

    engine: Engine
    old: Credential
    admin: Credential
    at: float


@dataclass(slots=True)
class Drainer:
    """Of one process."""

    rotation: Rotation
    tools: Tools
    _held: dict[str, Held] = field(default_factory=dict, repr=False)

    @property
    def database(self) -> Database:
        return self.rotation.database

    async def look(self, run_id: str) -> None:
        """THE CALLER HOLDS THE SECRET'S LEASE."""
        async with self.database.read() as connection:
            one = await overlap.load(connection, run_id)
            secret = await records.load(connection, one.secret_id) if one is not None else None
        if one is None or one.ended_at is not None:
            return
        if secret is None or secret.deleted_at is not None:
            await self._end(one, "gone")
            return
        try:
            await self._look(one, secret)
        except Exception as error:  # noqa: BLE001  # whatever it is, the overlap goes on, and only the error's kind is told
            log.warning("overlap cannot be looked at", secret=one.secret_arn, error=kind_of(error))
            self._held.pop(run_id, None)
            self.tools.forget()
            await self._later(one, {**(one.blocked_by or {}), "error": kind_of(error)}, attempt=one.attempt + 1)

    async def _look(self, one: Overlap, secret: Secret) -> None:
        held = await self._hold(one)
        if secret.labels.get(CURRENT) == one.old_version:  # 1
            await self._rolled_back(one, held)
            return
        if not await logs_in(held.engine, held.old) and not (one.limited and self.rotation.clock() >= one.deadline):
            await self._end(one, "refused")
            return
        one = await self._limit(one, held)  # 2
        evidence = await self._evidence(one, secret, held)  # 3
        compromised = wishes.read(secret.tags).compromised == one.old_version
        await self._act(
            one, held, evidence, verdict(one, evidence, compromised=compromised, now=self.rotation.clock())
        )  # 4

    async def _hold(self, one: Overlap) -> Held:
        known = self._held.get(one.run_id)
        if known is not None and self.rotation.clock() - known.at < KEPT_SECONDS:
            return known
        api = await self._client(one)
        old = await read(api, one.secret_arn, VersionId=one.old_version)
        admin = await admin_of(old, self._master)
        held = self._held[one.run_id] = Held(engines.engine(old.engine), old, admin, self.rotation.clock())
        return held

    async def _client(self, one: Overlap) -> Api:
        policy = of_session(one.secret_arn, one.region)
        return await self.tools.client(one.account, one.region, one.run_id, policy)

    async def _master(self, arn: str) -> Api:
        return await self.tools.reader(arn, "administrator")

    async def _limit(self, one: Overlap, held: Held) -> Overlap:
        """A deadline that is moved afterwards is told anew. Nothing is told where it is to be held beyond the deadline."""
        if one.limited or one.mark is not None:
            return one
        clocked = held.engine.own_clock and one.policy != Policy.hold
        if clocked:
            await held.engine.limit(held.admin, held.old, one.deadline)
        mark = await held.engine.mark(held.admin)
        async with self.database.write("overlap", announced=False) as tx:
            await overlap.change(tx, one, limited=clocked, mark=mark)
            return await overlap.load(tx.connection, one.run_id) or one

    async def _evidence(self, one: Overlap, secret: Secret, held: Held) -> Evidence:
        async with self.database.read() as connection:
            versions = [version.id for version in await records.versions_of(connection, secret.id)]
            later = versions[versions.index(one.old_version) :] if one.old_version in versions else [one.old_version]
            reads = await ledger.of_secret(connection, secret.everywhere, later)
            own = await ledger.wishes_of(connection, [read.reader.arn for read in reads])
            unread = await ledger.behind_since(connection, one.began_at + SETTLED)
        found = holders(reads, later, own, wishes.read(secret.tags), self.rotation.clock())
        sessions = await held.engine.sessions(held.admin, held.old, since(one))
        return Evidence(found, sessions, unread)

    async def _act(self, one: Overlap, held: Held, evidence: Evidence, what: Verdict) -> None:
        if what is Verdict.WAIT:
            await self._later(one, evidence.document())
        elif what is Verdict.HOLD:
            await self._hold_on(one, evidence)
        else:
            await self._take_away(one, held, what)

    async def _take_away(self, one: Overlap, held: Held, what: Verdict) -> None:
        """Raises LoginRefused where the current credential does not work: then the old one is all there is."""
        api = await self._client(one)
        current = await read(api, one.secret_arn, VersionStage=CURRENT)
        await held.engine.login(current)
        await held.engine.revoke(held.admin, held.old, current)
        if what is Verdict.TERMINATE:
            await held.engine.terminate(held.admin, held.old, since(one))
        await self._end(one, what.value)

    async def _hold_on(self, one: Overlap, evidence: Evidence) -> None:
        """Past its deadline, and the owner wants it so: it is told once, and goes on until nobody holds it."""
        if one.outcome is None:
            log.warning("old credential is held beyond its deadline", secret=one.secret_arn)
            async with self.database.write("overlap", announced=False) as tx:
                await overlap.change(tx, one, outcome=Verdict.HOLD.value)
                await events.of_overlap(tx, "OverlapHeld", one.secret_arn, one.old_version, told=self.rotation.told)
        await self._later(one, evidence.document())

    async def _rolled_back(self, one: Overlap, held: Held) -> None:
        """Somebody moved AWSCURRENT back: what was to die lives on."""
        if one.limited:
            await held.engine.limit(held.admin, held.old, math.inf)
        await self._end(one, "rolled back")

    async def _later(self, one: Overlap, blocked_by: dict[str, Any], attempt: int = 0) -> None:
        now = self.rotation.clock()
        pause = min(LATEST, max(SOONEST, (now - one.began_at) / PACE, attempt * SOONEST))
        next_at = min(now + pause, one.deadline) if now < one.deadline else now + pause
        async with self.database.write("overlap", announced=False) as tx:
            columns = {"next_at": next_at, "blocked_by": blocked_by, "looked_at": now, "attempt": attempt}
            await overlap.change(tx, one, **columns)

    async def _end(self, one: Overlap, outcome: str) -> None:
        self._held.pop(one.run_id, None)
        async with self.database.write("overlap", announced=False) as tx:
            ended = {"ended_at": tx.at, "next_at": None, "outcome": outcome, "blocked_by": None, "looked_at": tx.at}
            await overlap.change(tx, one, **ended)
            await events.of_overlap(
                tx, "OverlapEnded", one.secret_arn, one.old_version, outcome=outcome, told=self.rotation.told
            )


def since(one: Overlap) -> int | None:
    """Which connections may be the old credential's: all of its user, or where both have one user, those made before the mark."""
    known = functions.builtin(one.function)
    return None if known is not None and known.alternating else one.mark
