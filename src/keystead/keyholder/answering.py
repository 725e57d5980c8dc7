"""From the bytes of a request to the bytes of its answer: who may ask, which method does it, which status it ends with."""

from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import astuple

from keystead.keyholder.errors import KeyholderBusy, KeyholderError, RequestRefused
from keystead.keyholder.protocol import FRAME_LIMIT, HEAD, HEAD_LENGTH, NUMBER_LENGTH, OK, STATUSES, Malformed, encode
from keystead.keyholder.reach import HsmNeeded, Steps
from keystead.keyholder.requests import OPERATIONS, Request, decode
from keystead.keyholder.software import Software

REFUSED: Final = bytes([STATUSES[RequestRefused]])
REFUSED_BUSY: Final = bytes([STATUSES[KeyholderBusy]])
SUCCEEDED: Final = bytes([OK])
TURN_LIMIT: Final = 64 * 1024
"""Bytes of answers made at once. A request of 13 bytes may have an answer of 1 KB: who does not read, is not answered."""


class InSteps(NamedTuple):
    """A request that needs a hardware security module: the steps whose result its answer is made of."""

    number: int
    steps: Steps[Any]


class Errand(NamedTuple):
    """A request that needs a private key which is slow to make.

    number    of the request
    generate  makes the key, on any thread
    finish    the answer, given the key; on the thread that answers
    """

    number: int
    generate: Callable[[], bytes]
    finish: Callable[[bytes], bytes | InSteps]


class Turn(NamedTuple):
    """answers  to write; rest  of what was received; more  there may be whole frames in it; errands, stepping  to be done"""

    answers: bytes
    rest: bytes
    more: bool
    errands: tuple[Errand, ...] = ()
    stepping: tuple[InSteps, ...] = ()


class Answering:
    """The side of one role. Holds no state of a connection."""

    def __init__(self, software: Software, role: str) -> None:
        self._software = software
        self._methods: dict[type[Request], Callable[..., Any]] = {
            asked: getattr(software, operation.method)
            for asked, operation in OPERATIONS.items()
            if role in operation.roles
        }

    def turn(self, received: bytes) -> Turn:
        """Answer whole frames, up to TURN_LIMIT. Raises Malformed, also for a frame that has only begun."""
        answers: list[bytes] = []
        errands: list[Errand] = []
        stepping: list[InSteps] = []
        rest = size = 0
        for number, body, end in whole_frames(received):
            rest = end
            answer = self.answer(number, body)
            if isinstance(answer, Errand):
                errands.append(answer)
                continue
            if isinstance(answer, InSteps):
                stepping.append(answer)
                continue
            answers += framed(number, answer)
            size += len(answer)
            if size >= TURN_LIMIT:
                break
        return Turn(b"".join(answers), received[rest:], size >= TURN_LIMIT, tuple(errands), tuple(stepping))

    def answer(self, number: int, body: memoryview) -> bytes | Errand | InSteps:
        """Status and result, or what has to be done first. Raises Malformed."""
        try:
            asked = decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Malformed from None
        method = self._methods.get(type(asked))
        if method is None:
            return REFUSED
        if asked.generates is not None and self._software.is_slow(asked.generates):
            generate = partial(self._software.generate, asked.generates)
            return Errand(number, generate, partial(self._finished, number, method, astuple(asked)))
        return self._carried_out(number, method, *astuple(asked))

    def _finished(
        self, number: int, method: Callable[..., Any], fields: tuple[Any, ...], made: bytes
    ) -> bytes | InSteps:
        return self._carried_out(number, method, *fields, made)

    def _carried_out(self, number: int, method: Callable[..., Any], *fields: Any) -> bytes | InSteps:
        """Status and result, or the steps to it."""
        try:
            result = method(*fields)
        except KeyholderError as error:
            return refused(error)
        except HsmNeeded:
            return InSteps(number, self._software.reach.steps(method, *fields))
        return InSteps(number, result) if isinstance(result, Generator) else SUCCEEDED + encode(result)


def stepped(result: Any) -> bytes:
    """Status and result of steps: what they returned, or the KeyholderError that they raised."""
    return refused(result) if isinstance(result, KeyholderError) else SUCCEEDED + encode(result)


def refused(error: KeyholderError) -> bytes:
    return bytes([STATUSES[type(error)]])


def framed(number: int, answer: bytes) -> tuple[bytes, bytes]:
    return HEAD.pack(len(answer) + NUMBER_LENGTH, number), answer


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
