"""Nodes to break, over either engine, and how much of it: a short form always, the full one when KEYSTEAD_SOAK is set."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from installation import Node, install

SOAK = bool(os.environ.get("KEYSTEAD_SOAK"))


@pytest.fixture
def much() -> Callable[[int, int], int]:
    """The first number in the short form, the second in the full one."""
    return lambda short, full: full if SOAK else short


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Its URL; none for the file in the node's folder."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def new_node(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Makes nodes that are not started yet. What they log lies in a file, since they are meant to complain."""
    made: list[Node] = []

    def make(database: str = "", data: Path | None = None, **settings: str) -> Node:
        data = data or tmp_path / f"data{len(made)}"
        log = os.open(tmp_path / f"log{len(made)}", os.O_WRONLY | os.O_CREAT, 0o600)
        named = {"KEYSTEAD_DATABASE": database, **settings}
        made.append(Node(data, install(data, database=database), settings=named, log=log))
        return made[-1]

    yield make
    for node in made:
        if node.process is not None:
            node.stop()
        if node.log is not None:
            os.close(node.log)


@pytest.fixture
def node(new_node: Callable[..., Node]) -> Any:
    return new_node().start()
