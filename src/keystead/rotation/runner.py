"""What becomes of an attempt at a run: ended, tried again after a pause, in the next window, or flagged as stuck. Never dropped.

A run waits while the credential before the last one is still in its overlap: this rotation would end it.
"""

from dataclasses import dataclass
from typing import Any, Final

import structlog

from keystead.database.engine import Transaction
from keystead.database.errors import Fenced
from keystead.metrics import meters
from keystead.rotation import events, overlap, planning, run
from keystead.rotation.api import ApiRefused
from keystead.rotation.attempt import Attempt, Tools
from keystead.rotation.executors.work import FunctionFailed
from keystead.rotation.room import Rotation, forget
from keystead.rotation.run import Kind, Run, State
from keystead.secrets import records
from keystead.secrets.secret import Secret

log = structlog.get_logger("keystead.rotation")

OVERLAP_SECONDS: Final = 2.0
"""Between looks at an overlap that a run waits for."""


@dataclass(frozen=True, slots=True)
class Runner:
    """What one process performs rotations with."""

    rotation: Rotation
    tools: Tools

    async def perform(self, run_id: str) -> None:
        """One attempt, or what it takes to see that there is nothing to do. THE CALLER HOLDS THE SECRET'S LEASE."""
        async with self.tools.database.read() as connection:
            live = await run.load(connection, run_id)
            secret = await records.load(connection, live.secret_id) if live is not None else None
            earlier = await overlap.open_of(connection, live.secret_id) if live is not None else ()
        if live is None or live.ended_at is not None or live.next_at is None:
            return
        if secret is None:
            await self._gone(live)
        elif earlier and live.kind != Kind.test:
            await self._wait(live, secret)
        else:
            await self._attempt(live)

    async def _gone(self, live: Run) -> None:
        async with self.tools.database.write("rotation", announced=False) as tx:
            await run.end(tx, live, State.cancelled)

    async def _wait(self, live: Run, secret: Secret) -> None:
        """A rotation away from a compromised value does not wait: what is still in its overlap ends at once."""
        async with self.tools.database.write("rotation", announced=False) as tx:
            await run.change(tx, live, next_at=tx.at + OVERLAP_SECONDS)
            if live.kind == Kind.emergency:
                for one in await overlap.open_of(tx.connection, secret.id):
                    await overlap.change(tx, one, deadline=min(one.deadline, tx.at), terminate=True, next_at=tx.at)

    async def _attempt(self, live: Run) -> None:
        try:
            await Attempt(self.tools, live).perform()
        except Fenced:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the attempt has failed, and only its kind is told
            await self._failed(live, kind_of(error))
            return
        if live.kind == Kind.test:
            await self._tested(live)
        meters.ROTATIONS.count("succeeded")

    async def _tested(self, live: Run) -> None:
        async with self.tools.database.write("rotation") as tx:
            now = await run.load(tx.connection, live.id)
            if now is not None and now.ended_at is None:
                await events.of_run(tx, "Succeeded", now, told=self.rotation.told)
                await self._end_test(tx, now, State.done)

    async def _failed(self, live: Run, error: str) -> None:
        """The run as it stands now: it may have ended meanwhile by another's hand, and then nothing has failed."""
        self.tools.forget()
        async with self.tools.database.write("rotation", announced=False) as tx:
            now = await run.load(tx.connection, live.id)
            if now is None or now.ended_at is not None:
                return
            await events.of_run(tx, "Failed", now, error=error, told=self.rotation.told)
            if now.kind == Kind.test:
                await self._end_test(tx, now, State.failed, error)
            else:
                await self._later(tx, now, error)
        meters.ROTATIONS.count("failed")
        log.warning("rotation failed", secret=now.secret_arn, step=now.step, error=error, attempt=now.attempt + 1)

    async def _later(self, tx: Transaction, now: Run, error: str) -> None:
        attempt = now.attempt + 1
        next_at = tx.at + run.pause(attempt)
        columns: dict[str, Any] = {"state": State.waiting, "session": None, "error": error}
        if attempt < run.ATTEMPTS and next_at < now.window_closes_at:
            columns |= {"attempt": attempt, "next_at": next_at}
        elif now.window + 1 < run.WINDOWS:
            opens_at, closes_at = await self._next_window(tx, now)
            columns |= {"attempt": 0, "window": now.window + 1, "next_at": opens_at, "window_closes_at": closes_at}
        else:
            log.error("rotation is stuck", secret=now.secret_arn, error=error)
            await events.of_run(tx, "Stuck", now, told=self.rotation.told)
            columns |= {"state": State.stuck, "next_at": None}
        await run.change(tx, now, **columns)

    async def _next_window(self, tx: Transaction, now: Run) -> tuple[float, float]:
        """When this secret's turn is in it, and when it closes."""
        secret = await records.load(tx.connection, now.secret_id)
        rules = planning.read(secret.rotation.rules) if secret is not None else None
        after = max(now.window_closes_at, tx.at)
        if rules is None:
            return after, after + run.UNSCHEDULED
        known = await planning.planned(tx.connection, now.secret_id)
        since = known.since if known is not None else now.started_at
        window = rules.window(last=now.started_at, since=since, now=after)
        return max(after, window.moment(now.secret_arn)), window.closes

    async def _end_test(self, tx: Transaction, now: Run, state: State, error: str | None = None) -> None:
        secret = await records.load(tx.connection, now.secret_id)
        if secret is not None:
            await forget(tx, secret, now.token)
        await run.end(tx, now, state, error)


def kind_of(error: Exception) -> str:
    """What is told of an error: AWS's code, the function's type of it, or ours. Never its text."""
    if isinstance(error, ApiRefused):
        return error.code
    if isinstance(error, FunctionFailed):
        return error.kind
    return type(error).__name__
