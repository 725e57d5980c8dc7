"""Secrets that rotate on real databases."""

from collections.abc import Iterator

import pytest

from keystead.testing import Keystead, running
from servers import mariadb, redis_server  # noqa: F401  # fixtures


@pytest.fixture(scope="session")
def keystead() -> Iterator[Keystead]:
    with running() as house:
        yield house
