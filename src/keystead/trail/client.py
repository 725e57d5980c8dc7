"""The recorder's promise, kept by the recorder process at the other end of a unix socket.

It connects again by itself. What is recorded meanwhile waits a little, for the supervisor brings a recorder back within a
moment; what was in flight fails at once and is not sent again, since it may be in the log already.
"""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Final, Self

from keystead.trail.errors import RecorderLost, RecordRefused
from keystead.trail.local import LocalRecorder
from keystead.trail.pipeline import Pipeline, greeted
from keystead.trail.promise import Receipt, Recorder
from keystead.trail.records import EVENT_LIMIT

__all__ = ["LocalRecorder", "Receipt", "Recorder", "RecorderLost", "SocketRecorder"]

START_SECONDS: Final = 20.0
"""How long `connect` waits for a recorder that reads its log."""
WAIT_SECONDS: Final = 3.0
"""How long a call or its record waits while there is no recorder: what was killed is back within three seconds."""
PAUSES: Final = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between attempts to connect; the last one for ever."""


class SocketRecorder:
    """Recorder over one pipelined connection. Belongs to the event loop it was connected in."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._pipeline: Pipeline | None = None
        self._ready = asyncio.Event()
        self._closed = False
        self._returning: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, path: Path) -> Self:
        """Raises RecorderLost when none gets ready in START_SECONDS."""
        made = cls(path)
        try:
            async with asyncio.timeout(START_SECONDS):
                await made._establish()
        except TimeoutError:
            raise RecorderLost from None
        return made

    @classmethod
    def begin(cls, path: Path) -> Self:
        """Without waiting for it: while there is none, records fail."""
        made = cls(path)
        made._returning = asyncio.get_running_loop().create_task(made._establish())
        return made

    @property
    def healthy(self) -> bool:
        return self._pipeline is not None

    async def ready(self) -> None:
        if self._pipeline is None:
            await self._wait()

    async def record(self, event: bytes) -> Receipt:
        if not 0 < len(event) <= EVENT_LIMIT:
            raise RecordRefused
        return await (self._pipeline or await self._wait()).record(event)

    async def record_all(self, events: Sequence[bytes]) -> None:
        """In one turn of the loop, and without a task or a future for each."""
        if not all(0 < len(event) <= EVENT_LIMIT for event in events):
            raise RecordRefused
        pipeline = self._pipeline or await self._wait()
        if events:
            *first, last = events
            await pipeline.record_all(first, last)

    async def close(self) -> None:
        self._closed = True
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.wait([self._returning])
        if self._pipeline is not None:
            self._pipeline.close()
            await self._pipeline.lost

    async def _wait(self) -> Pipeline:
        if not self._closed:
            try:
                await asyncio.wait_for(self._ready.wait(), WAIT_SECONDS)
            except TimeoutError:
                raise RecorderLost from None
        if self._pipeline is None:
            raise RecorderLost
        return self._pipeline

    async def _establish(self) -> None:
        """Until there is a recorder."""
        for pause in _pauses():
            try:
                pipeline = await greeted(self._path, START_SECONDS)
            except (OSError, RecorderLost):
                await asyncio.sleep(pause)
            else:
                break
        self._pipeline = pipeline
        self._ready.set()
        pipeline.when_lost(self._lost)

    def _lost(self) -> None:
        self._pipeline = None
        self._ready.clear()
        if not self._closed:
            self._returning = asyncio.get_running_loop().create_task(self._establish())


def _pauses() -> Iterator[float]:
    return chain(PAUSES, repeat(PAUSES[-1]))
