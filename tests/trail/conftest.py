"""A log of its own for every test, and the keys that sign it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keystead.trail import log as logs
from keystead.trail.log import Log
from keystead.trail.signed_note import Signer

ORIGIN = "keystead.invalid/test"
SEEDS = (bytes(range(32)), bytes(range(32, 64)))


def describe(name: str, *, at: float, details: Any) -> bytes:
    return json.dumps({"eventName": name, "at": at, "details": details}).encode()


@pytest.fixture
def signer() -> Signer:
    return Signer(ORIGIN, SEEDS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty log."""
    made = tmp_path / "trail"
    logs.create(made)
    return made


OpenLog = Callable[..., Log]


@pytest.fixture
def open_log() -> Iterator[OpenLog]:
    """Opens a log as the recorder does; closed at the end of the test."""
    opened: list[Log] = []

    def open_(folder: Path, **options: Any) -> Log:
        opened.append(Log(folder, describe, **options))
        return opened[-1]

    yield open_
    for log in opened:
        log.close()


@pytest.fixture
def arrivals() -> Callable[..., list[tuple[int, int, bytes]]]:
    """Events e0, e1, … as they come from one sender."""

    def made(count: int, first: int = 0) -> list[tuple[int, int, bytes]]:
        return [(7, number + 1, b'{"n": %d}' % number) for number in range(first, first + count)]

    return made


@pytest.fixture(params=["postgresql", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'keystead.db'}"
    found: str = request.getfixturevalue("postgresql_url")
    return found
