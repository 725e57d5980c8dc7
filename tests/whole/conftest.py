"""One node for a file of tests, or new ones for tests that break them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from installation import Node, install


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One node with two workers for a whole file of tests."""
    data = tmp_path_factory.mktemp("node") / "data"
    served = Node(data, install(data)).start("--workers", "2")
    yield served
    served.stop()


@pytest.fixture
def new_node(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Nodes for tests that break them."""
    made: list[Node] = []

    def make(*options: str, init: tuple[str, ...] = ()) -> Node:
        data = tmp_path / f"data{len(made)}"
        served = Node(data, install(data, *init))
        made.append(served)
        return served.start(*options)

    yield make
    for served in made:
        if served.process is not None:
            served.stop()


@pytest.fixture
def kms(node: Node) -> Any:
    return node.client("kms")


@pytest.fixture
def key(kms: Any) -> dict[str, Any]:
    made: dict[str, Any] = kms.create_key()["KeyMetadata"]
    return made
