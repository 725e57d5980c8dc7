"""Has the service tell which of the kept answers are no longer true: ListChangedVersions, in calls that wait.

every TICK_SECONDS   what is kept and in no call yet goes into a new one: a call for each role and hundred answers
several calls        from SEVERAL on, one call about all of the role's answers takes the place of those that are under way
a call ends          what it named is doubted; what it was about goes into the next call
a call fails         nothing is asked for a while, which grows; answers live by their time

A call names versions, not moments: what changes while none is under way is told by the next. Calls wait in threads of their own,
which end with the process.
"""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from itertools import groupby
from typing import Any, Final

import structlog

from keystead.agent.asked import TurnedAway
from keystead.agent.cache import Cache, Entry, Key
from keystead.agent.upstream import PARAMETERS, SECRETS, WAIT_SECONDS, Refused, Unreachable, Upstream

log = structlog.get_logger("keystead.agent")

TICK_SECONDS: Final = 0.5
SEVERAL: Final = 4
TOGETHER: Final = 100
"""Answers of each kind in one call (its model, KeptSecretVersions)."""
RETRY_SECONDS: Final = (1.0, 2.0, 5.0, 15.0, 30.0)
REFUSED_SECONDS: Final = 60.0
"""Where there is no such operation, or nobody may call it."""
LET_BE_SECONDS: Final = 300.0
"""What the service will not tell of is not asked about again so soon."""

Mark = tuple[Key, str]
"""A name and the version that is kept for it."""


class Call:
    """What one call is about."""

    def __init__(self, role: str | None, kept: list[tuple[Mark, Entry]]) -> None:
        self.role = role
        self.kept = kept

    def lists(self) -> dict[str, list[Mapping[str, Any]]]:
        made: dict[str, list[Mapping[str, Any]]] = {SECRETS: [], PARAMETERS: []}
        for _, entry in self.kept:
            if entry.fetched.watched is not None:
                made[entry.fetched.kind].append(entry.fetched.watched)
        return made


class Watching:
    """Of one agent."""

    def __init__(self, cache: Cache, upstream: Upstream, wait: int = WAIT_SECONDS) -> None:
        self._cache = cache
        self._upstream = upstream
        self._wait = wait
        self._covered: dict[Mark, Call] = {}
        self._let_be: dict[Mark, float] = {}
        self._under_way: set[Call] = set()
        self._failures = 0
        self._not_before = 0.0

    async def follow(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            if loop.time() >= self._not_before:
                for call in self.due(loop.time()):
                    self._start(loop, call)
            await asyncio.sleep(TICK_SECONDS * max(1, len(self._under_way) // SEVERAL))

    def due(self, now: float) -> list[Call]:
        """The calls to be made now, taken note of."""
        self._let_be = {mark: until for mark, until in self._let_be.items() if until > now}
        watched = [
            ((key, entry.fetched.version), entry)
            for key, entry in self._cache.believed()
            if entry.fetched.watched is not None and (key, entry.fetched.version) not in self._let_be
        ]
        made: list[Call] = []
        for role, kept in groupby(sorted(watched, key=role_of), key=role_of):
            made += self._due_of(role or None, list(kept))
        for call in made:
            self._under_way.add(call)
            self._covered.update(dict.fromkeys((mark for mark, _ in call.kept), call))
        return made

    def _due_of(self, role: str | None, kept: list[tuple[Mark, Entry]]) -> list[Call]:
        new = [(mark, entry) for mark, entry in kept if mark not in self._covered]
        several = sum(call.role == role for call in self._under_way) >= SEVERAL + len(kept) // TOGETHER
        chosen = kept if new and several else new
        return [Call(role, chosen[start : start + TOGETHER]) for start in range(0, len(chosen), TOGETHER)]

    def _start(self, loop: asyncio.AbstractEventLoop, call: Call) -> None:
        def ask() -> None:
            outcome: dict[str, Any] | Exception
            try:
                outcome = self._upstream.changed(call.role, call.lists(), self._wait)
            except (Refused, TurnedAway) as error:
                outcome = error
            except Exception as error:  # noqa: BLE001  # the outermost door of this thread
                outcome = error
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(lambda: self.ended(call, outcome, loop.time()))

        threading.Thread(target=ask, name="keystead-watching", daemon=True).start()

    def ended(self, call: Call, outcome: Mapping[str, Any] | Exception, now: float) -> None:
        """What the call brought. Another may have taken over what it was about."""
        self._under_way.discard(call)
        for mark, _ in call.kept:
            if self._covered.get(mark) is call:
                del self._covered[mark]
        if isinstance(outcome, Exception):
            self._failed(outcome, now)
            return
        if self._failures:
            log.info("changes are told again")
        self._failures = 0
        told = [*outcome[SECRETS], *outcome[PARAMETERS]]
        for (key, version), entry in call.kept:
            reason = reason_of(entry, told)
            if reason is not None:
                self._cache.doubt(key, version)
            if reason not in {None, "Changed"}:
                self._let_be[key, version] = now + LET_BE_SECONDS

    def _failed(self, error: Exception, now: float) -> None:
        if self._failures == 0:
            log.warning("changes are not told: what rotates is seen when its time is over", reason=said(error))
        passing = isinstance(error, Unreachable)
        pause = RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)] if passing else REFUSED_SECONDS
        self._failures += 1
        self._not_before = max(self._not_before, now + pause)


def role_of(one: tuple[Mark, Entry]) -> str:
    return one[1].role or ""


def reason_of(entry: Entry, told: list[Mapping[str, Any]]) -> str | None:
    """Why the service no longer stands by it; None where it does."""
    watched = entry.fetched.watched or {}
    names = ("SecretId", "VersionId", "VersionStage", "Name", "Version")
    return next((one["Reason"] for one in told if all(one.get(name) == watched.get(name) for name in names)), None)


def said(error: Exception) -> str:
    """A code, which holds no value."""
    return str(error) if isinstance(error, Refused) else type(error).__name__
