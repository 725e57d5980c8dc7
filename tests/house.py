"""One house for the tests of a folder, what it refuses boto3, and what it has recorded."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keystead.testing import Keystead, running


@pytest.fixture(scope="session", name="house")
def one_house() -> Iterator[Keystead]:
    """Each test makes what it needs under names of its own."""
    with running() as made:
        yield made


@pytest.fixture(scope="session")
def refused() -> Callable[..., tuple[str, str | None]]:
    """The code and text of what is refused: refused(client.operation, Name=…); fails when it is not."""

    def told(operation: Any, **asked: Any) -> tuple[str, str | None]:
        with pytest.raises(ClientError) as raised:
            operation(**asked)
        error = raised.value.response["Error"]
        return error["Code"], error.get("Message")

    return told


@pytest.fixture
def events(house: Keystead) -> Callable[[], list[dict[str, Any]]]:
    """All records in the log so far, oldest first; each once, for the outbox may give one twice (trail.outbox)."""

    def read() -> list[dict[str, Any]]:
        from keystead.trail.segments import Reader

        reader = Reader(house.data / "trail")
        found: list[dict[str, Any]] = []
        while batch := reader.after(len(found) - 1, 1000):
            found += [json.loads(record.event) for record in batch]
        reader.close()
        return list({one["eventID"]: one for one in found}.values())

    return read
