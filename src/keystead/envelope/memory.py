"""Whole messages in memory: one buffer in, one buffer out, no copy between; several threads where there is much to do."""

from dataclasses import dataclass
from typing import Final

from keystead.envelope import frames
from keystead.envelope import header as headers
from keystead.envelope.errors import LimitExceeded, Malformed, Truncated
from keystead.envelope.frames import FRAME_OVERHEAD, LAST_MARK, LAST_OVERHEAD, Buffer, Layout
from keystead.envelope.header import Header
from keystead.envelope.limits import Limits
from keystead.envelope.opening import Reading
from keystead.envelope.sealing import Writing
from keystead.envelope.signing import FOOTER_MAX, Digest, signature_of, verify
from keystead.envelope.turns import Turns, share

TURN_BYTES: Final = 2 * 1024 * 1024
"""What a thread takes at a time: with less they meet too often, with more a helper comes too late (measured)."""


def seal(writing: Writing, data: memoryview, out: memoryview, threads: int) -> int:
    """Steps 5 and 6 of writing; the length of the message. `out` has at least `sealed_size` bytes."""
    start, length = len(writing.header), writing.frame_length
    layout = frames.layout_to_write(start, length, len(data))
    out[:start] = writing.header

    def work(turns: Turns) -> None:
        for first, count in turns:
            into = out[layout.frame_at(first) : layout.frame_at(first + count)]
            from_ = data[first * length : (first + count) * length]
            frames.seal_full(writing.cipher, writing.message_id, length, first + 1, from_, into)

    def last() -> None:
        into = out[layout.frame_at(layout.full) : layout.end]
        frames.seal_last(writing.cipher, writing.message_id, layout.full + 1, data[layout.full * length :], into)

    share(work, last, layout, _turn(length), threads)
    if writing.signing_key is None:
        return layout.end
    digest = Digest.of(writing.suite)
    digest.update(out[: layout.end])
    footer = writing.signing_key.footer(digest)
    out[layout.end : layout.end + len(footer)] = footer
    return layout.end + len(footer)


def _turn(frame_length: int) -> int:
    return max(1, TURN_BYTES // frame_length)


def sealed_size(writing: Writing, size: int) -> int:
    """The most that a message of `size` bytes of plaintext takes; exactly that, where it is not signed."""
    end = frames.layout_to_write(len(writing.header), writing.frame_length, size).end
    return end + (FOOTER_MAX if writing.signing_key is not None else 0)


@dataclass(frozen=True, slots=True)
class Shape:
    """What can be said of a whole message by its header and its length.

    size    of the plaintext
    body    where header and body end, and the signature begins
    layout  None for a message in one piece
    """

    size: int
    body: int
    layout: Layout | None


def shape_of(header: Header, message: memoryview, limits: Limits) -> Shape:
    """Raises Truncated, Malformed, LimitExceeded. Nothing is authentic yet."""
    if not header.framed:
        size = frames.piece_size(message[header.length :], limits)
        end = header.length + frames.PIECE_OVERHEAD + size
        return Shape(size, _checked_end(header, end, len(message)), None)
    if not header.suite.signed:
        layout = frames.layout_of(header, len(message))
        return Shape(layout.size, layout.end, layout)
    layout = frames.layout_of(header, _end_of_signed(header, message))
    return Shape(layout.size, _checked_end(header, layout.end, len(message)), layout)


def _checked_end(header: Header, end: int, length: int) -> int:
    if length < end:
        raise Truncated("body")
    if length > end and not header.suite.signed:
        raise Malformed("Bytes follow the message.")
    return end


def _end_of_signed(header: Header, message: memoryview) -> int:
    """A signature's length varies: walk to the frame that says it is the last."""
    at = header.length
    while bytes(message[at : at + 4]) != LAST_MARK:
        at += header.frame_length + FRAME_OVERHEAD
        if at + LAST_OVERHEAD > len(message):
            raise Truncated("frames")
    last = int.from_bytes(message[at + 20 : at + 24])
    if last > header.frame_length:
        raise Malformed("The last frame is longer than a frame.")
    return at + LAST_OVERHEAD + last


def open_into(reading: Reading, shape: Shape, message: memoryview, out: memoryview, threads: int) -> None:
    """Steps 6 and 7 of reading. `out` has exactly `shape.size` bytes.

    Raises Malformed, NotAuthentic; `out` is then zeros, all of it.
    """
    try:
        _open_body(reading, shape, message, out, threads)
        if reading.verification_key is not None:
            digest = Digest.of(reading.header.suite)
            digest.update(message[: shape.body])
            verify(reading.verification_key, digest, signature_of(message[shape.body :]))
    except BaseException:
        frames.clear(out)
        raise


def _open_body(reading: Reading, shape: Shape, message: memoryview, out: memoryview, threads: int) -> None:
    header, cipher, layout = reading.header, reading.cipher, shape.layout
    if layout is None:
        frames.open_piece(cipher, header.message_id, message[header.length : shape.body], out)
        return
    length = header.frame_length

    def work(turns: Turns) -> None:
        for first, count in turns:
            sealed = message[layout.frame_at(first) : layout.frame_at(first + count)]
            into = out[first * length : (first + count) * length]
            frames.open_full(cipher, header.message_id, length, first + 1, sealed, into)

    def last() -> None:
        sealed = message[layout.frame_at(layout.full) : layout.end]
        frames.open_last(cipher, header.message_id, layout.full + 1, sealed, out[layout.full * length :])

    share(work, last, layout, _turn(length), threads)


def parsed(message: memoryview, limits: Limits) -> tuple[Header, Shape]:
    """Step 1 of reading, over all of a message. Raises Malformed, LimitExceeded."""
    header = headers.parse(message, limits)
    return header, shape_of(header, message, limits)


def exact(buffer: Buffer, size: int) -> memoryview:
    """The first `size` bytes of a buffer that the caller gave. Raises LimitExceeded."""
    view = memoryview(buffer).cast("B")
    if len(view) < size:
        raise LimitExceeded(f"The buffer has {len(view)} bytes; {size} are needed.")
    return view[:size]
