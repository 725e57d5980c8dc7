"""A page of one's own for a test, and a node whose log and numbers are kept."""

import socket
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from installation import Node, install
from keystead.metrics import meters
from keystead.metrics.exposition import exposed


def samples(text: str) -> dict[tuple[Any, ...], float]:
    """What Prometheus' own parser reads: {(name, label=value, …): number}."""
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@dataclass
class Told:
    """The numbers of a process called `test`."""

    folder: Path

    def now(self) -> dict[tuple[Any, ...], float]:
        return samples(exposed(self.folder, "")[1].decode())


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    folder = tmp_path / "pages"
    folder.mkdir()
    assert meters.attach(folder / "test")
    yield Told(folder)
    for meter in meters.METERS.values():
        meter.attach(meters.SCRATCH)


@dataclass
class Watched:
    """A node, and what it lets an operator see."""

    node: Node
    log: Path
    scrapers: str

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.scrapers}/metrics", timeout=5) as page:
            return page.read().decode()

    def samples(self) -> dict[tuple[Any, ...], float]:
        return samples(self.metrics())


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    data, log, port = tmp_path / "data", tmp_path / "log", free_port()
    node = Node(data, install(data))
    with log.open("wb") as written:
        node.log = written.fileno()
        node.start("--workers", "1", "--metrics-port", str(port))
        yield Watched(node, log, f"http://127.0.0.1:{port}")
        node.stop()
