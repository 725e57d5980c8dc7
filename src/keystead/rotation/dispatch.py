"""Looks again and again for what is due: windows that have opened, runs that want to go on, overlaps that may have drained, and
whatever else somebody wants to know of a target.

Several at a time, each secret's under its own lease where nodes share the database, so that many nodes never work on one secret.
A look returns at once; what it began goes on.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import Any, Final

import structlog

from keystead.database import leases
from keystead.database.engine import Database
from keystead.database.errors import DatabaseLost, Fenced
from keystead.rotation import glances, overlap, planning, run
from keystead.rotation.draining import Drainer
from keystead.rotation.glancing import Glancer
from keystead.rotation.pace import Pace
from keystead.rotation.room import Rotation
from keystead.rotation.runner import Runner
from keystead.secrets import records
from keystead.secrets.secret import CURRENT, PENDING
from keystead.trail.event import new_id

Work = Callable[[], Coroutine[Any, Any, None]]

log = structlog.get_logger("keystead.rotation")

AT_ONCE: Final = 16
"""Rotations that one process works on; a function outside takes a process of its own."""
LOOKED_AT: Final = 256
LEASE_SECONDS: Final = 10.0


@dataclass(slots=True)
class Dispatcher:
    """Of one process.

    holder  names it among all that share the database
    pace    at which windows are opened; a run that exists already waits for nothing
    """

    rotation: Rotation
    runner: Runner
    drainer: Drainer
    glancer: Glancer
    holder: str
    pace: Pace = field(default_factory=Pace)
    _busy: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _waiting: deque[tuple[int, Work]] = field(default_factory=deque)

    @property
    def database(self) -> Database:
        return self.rotation.database

    async def look(self, now: float | None = None) -> None:
        """Begin what is due by `now`, seconds since the epoch: what there is room for at once, the rest as room is made."""
        at = self.rotation.clock() if now is None else now
        await self._open_windows(at)
        async with self.database.read() as connection:
            runs = await run.due(connection, at, LOOKED_AT)
            open_overlaps = await overlap.due(connection, at, LOOKED_AT)
            looks = await glances.wanted(connection, LOOKED_AT)
        drain = ((secret_id, partial(self.drainer.look, one)) for one, secret_id in open_overlaps)
        perform = ((secret_id, partial(self.runner.perform, one)) for one, secret_id in runs)
        glance = ((secret_id, partial(self.glancer.look, secret_id)) for secret_id in looks)
        self._waiting.clear()
        for turn in zip_longest(drain, perform, glance):  # many of one kind keep no other waiting
            self._waiting.extend(one for one in turn if one is not None)
        self._begin()

    async def finish(self) -> None:
        """Wait for what was begun."""
        while self._busy:
            await asyncio.gather(*self._busy.values())

    async def close(self) -> None:
        """End what was begun: it is taken up again by whoever looks next."""
        self._waiting.clear()
        tasks = list(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self) -> None:
        """One thing at a time for each secret: what else is due of it is found by a later look."""
        while self._waiting and len(self._busy) < AT_ONCE:
            secret_id, work = self._waiting.popleft()
            if secret_id not in self._busy:
                self._busy[secret_id] = asyncio.create_task(self._work(secret_id, work))

    async def _work(self, secret_id: int, work: Work) -> None:
        try:
            await self._alone(secret_id, work)
        except (Fenced, DatabaseLost):  # another node has it, or this one has lost the database: it stays due
            log.info("rotation interrupted", secret=secret_id)
        except Exception as error:  # noqa: BLE001  # the outermost door of this task: it stays due
            log.error("rotation interrupted", secret=secret_id, error=type(error).__name__)
        finally:
            del self._busy[secret_id]
            self._begin()

    async def _alone(self, secret_id: int, work: Work) -> None:
        if not self.database.shared:
            await work()
            return
        await leases.alone(self.database, f"rotation/{secret_id}", self.holder, LEASE_SECONDS, work)

    async def _open_windows(self, now: float) -> None:
        async with self.database.read() as connection:
            due = await planning.due(connection, now, LOOKED_AT)
        for secret_id in due:
            if not self.pace.room():
                return
            if await self._open_window(secret_id, now):
                self.pace.spend()

    async def _open_window(self, secret_id: int, now: float) -> bool:
        """Begin the rotation, or leave this window be: it has closed, or an earlier rotation is not done."""
        async with self.database.write("rotation", announced=False) as tx:
            secret = await records.load(tx.connection, secret_id)
            planned = await planning.planned(tx.connection, secret_id)
            if secret is None or planned is None or planned.due_at > now:
                return False  # somebody else was here
            await planning.pass_on(tx, secret, planned)
            waiting = secret.labels.get(PENDING) not in {None, secret.labels.get(CURRENT)}
            if planned.closes_at <= now or waiting or CURRENT not in secret.labels or secret.deleted_at is not None:
                return False
            await self.rotation.start(
                tx, secret, new_id(), self.rotation.kind(secret), secret.rotation.function or "", planned.closes_at
            )
        return True
