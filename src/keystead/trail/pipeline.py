"""One connection to the recorder: many records in flight, and one write for all that come in a turn of the loop.

When the connection goes, everything in flight fails with RecorderLost, since nobody knows what became of it. A recorder
that is there and says nothing for SILENCE_SECONDS counts as gone: its disk hangs.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Final, cast

from keystead.keyholder.protocol import is_own_user
from keystead.trail import protocol
from keystead.trail.errors import RecorderLost
from keystead.trail.promise import Receipt

SILENCE_SECONDS: Final = 5.0


class Pipeline(asyncio.Protocol):
    """`greeted` is resolved with True when the recorder is ready, `lost` when the connection is gone."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[bool] = self._loop.create_future()
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[asyncio.Future[Receipt]] = deque()
        self._number = 0
        self._outbox: list[bytes] = []
        self._inbox = b""
        self._heard = False
        self._watch: asyncio.TimerHandle | None = None
        self._tell: Callable[[], None] = lambda: None

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
        self._waiting.append(receipt)
        self._number += 1
        if not self._outbox:
            self._loop.call_soon(self._flush)
        self._outbox.append(protocol.request(self._number, event))
        return receipt

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        if self._transport is None:
            return
        self._transport.write(b"".join(self._outbox))
        self._outbox.clear()
        if self._watch is None:
            self._heard = True
            self._listen_for_silence()

    def _listen_for_silence(self) -> None:
        self._watch = None
        if not self._waiting:
            return
        if not self._heard:
            self.close()
            return
        self._heard = False
        self._watch = self._loop.call_later(SILENCE_SECONDS, self._listen_for_silence)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # what a stream protocol is given
        if not is_own_user(cast(socket.socket, transport.get_extra_info("socket"))):
            self._transport.abort()

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

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        self._transport = None
        if self._watch is not None:
            self._watch.cancel()
        if not self.greeted.done():
            self.greeted.set_result(False)
        if not self.lost.done():
            self.lost.set_result(None)
        self._tell()
        for receipt in self._waiting:
            if not receipt.done():
                receipt.set_exception(RecorderLost())
        self._waiting.clear()

    def _greet(self) -> None:
        if not self.greeted.done():
            self.greeted.set_result(True)

    def _acknowledge(self, count: int, first: int) -> None:
        waiting = self._waiting
        for index in range(first, first + count):
            receipt = waiting.popleft()
            if not receipt.done():  # whoever asked has given up
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
