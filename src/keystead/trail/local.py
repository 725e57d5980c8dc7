"""The recorder's promise kept inside the calling process: for tests and `keystead.testing`, where nothing is separated."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from keystead.trail import log
from keystead.trail.errors import LogBroken, RecorderLost, RecordRefused
from keystead.trail.log import Log, Sign
from keystead.trail.own_events import describing
from keystead.trail.promise import Receipt
from keystead.trail.records import EVENT_LIMIT

Waiting = tuple[bytes, "asyncio.Future[Receipt]"]


class LocalRecorder:
    """Recorder over the log itself. Makes an empty log where there is none. Without `sign` there are no checkpoints.

    Raises LogInUse, LogDamaged; LogBroken when the disk fails.
    """

    def __init__(self, folder: Path, sign: Sign | None = None) -> None:
        with suppress(FileExistsError):
            log.create(folder)
        self._log = Log(folder, describing(folder.parent))
        self._sign = sign
        self._thread = ThreadPoolExecutor(1, "recorder")
        self._waiting: list[Waiting] = []
        self._number = 0
        self._writing: asyncio.Task[None] | None = None
        self.healthy = True

    async def ready(self) -> None:
        if not self.healthy:
            raise RecorderLost

    async def record(self, event: bytes) -> Receipt:
        if not 0 < len(event) <= EVENT_LIMIT:
            raise RecordRefused
        await self.ready()
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, receipt))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await receipt

    async def record_all(self, events: Sequence[bytes]) -> None:
        await asyncio.gather(*(self.record(event) for event in events))

    async def close(self) -> None:
        """What has been asked is still recorded."""
        if self._writing is not None:
            await self._writing
        if self.healthy and self._sign is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._log.checkpoint, self._sign)
        self.healthy = False
        self._thread.shutdown()
        self._log.close()

    async def _write(self) -> None:
        """Everything that came while the last group was written is the next group."""
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                first = await asyncio.get_running_loop().run_in_executor(self._thread, self._append, group)
            except LogBroken:
                self._fail(group)
                return
            for index, (_, receipt) in enumerate(group, first):
                if not receipt.done():
                    receipt.set_result(Receipt(index))

    def _append(self, group: list[Waiting]) -> int:
        arrivals = [(os.getpid(), number, event) for number, (event, _) in enumerate(group, self._number + 1)]
        self._number += len(group)
        return self._log.append(arrivals)

    def _fail(self, group: list[Waiting]) -> None:
        self.healthy = False
        for _, receipt in (*group, *self._waiting):
            if not receipt.done():
                receipt.set_exception(RecorderLost())
        self._waiting.clear()
