"""A log that records are put into, and sinks that follow it in the test's own process."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from keystead.sinks import standing
from keystead.sinks.line import Line
from keystead.trail.client import LocalRecorder
from keystead.trail.event import internal_event
from keystead.trail.segments import Record


@pytest.fixture
def records() -> Callable[..., list[Record]]:
    """Records as the log gives them."""

    def made(count: int, first: int = 0) -> list[Record]:
        return [Record(number, 1_750_000_000.5 + number, event(number)) for number in range(first, first + count)]

    return made


def event(number: int) -> bytes:
    details = {"number": number, "text": "é\n"}
    return internal_event("Tested", account="111122223333", region="eu-west-1", at=1_750_000_000.0, details=details)


class Stage:
    """A log, and what has been told of its sinks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recorder = LocalRecorder(folder)
        (folder / standing.FOLDER).mkdir(exist_ok=True)
        self.told: list[tuple[str, Any]] = []

    async def record(self, count: int) -> None:
        await asyncio.gather(*(self.recorder.record(event(number)) for number in range(count)))

    def line(self, settings: Any, sink: Any, name: str = "a-sink") -> Line:
        return Line(
            name, settings, sink, self.folder, lambda what, details: self.told.append((what, details)), lambda: None
        )

    @asynccontextmanager
    async def running(self, line: Line) -> Any:
        """While the block runs; afterwards until nothing is left."""
        stop = asyncio.Event()
        task = asyncio.create_task(line.run(stop))
        try:
            yield
            stop.set()
            await asyncio.wait_for(task, 20)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def events(self) -> list[str]:
        return [name for name, _ in self.told]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path / "trail")
    yield made
    asyncio.run(made.recorder.close())


def numbers(lines: Any) -> list[int]:
    """Of the events that the tests make, in the order in which they came."""
    return [json.loads(line)["serviceEventDetails"]["number"] for line in lines]


async def until(holds: Callable[[], Any], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110  # what is waited for happens elsewhere
            await asyncio.sleep(0.01)
