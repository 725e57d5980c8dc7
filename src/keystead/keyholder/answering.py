"""From the bytes of a request to the bytes of its answer: who may ask, which method does it, which status it ends with."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import astuple

from keystead.keyholder.errors import KeyholderError, RequestRefused
from keystead.keyholder.protocol import (
    FRAME_LIMIT,
    HEAD,
    HEAD_LENGTH,
    NUMBER_LENGTH,
    OK,
    OPERATIONS,
    STATUSES,
    Malformed,
    Request,
    decode,
    encode,
)
from keystead.keyholder.software import Software

REFUSED: Final = bytes([STATUSES[RequestRefused]])
SUCCEEDED: Final = bytes([OK])
TURN_LIMIT: Final = 64 * 1024
"""Bytes of answers made at once. A request of 13 bytes may have an answer of 1 KB: who does not read, is not answered."""


class Turn(NamedTuple):
    """answers  to write; rest  of what was received; more  there may be whole frames in it"""

    answers: bytes
    rest: bytes
    more: bool


class Answering:
    """The side of one role. Holds no state of a connection."""

    def __init__(self, software: Software, role: str) -> None:
        self._methods: dict[type[Request], Callable[..., Any]] = {
            asked: getattr(software, operation.method)
            for asked, operation in OPERATIONS.items()
            if role in operation.roles
        }

    def turn(self, received: bytes) -> Turn:
        """Answer whole frames, up to TURN_LIMIT. Raises Malformed, also for a frame that has only begun."""
        answers: list[bytes] = []
        rest = size = 0
        for number, body, end in whole_frames(received):
            rest = end
            answer = self.answer(body)
            answers += (HEAD.pack(len(answer) + NUMBER_LENGTH, number), answer)
            size += len(answer)
            if size >= TURN_LIMIT:
                break
        return Turn(b"".join(answers), received[rest:], size >= TURN_LIMIT)

    def answer(self, body: memoryview) -> bytes:
        """Status and result. Raises Malformed."""
        try:
            asked = decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Malformed from None
        method = self._methods.get(type(asked))
        if method is None:
            return REFUSED
        try:
            return SUCCEEDED + encode(method(*astuple(asked)))
        except KeyholderError as error:
            return bytes([STATUSES[type(error)]])


def whole_frames(received: bytes) -> Iterator[tuple[int, memoryview, int]]:
    """(number, body, where the next frame begins). Raises Malformed for a length out of range."""
    view = memoryview(received)
    place = 0
    while len(received) - place >= HEAD_LENGTH:
        length, number = HEAD.unpack_from(received, place)
        if not NUMBER_LENGTH < length <= FRAME_LIMIT:
            raise Malformed
        end = place + HEAD_LENGTH - NUMBER_LENGTH + length
        if end > len(received):
            return
        yield number, view[place + HEAD_LENGTH : end], end
        place = end
