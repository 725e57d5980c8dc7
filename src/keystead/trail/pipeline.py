"""The connection to the recorder. When it goes, everything in flight fails with RecorderLost.

A recorder that is silent counts as gone: its disk hangs.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from keystead.pipelined import Pipelined
from keystead.trail import protocol
from keystead.trail.errors import RecorderLost
from keystead.trail.promise import Receipt


class Pipeline(Pipelined):
    """`greeted` is resolved with True when the recorder is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.greeted: asyncio.Future[bool] = self._loop.create_future()
        self._waiting: deque[asyncio.Future[Receipt] | None] = deque()  # None: nobody asks for this receipt
        self._number = 0
        self._tell: Callable[[], None] = lambda: None

    def owed(self) -> int:
        return len(self._waiting)

    def when_lost(self, tell: Callable[[], None]) -> None:
        """Call it when the connection goes, before anything else can learn of that; at once if it has gone."""
        if self.lost.done():
            tell()
        else:
            self._tell = tell

    def record(self, event: bytes) -> "asyncio.Future[Receipt]":
        """Raises RecorderLost."""
        if self._transport is None:
            raise RecorderLost
        receipt: asyncio.Future[Receipt] = self._loop.create_future()
        self._ask(event, receipt)
        return receipt

    def record_all(self, first: Sequence[bytes], last: bytes) -> "asyncio.Future[Receipt]":
        """The receipt of the last, which comes when all are durable: they come in order. Raises RecorderLost."""
        if self._transport is None:
            raise RecorderLost
        for event in first:
            self._ask(event, None)
        return self.record(last)

    def _ask(self, event: bytes, receipt: "asyncio.Future[Receipt] | None") -> None:
        self._waiting.append(receipt)
        self._number += 1
        self._send(protocol.request(self._number, event))

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        self._heard = True
        received = self._inbox + data if self._inbox else data
        rest = 0
        for count, first, end in protocol.answers(received):
            rest = end
            if count == 0:
                self._greet()
            elif count > len(self._waiting):
                self.close()  # it acknowledges what was never asked
                return
            self._acknowledge(count, first)
        self._inbox = received[rest:]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.greeted.done():
            self.greeted.set_result(False)
        super().connection_lost(exc)
        self._tell()
        for receipt in self._waiting:
            if receipt is not None and not receipt.done():
                receipt.set_exception(RecorderLost())
        self._waiting.clear()

    def _greet(self) -> None:
        if not self.greeted.done():
            self.greeted.set_result(True)

    def _acknowledge(self, count: int, first: int) -> None:
        waiting = self._waiting
        for index in range(first, first + count):
            receipt = waiting.popleft()
            if receipt is not None and not receipt.done():  # done: whoever asked has given up
                receipt.set_result(Receipt(index))


async def greeted(path: str, seconds: float) -> Pipeline:
    """Raises OSError; RecorderLost when the recorder does not get ready in time, or is another user's process."""
    _, made = await asyncio.get_running_loop().create_unix_connection(Pipeline, path)
    try:
        if await asyncio.wait_for(asyncio.shield(made.greeted), seconds):
            return made
    except TimeoutError:
        pass
    finally:
        if not made.greeted.done():
            made.close()
            await made.lost
    raise RecorderLost
