"""Databases for the contract: one entry per engine, each a function from the request to the URL of an empty database."""

from collections.abc import Callable
from typing import Any

import pytest

from keystead.database.engine import Database

ENGINES: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite": lambda request: f"sqlite:///{request.getfixturevalue('tmp_path') / 'keystead.db'}",
    "postgresql": lambda request: request.getfixturevalue("postgresql_url"),
}


@pytest.fixture(params=sorted(ENGINES))
def url(request: pytest.FixtureRequest) -> str:
    return ENGINES[request.param](request)


class Opened:
    """`async with opened() as database`: migrated, and closed at the end."""

    def __init__(self, url: str, **named: Any) -> None:
        self.database = Database.open(url, **named)

    async def __aenter__(self) -> Database:
        await self.database.migrate()
        return self.database

    async def __aexit__(self, *_: object) -> None:
        await self.database.close()


@pytest.fixture
def opened(url: str) -> Callable[..., Opened]:
    def make(at: str | None = None, **named: Any) -> Opened:
        return Opened(at or url, **named)

    return make
