"""A rotation that fails on and on: attempts, windows, and then a flag; never dropped, and never harmful."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from keystead.rotation import run
from keystead.rotation.run import State
from keystead.secrets.errors import RequestWrong
from keystead.trail.outbox import outbox
from turns import FUNCTION, Turns
from world import World


async def told(world: World) -> list[str]:
    """Names of the events about rotation that wait for the recorder."""
    async with world.database.read() as connection:
        rows = await connection.execute(select(outbox.c.event).order_by(outbox.c.seq))
        names = [str(json.loads(row.event)["eventName"]) for row in rows]
    return [name for name in names if name.startswith("Rotation")]


async def rotate(world: World) -> str:
    token = str(uuid.uuid4())
    asked = {"client_request_token": token, "rotation_lambda_arn": FUNCTION}
    await world.sm("rotate_secret", secret_id="app", **asked)
    return token


async def labels(world: World) -> dict[str, Any]:
    stages = (await world.sm("describe_secret", secret_id="app"))["VersionIdsToStages"]
    return {label: version for version, held in stages.items() for label in held}


async def test_after_so_many_attempts_a_run_is_flagged_and_goes_on_when_somebody_says_so(tmp_path: Path) -> None:
    async with World(tmp_path) as world:
        turns = Turns(world)
        try:
            first = (await world.sm("create_secret", name="app", secret_string="one"))["VersionId"]
            token = await rotate(world)
            attempts = run.ATTEMPTS * run.WINDOWS
            for _ in range(attempts):
                live = await turns.live()
                assert live is not None
                if live.state == State.stuck:
                    break
                await turns.turn("testSecret")

            stuck = await turns.live()
            assert stuck is not None
            assert (stuck.state, stuck.next_at, stuck.token) == (State.stuck, None, token)
            assert (await told(world))[-1] == "RotationStuck"
            assert await labels(world) == {"AWSCURRENT": first, "AWSPENDING": token}

            world.now += 365 * 86_400
            await turns.turn()
            assert await labels(world) == {"AWSCURRENT": first, "AWSPENDING": token}

            with pytest.raises(RequestWrong):  # it says that it will be tried again, and it is
                await rotate(world)
            await turns.turn()
            assert (await labels(world))["AWSCURRENT"] == token
            assert await turns.live() is None
            assert (await told(world))[-1] == "RotationSucceeded"
        finally:
            turns.close()
