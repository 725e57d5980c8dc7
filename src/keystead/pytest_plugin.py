"""The pytest plugin: the fixture `keystead`, a fresh Keystead for each test that asks for it."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(name="keystead")
def keystead_fixture() -> Iterator[Any]:
    """A running Keystead of this test's own; see keystead.testing.

    The house is imported by the first test that asks: every pytest run of an environment loads this plugin.
    """
    from keystead.testing import running

    with running() as house:
        yield house
