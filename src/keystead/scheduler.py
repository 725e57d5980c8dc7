"""Everything that falls due: rotations, deletions, expiries, and the index of the trail."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from keystead.metrics import meters

log = structlog.get_logger("keystead.scheduler")


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do again and again. `run` may be ended at any moment and be run again: each is one transaction.

    every  seconds between the end of one run and the start of the next
    """

    name: str
    every: float
    run: Callable[[], Awaitable[object]]


async def follow(jobs: Sequence[Job], stop: asyncio.Event) -> None:
    """Run every job at its own pace until `stop`. A job that fails is tried again; it never ends the others."""
    await asyncio.gather(*(repeat(job, stop) for job in jobs))


async def repeat(job: Job, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await job.run()
            meters.JOB_DONE_AT.set(time.time(), job.name)
        except Exception as error:  # noqa: BLE001  # the outermost door of this process: logged, and tried again
            meters.JOB_FAILURES.count(job.name)
            log.error("job failed", job=job.name, error=type(error).__name__)
        try:
            await asyncio.wait_for(stop.wait(), job.every)
        except TimeoutError:
            continue
