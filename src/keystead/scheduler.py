"""Everything that falls due: rotations, deletions, expiries, and the index of the trail."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from keystead.metrics import meters

log = structlog.get_logger("keystead.scheduler")

LONGEST_PAUSE: Final = 5.0
"""Seconds between attempts at a job that fails, unless its own pace is slower: what was away may be back at any moment."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do again and again. `run` may be ended at any moment and be run again: each is one transaction.

    every  seconds between the end of one run and the start of the next
    """

    name: str
    every: float
    run: Callable[[], Awaitable[object]]


async def follow(jobs: Sequence[Job], stop: asyncio.Event) -> None:
    """Run every job at its own pace until `stop`. A job that fails is tried again, ever later; it never ends the others."""
    await asyncio.gather(*(repeat(job, stop) for job in jobs))


async def repeat(job: Job, stop: asyncio.Event) -> None:
    failures = 0
    while not stop.is_set():
        failures = failures + 1 if await failed(job, failures) else 0
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause(job.every, failures))


async def failed(job: Job, before: int) -> bool:
    """Run it once. The first, second, fourth, eighth … failure in a row is logged, and that it works again."""
    try:
        await job.run()
    except Exception as error:  # noqa: BLE001  # the outermost door of this process: logged, and tried again
        meters.JOB_FAILURES.count(job.name)
        if before & (before + 1) == 0:
            log.error("job failed", job=job.name, error=type(error).__name__, in_a_row=before + 1)
        return True
    meters.JOB_DONE_AT.set(time.time(), job.name)
    if before:
        log.info("job works again", job=job.name, failures=before)
    return False


def pause(every: float, failures: int) -> float:
    """Seconds until the next run, after so many failures in a row."""
    return max(every, min(every * 2.0 ** min(failures, 32), LONGEST_PAUSE))
