"""Secrets that rotate on real databases."""

from collections.abc import Iterator

import pytest

from keystead.testing import Keystead, running
from servers import mariadb, redis_server  # noqa: F401  # fixtures
from world import run_coroutine_test


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    return run_coroutine_test(pyfuncitem)


@pytest.fixture(scope="session")
def keystead() -> Iterator[Keystead]:
    with running() as house:
        yield house
