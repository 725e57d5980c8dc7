"""Jobs at their own pace: one that fails is tried again, ever later, says so now and then, and holds up nobody."""

import asyncio

import pytest
import structlog

from keystead.scheduler import LONGEST_PAUSE, Job, failed, follow, pause


def run(job: Job, times: int) -> list[dict]:
    """What is logged when it runs so often in a row."""

    async def again() -> None:
        before = 0
        for _ in range(times):
            before = before + 1 if await failed(job, before) else 0

    with structlog.testing.capture_logs() as said:
        asyncio.run(again())
    return said


def failing(times: int):
    """Fails so often, then works."""
    left = [times]

    async def attempt() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise LookupError

    return attempt


def test_a_job_that_fails_a_thousand_times_says_so_ten_times():
    said = run(Job("test", 0.1, failing(1000)), 1000)

    assert [line["in_a_row"] for line in said] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert {line["error"] for line in said} == {"LookupError"}


def test_a_job_that_works_again_says_so_once():
    said = run(Job("test", 0.1, failing(3)), 6)

    assert [line["event"] for line in said] == ["job failed", "job failed", "job works again"]
    assert said[-1]["failures"] == 3


@pytest.mark.parametrize(
    ("every", "failures", "seconds"),
    [
        (0.1, 0, 0.1),
        (0.1, 1, 0.2),
        (0.1, 3, 0.8),
        (0.1, 9, LONGEST_PAUSE),
        (0.1, 10**6, LONGEST_PAUSE),
        (60.0, 9, 60.0),
    ],
)
def test_failures_make_the_pause_grow_to_a_bound(every, failures, seconds):
    assert pause(every, failures) == seconds


def test_one_that_fails_does_not_hold_up_the_others():
    done = []
    stop = asyncio.Event()

    async def good() -> None:
        done.append(1)
        if len(done) == 5:
            stop.set()

    asyncio.run(asyncio.wait_for(follow([Job("bad", 0.001, failing(10**9)), Job("good", 0.001, good)], stop), 20))

    assert len(done) == 5
