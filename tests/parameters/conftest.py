"""Parameters in the world of tests/world.py."""

from pathlib import Path

import pytest

from world import World, run_coroutine_test


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    return run_coroutine_test(pyfuncitem)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
