"""One Keystead for the tests of KMS with boto3, and clients of two of its Regions."""

from collections.abc import Iterator
from typing import Any

import pytest

from keystead.testing import Keystead, running


@pytest.fixture(scope="session")
def keystead() -> Iterator[Keystead]:
    with running() as made:
        yield made


@pytest.fixture(scope="session")
def kms(keystead: Keystead) -> Any:
    return keystead.client("kms")


@pytest.fixture(scope="session")
def elsewhere(keystead: Keystead) -> Any:
    """A client of another Region."""
    return keystead.client("kms", region_name="eu-west-1")
