"""One house for the tests of this folder, and boto3 as its client."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from house import events, one_house, refused  # noqa: F401  # fixtures
from keystead.testing import Keystead


@pytest.fixture(scope="session")
def sm(house: Keystead) -> Any:
    return house.client("secretsmanager")


@pytest.fixture
def name() -> str:
    return f"app/{uuid.uuid4()}"


@pytest.fixture
def token() -> Callable[[], str]:
    return lambda: str(uuid.uuid4())


@pytest.fixture
def patient() -> Callable[[Callable[[], Any]], Any]:
    """What a question is answered as soon as it is answered at all: the trail is indexed ten times a second."""

    def ask(question: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 20
        while not (found := question()):
            assert time.monotonic() < deadline
            time.sleep(0.05)  # another thread works
        return found

    return ask
