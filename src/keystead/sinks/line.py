"""One sink's way through the log: each record in order, again until it has been taken.

A sink that is required passes nothing over. Another one that falls behind by more than its queue passes over the oldest, and that is
put on the record. The queue is the log: a sink that is down costs no memory, and delays nobody but itself.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from keystead.metrics import meters
from keystead.sinks import standing
from keystead.sinks.configuration import Settings
from keystead.sinks.promise import Sink, SinkFailed
from keystead.sinks.standing import Standing
from keystead.trail.segments import Reader, Record

BATCH: Final = 500
BATCH_BYTES: Final = 1024 * 1024
SAVE_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.05
"""How long nothing new is waited for, where nobody tells."""
PAUSES: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds before it is tried again; the last one for ever."""
TEXT_LIMIT: Final = 200


class Tell(Protocol):
    """Puts something on the record, when that can be done."""

    def __call__(self, name: str, details: Mapping[str, object]) -> None: ...


class Line:
    """`moved` is called whenever it has come further, or has become ill or well."""

    def __init__(
        self, name: str, settings: Settings, sink: Sink, folder: Path, tell: Tell, moved: Callable[[], None]
    ) -> None:
        self.name = name
        self.required = settings.required
        self.ill_since = 0.0
        self._settings = settings
        self._sink = sink
        self._folder = folder
        self._tell = tell
        self._moved = moved
        self._error = ""
        self._passed_over = 0
        self._failures = 0
        self._wake = asyncio.Event()
        self._reader = Reader(folder)
        self._saved, self._saved_at = -1, 0.0
        known = standing.position(folder, name)
        self.position = self._reader.durable() if known is None else known
        if known is None:
            tell("SinkAdded", {"sink": name, "required": settings.required, "first": self.position})
        self._save()

    def wake(self) -> None:
        """There may be more."""
        self._wake.set()

    def standing(self) -> Standing:
        return Standing(self.required, self.position, self._passed_over, self.ill_since, self._error)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, and then until nothing is left; whoever does not want to wait for that cancels it. Raises LogDamaged."""
        try:
            while True:
                self._pass_over()
                if records := self._next():
                    await self._deliver(records)
                elif stop.is_set():
                    return
                else:
                    await self._wait(LOOK_SECONDS)
        finally:
            self._save()
            self._reader.close()
            await self._sink.close()

    def _next(self) -> Sequence[Record]:
        records = self._reader.after(self.position - 1, BATCH)
        size = 0
        for number, record in enumerate(records):
            size += len(record.event)
            if size > BATCH_BYTES and number:
                return records[:number]
        return records

    async def _deliver(self, records: Sequence[Record]) -> None:
        try:
            async with asyncio.timeout(self._settings.timeout):
                await self._sink.deliver(records)
        except SinkFailed as failed:
            await self._failed(failed.text)
        except TimeoutError:
            await self._failed(f"no answer in {self._settings.timeout} seconds")
        else:
            self._succeeded(records[-1].index + 1)

    async def _failed(self, text: str) -> None:
        meters.SINK_FAILURES.count(self.name)
        self._failures += 1
        self._error = text[:TEXT_LIMIT]
        if not self.ill_since:
            self.ill_since = time.time()
            self._tell("SinkFailed", {"sink": self.name, "reason": self._error})
        self._moved()
        await asyncio.sleep(PAUSES[min(self._failures, len(PAUSES)) - 1])

    def _succeeded(self, position: int) -> None:
        self.position = position
        if self.ill_since:
            self._tell("SinkRecovered", {"sink": self.name, "seconds": round(time.time() - self.ill_since, 3)})
        self._failures, self.ill_since, self._error = 0, 0.0, ""
        if time.monotonic() - self._saved_at >= SAVE_SECONDS:
            self._save()
        self._moved()

    def _pass_over(self) -> None:
        behind = self._reader.durable() - self.position
        meters.SINK_LAG.set(behind, self.name)
        if self.required or behind <= self._settings.queue:
            return
        first, self.position = self.position, self.position + behind - self._settings.queue
        self._passed_over += self.position - first
        self._tell("SinkPassedOver", {"sink": self.name, "first": first, "last": self.position - 1})
        self._save()

    def _save(self) -> None:
        if self._saved != self.position:
            standing.save_position(self._folder, self.name, self.position)
        self._saved, self._saved_at = self.position, time.monotonic()

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return
        self._wake.clear()
