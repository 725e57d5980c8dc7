"""Secrets that rotate on real databases."""

import pytest

from servers import mariadb, redis_server  # noqa: F401  # fixtures
from world import run_coroutine_test


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    return run_coroutine_test(pyfuncitem)
