"""Databases for the contract: one entry per engine, each a function from the request to the URL of an empty database."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from keystead.database.engine import Database

ENGINES: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite": lambda request: f"sqlite:///{request.getfixturevalue('tmp_path') / 'keystead.db'}",
    "postgresql": lambda request: request.getfixturevalue("postgresql_url"),
}


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run tests that are coroutines."""
    if not inspect.iscoroutinefunction(pyfuncitem.function):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


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
