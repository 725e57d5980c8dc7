"""The pytest plugin: the fixture `keystead`, a fresh Keystead for each test that asks for it."""

from collections.abc import Iterator

import pytest

from keystead.testing.house import Keystead, running


@pytest.fixture(name="keystead")
def keystead_fixture() -> Iterator[Keystead]:
    """A running Keystead of this test's own; see keystead.testing."""
    with running() as house:
        yield house
