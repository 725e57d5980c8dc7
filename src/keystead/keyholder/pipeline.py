"""The connection to the keyholder. When it goes, everything in flight fails with KeyholderLost.

A keyholder that is silent is asked for a random byte, so that one that is only making a key is not taken for gone.
"""

import asyncio
from typing import Final

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
)
from keystead.keyholder.requests import Random
from keystead.metrics import meters
from keystead.pipelined import Pipelined

PROBE_NUMBER: Final = 0
"""Of no other request. Whoever may not ask gets a refusal, which is as good."""
PROBE_BODY: Final = encode(Random(1))


class Pipeline(Pipelined):
    PROBE = HEAD.pack(len(PROBE_BODY) + NUMBER_LENGTH, PROBE_NUMBER) + PROBE_BODY

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._number = 0

    def owed(self) -> int:
        return len(self._waiting)

    def ask(self, body: bytes) -> asyncio.Future[bytes]:
        """The msgpack of the result, or the error of keyholder.errors that it ended with. Raises RequestRefused."""
        if self._transport is None:
            raise KeyholderLost
        if len(body) + NUMBER_LENGTH > FRAME_LIMIT:
            raise RequestRefused
        self._number = number = self._number % (NUMBER_LIMIT - 1) + 1
        answer = self._waiting[number] = self._loop.create_future()
        self._send(HEAD.pack(len(body) + NUMBER_LENGTH, number) + body)
        return answer

    # asyncio.Protocol

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

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for answer in self._waiting.values():
            if not answer.done():
                meters.KEYHOLDER_REFUSED.count(KeyholderLost.__name__)
                answer.set_exception(KeyholderLost())
        self._waiting.clear()


async def connected(path: str) -> Pipeline:
    """Raises OSError, or KeyholderLost when another user's process listens there."""
    transport, made = await asyncio.get_running_loop().create_unix_connection(Pipeline, path)
    if transport.is_closing():
        raise KeyholderLost
    return made
