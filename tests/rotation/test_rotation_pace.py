"""The pace at which a node begins what is due: many at once are begun a few in a second, and who calls RotateSecret waits for none."""

import uuid
from pathlib import Path

import pytest
from sqlalchemy import func, select

from keystead.config import Settings
from keystead.node.refusals import refuse_unsafe
from keystead.processes import StartFailed
from keystead.rotation.pace import Pace
from keystead.rotation.run import State
from keystead.rotation.store import runs
from turns import FUNCTION, Turns
from world import World

DAY = 86_400


class Clock:
    """Seconds, as a test wants them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def begun(pace: Pace) -> int:
    """How many begin now; more than a hundred are not tried."""
    number = 0
    while number < 100 and pace.room():
        pace.spend()
        number += 1
    return number


def test_a_second_brings_as_many_as_the_rate_says_and_a_pause_no_more_than_that() -> None:
    clock = Clock()
    pace = Pace(4, clock)

    assert begun(pace) == 4
    assert begun(pace) == 0
    clock.now += 0.5
    assert begun(pace) == 2
    clock.now += 3600
    assert begun(pace) == 4


def test_less_than_one_in_a_second_is_one_now_and_then() -> None:
    clock = Clock()
    pace = Pace(0.25, clock)

    assert begun(pace) == 1
    clock.now += 3
    assert begun(pace) == 0
    clock.now += 1
    assert begun(pace) == 1


def test_without_a_rate_as_many_begin_as_there_are() -> None:
    assert begun(Pace()) == 100


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate: float, tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="KEYSTEAD_ROTATIONS_PER_SECOND"):
        refuse_unsafe(Settings(data=str(tmp_path), rotations_per_second=rate))


async def rotate(world: World, name: str) -> None:
    asked = {"client_request_token": str(uuid.uuid4()), "rotation_lambda_arn": FUNCTION}
    await world.sm("rotate_secret", secret_id=name, **asked, rotation_rules={"ScheduleExpression": "rate(30 days)"})


async def done(world: World) -> int:
    async with world.database.read() as connection:
        these = select(func.count()).select_from(runs).where(runs.c.state == State.done)
        return int((await connection.execute(these)).scalar_one())


async def test_what_is_due_is_begun_at_its_pace_and_what_is_asked_for_at_once(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        turns, clock = Turns(world), Clock()

        async def look() -> int:
            """How many rotations that did."""
            before = await done(world)
            for _ in range(2):  # the second look does what the first one opened
                await turns.dispatcher.look(world.now + 1)
                await turns.dispatcher.finish()
            return await done(world) - before

        try:
            names = [f"app{number}" for number in range(4)]
            for name in names:
                await world.sm("create_secret", name=name, secret_string="one")
                await rotate(world, name)
            assert await look() == len(names)

            world.now += 30.9 * DAY - world.now % DAY  # in the window of all, after the turn of each
            turns.dispatcher.pace = Pace(1, clock)
            await rotate(world, names[-1])

            assert await look() == 1 + 1  # what has been asked for is not counted
            assert await look() == 0
            await rotate(world, names[-1])
            assert await look() == 1
            clock.now += 1
            assert await look() == 1
            clock.now += 1
            assert await look() == 1
            clock.now += 1
            assert await look() == 0
        finally:
            turns.close()
