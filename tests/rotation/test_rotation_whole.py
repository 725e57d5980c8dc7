"""Real nodes over one PostgreSQL rotate each secret once, whichever of them dies meanwhile."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from installation import Node, install, join
from postgresql import Databases
from rotated import Rotated, events, until
from targets import PostgreSQLTarget

pytestmark = [pytest.mark.whole, pytest.mark.slow]


@dataclass
class Served:
    """What rotated.Rotated needs of a Keystead."""

    node: Node

    @property
    def region(self) -> str:
        return self.node.facts["region"]

    @property
    def account(self) -> str:
        return self.node.facts["account_id"]

    def client(self, service: str, **named: Any) -> Any:
        return self.node.client(service, **named)


@pytest.fixture
def nodes(tmp_path: Path, postgresql_url: str) -> Iterator[list[Node]]:
    first = Node(tmp_path / "one", install(tmp_path / "one", database=postgresql_url))
    join(tmp_path / "two", first.data, postgresql_url)
    made = [first, Node(tmp_path / "two", first.facts)]
    try:
        yield [node.start("--database", postgresql_url) for node in made]
    finally:
        for node in made:
            node.stop()


def test_two_nodes_rotate_a_secret_once_though_rotators_die(nodes: list[Node], postgresql: Databases) -> None:
    target = PostgreSQLTarget(postgresql)
    secret = Rotated(Served(nodes[0]), target, "KeysteadPostgreSQLAlternatingUsersRotation", overlap="off")  # type: ignore[arg-type]  # as much of one as is used

    for node in nodes:
        version = secret.rotate()
        for number in node.processes()["rotator"]:
            os.kill(number, signal.SIGKILL)
        secret.rotated(version)
    until(lambda: len(events(secret, "RotationSucceeded")) == 2)
    until(lambda: not target.logs_in(secret.first) or secret.current().username == secret.first.username)

    assert target.logs_in(secret.current())
