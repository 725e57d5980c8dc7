"""One connection to another process of the house: much in flight, and one write for all that is asked in a turn of the loop.

A process that is there and says nothing for SILENCE_SECONDS, while it owes answers, counts as gone. When the connection
goes, what is in flight is lost, since nobody knows what became of it.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import Final, cast

from keystead.own_user import is_own_user

SILENCE_SECONDS: Final = 5.0


class Pipelined(asyncio.Protocol, ABC):
    """`lost` is resolved when the connection is gone. Another user's process is not spoken to.

    PROBE  what one that is silent is asked, that it may show that it lives
    """

    PROBE = b""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._outbox: list[bytes] = []
        self._inbox = b""
        self._heard = False
        self._watch: asyncio.TimerHandle | None = None

    @abstractmethod
    def owed(self) -> int:
        """Answers that are still to come."""

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _send(self, request: bytes) -> None:
        if not self._outbox:
            self._loop.call_soon(self._flush)
        self._outbox.append(request)

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
        if not self.owed():
            return
        if not self._heard:
            self.close()
            return
        self._heard = False
        if self.PROBE and self._transport is not None:
            self._transport.write(self.PROBE)
        self._watch = self._loop.call_later(SILENCE_SECONDS, self._listen_for_silence)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # what a stream protocol is given
        if not is_own_user(transport.get_extra_info("socket")):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """`lost` comes before the answers, so that whoever tries again at once finds no dead connection."""
        self._transport = None
        if self._watch is not None:
            self._watch.cancel()
        if not self.lost.done():
            self.lost.set_result(None)
