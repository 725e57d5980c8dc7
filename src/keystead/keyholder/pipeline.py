"""One connection to the keyholder: many requests in flight, and one write for all that are asked in a turn of the loop.

When the connection goes, everything in flight fails with KeyholderLost, since nobody knows what became of it. A keyholder
that is there and says nothing for SILENCE_SECONDS counts as gone; it is asked for a random byte, so that one that is only
making a key is not taken for silent.
"""

import asyncio
from typing import Final, cast

from keystead.keyholder.errors import KeyholderLost, RequestRefused
from keystead.keyholder.protocol import (
    ERRORS,
    FRAME_LIMIT,
    HEAD,
    HEAD_LENGTH,
    NUMBER_LENGTH,
    NUMBER_LIMIT,
    OK,
    encode,
    is_own_user,
)
from keystead.keyholder.requests import Random
from keystead.metrics import meters

SILENCE_SECONDS: Final = 5.0
PROBE_NUMBER: Final = 0
"""Of no other request. Whoever may not ask gets a refusal, which is as good."""
PROBE_BODY: Final = encode(Random(1))
PROBE: Final = HEAD.pack(len(PROBE_BODY) + NUMBER_LENGTH, PROBE_NUMBER) + PROBE_BODY


class Pipeline(asyncio.Protocol):
    """`lost` is resolved when the connection is gone."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._number = 0
        self._outbox: list[bytes] = []
        self._inbox = b""
        self._heard = False
        self._watch: asyncio.TimerHandle | None = None

    def ask(self, body: bytes) -> asyncio.Future[bytes]:
        """The msgpack of the result, or the error of keyholder.errors that it ended with. Raises RequestRefused."""
        if self._transport is None:
            raise KeyholderLost
        if len(body) + NUMBER_LENGTH > FRAME_LIMIT:
            raise RequestRefused
        self._number = number = self._number % (NUMBER_LIMIT - 1) + 1
        answer = self._waiting[number] = self._loop.create_future()
        if not self._outbox:
            self._loop.call_soon(self._flush)
        self._outbox.append(HEAD.pack(len(body) + NUMBER_LENGTH, number) + body)
        return answer

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
        if self._transport is not None:
            self._transport.write(PROBE)
        self._watch = self._loop.call_later(SILENCE_SECONDS, self._listen_for_silence)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # what a stream protocol is given

    def data_received(self, data: bytes) -> None:
        self._heard = True
        received = self._inbox + data if self._inbox else data
        place, waiting, size = 0, self._waiting, len(received)
        while size - place >= HEAD_LENGTH:
            length, number = HEAD.unpack_from(received, place)
            if length <= NUMBER_LENGTH:  # no status: this is no keyholder
                self.close()
                return
            end = place + HEAD_LENGTH - NUMBER_LENGTH + length
            if end > size:
                break
            status = received[place + HEAD_LENGTH]
            answer = waiting.pop(number, None)
            if answer is None or answer.done():
                pass  # whoever asked has given up
            elif status == OK:
                answer.set_result(received[place + HEAD_LENGTH + 1 : end])
            else:
                error = ERRORS.get(status, KeyholderLost)
                meters.KEYHOLDER_REFUSED.count(error.__name__)
                answer.set_exception(error())
            place = end
        self._inbox = received[place:]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        self._transport = None
        if self._watch is not None:
            self._watch.cancel()
        if not self.lost.done():
            self.lost.set_result(
                None
            )  # before the answers, so that whoever tries again at once finds no dead connection
        for answer in self._waiting.values():
            if not answer.done():
                meters.KEYHOLDER_REFUSED.count(KeyholderLost.__name__)
                answer.set_exception(KeyholderLost())
        self._waiting.clear()


async def connected(path: str) -> Pipeline:
    """Raises OSError, or KeyholderLost when another user's process listens there."""
    transport, made = await asyncio.get_running_loop().create_unix_connection(Pipeline, path)
    if not is_own_user(transport.get_extra_info("socket")):
        transport.abort()
        raise KeyholderLost
    return made
