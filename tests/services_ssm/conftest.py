"""One house for the tests of this folder, and boto3 as its client."""

import uuid
from typing import Any

import pytest

from house import events, one_house, refused  # noqa: F401  # fixtures
from keystead.testing import Keystead


@pytest.fixture(scope="session")
def ssm(house: Keystead) -> Any:
    return house.client("ssm")


@pytest.fixture
def name() -> str:
    return f"/app/{uuid.uuid4()}"
