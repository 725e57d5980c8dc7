"""What goes over the recorder's socket. Strict: what does not parse closes the connection.

    greeting  count 0 (4) | size of the log (8)                      once, when the recorder is ready    integers big-endian
    request   length (4) | number (4) | event (length)               number: 1, 2, … on each connection
    answer    count (4) | index (8)                                  the next `count` requests are durable, from `index` on

Requests are answered in their order. There is no answer that says no: a recorder that cannot record goes away.
"""

import struct
from collections.abc import Iterator
from typing import Final

from keystead.trail.records import EVENT_LIMIT

HEAD: Final = struct.Struct(">II")
ANSWER: Final = struct.Struct(">IQ")


class Malformed(Exception):
    """The other side does not speak this protocol: close the connection."""


def request(number: int, event: bytes) -> bytes:
    return HEAD.pack(len(event), number) + event


def requests(received: bytes) -> Iterator[tuple[int, bytes, int]]:
    """(number, event, where the next request begins) of every whole request. Raises Malformed."""
    place, size = 0, len(received)
    while size - place >= HEAD.size:
        length, number = HEAD.unpack_from(received, place)
        if not 0 < length <= EVENT_LIMIT:
            raise Malformed
        end = place + HEAD.size + length
        if end > size:
            return
        yield number, received[place + HEAD.size : end], end
        place = end


def answers(received: bytes) -> Iterator[tuple[int, int, int]]:
    """(count, index, where the next answer begins) of every whole answer."""
    for place in range(0, len(received) - ANSWER.size + 1, ANSWER.size):
        count, index = ANSWER.unpack_from(received, place)
        yield count, index, place + ANSWER.size
