"""The health page: which part is ill, since when, and what asking costs."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from keystead.database.errors import DatabaseLost
from keystead.health import Health
from keystead.keyholder.errors import KeyholderLost
from world import World

PARTS = ("keyholder", "recorder", "database", "feed")


class Keyholder:
    """Answers, fails or hangs, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.lost = False

    async def random(self, length: int) -> bytes:
        self.asked += 1
        if self.lost:
            raise KeyholderLost
        return bytes(length)


class Recorder:
    healthy = True


class Feed:
    touch = True

    def in_touch(self) -> bool:
        return self.touch


class Lost:
    """A database that is out of reach."""

    async def ping(self) -> None:
        raise DatabaseLost("test")

    def read(self) -> Any:
        raise DatabaseLost("test")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def health(world: World, tmp_path: Path) -> Health:
    stand_ins: Any = (Keyholder(), Recorder())
    feed: Any = Feed()
    return Health(*stand_ins, world.database, feed, tmp_path / "trail", "0" * 16, world.clock)


async def page(health: Health) -> tuple[int, dict[str, Any]]:
    """Asked anew."""
    health._until = 0.0
    status, told = await health.page()
    return status, json.loads(told)


def make_ill(health: Any, part: str) -> None:
    match part:
        case "keyholder":
            health.keyholder.lost = True
        case "recorder":
            health.recorder.healthy = False
        case "feed":
            health.feed.touch = False


async def test_all_is_well(world, health):
    async with world:
        status, told = await page(health)

    assert status == 200
    assert {name: told[name] for name in ("status", *PARTS)} == dict.fromkeys(("status", *PARTS), "ok")
    assert told["details"]["ill_since"] == {}


@pytest.mark.parametrize("ill", ["keyholder", "recorder", "feed"])
async def test_the_part_that_is_ill_is_named_and_no_other(world, health, ill):
    make_ill(health, ill)

    async with world:
        status, told = await page(health)

    assert status == 503
    assert [name for name in PARTS if told[name] == "ill"] == [ill]
    assert list(told["details"]["ill_since"]) == [ill]


async def test_it_says_since_when_until_it_is_well_again(world, health):
    world.now = 1_750_000_000.0
    make_ill(health, "keyholder")
    async with world:
        await page(health)
        world.now += 60
        _, later = await page(health)
        health.keyholder.lost = False
        _, well = await page(health)

    assert later["details"]["ill_since"] == {"keyholder": "2025-06-15T15:06:40.000Z"}
    assert well["details"]["ill_since"] == {}


async def test_many_who_ask_at_once_cost_one_question(world, health):
    async with world:
        pages = await asyncio.gather(*(health.page() for _ in range(50)))

    assert health.keyholder.asked == 1
    assert len(set(pages)) == 1


async def test_what_cannot_be_known_does_not_hide_the_rest(health):
    health.database = Lost()

    status, told = await page(health)

    assert status == 503
    assert {name: told[name] for name in PARTS} == {**dict.fromkeys(PARTS, "ok"), "database": "ill"}
    assert told["details"]["index"] == {"lag_records": None}
