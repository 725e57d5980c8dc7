"""Messages of any size through a few buffers of fixed size.

Every frame is verified before it is written. That the message is whole is known only at its end: a caller who streams MUST
DISCARD what was written when an error is raised. A signed message says who wrote it only at its end, too, so opening one in
a stream must be asked for.
"""

from typing import Final

from keystead.envelope import frames
from keystead.envelope.errors import LimitExceeded, Malformed, PolicyRefused, Truncated
from keystead.envelope.frames import FRAME_OVERHEAD, LAST_MARK, LAST_OVERHEAD
from keystead.envelope.header import Header
from keystead.envelope.limits import FRAMES_MAX, Limits
from keystead.envelope.opening import Reading
from keystead.envelope.sealing import Writing
from keystead.envelope.signing import FOOTER_MAX, Digest, signature_of, verify
from keystead.envelope.source import Source, Writable

BATCH_BYTES: Final = 1024 * 1024
"""Frames are sealed and opened in batches of about this size, or one by one where they are larger."""


def batch(frame_length: int) -> int:
    """Frames to a batch."""
    return max(1, BATCH_BYTES // frame_length)


def seal(writing: Writing, source: Source, sink: Writable) -> int:
    """Steps 5 and 6 of writing; the bytes of plaintext. Memory: two batches."""
    digest = Digest.of(writing.suite) if writing.signing_key is not None else None
    length = writing.frame_length
    plain = memoryview(bytearray(batch(length) * length + 1))  # one byte ahead tells whether a frame is the last
    sealed = memoryview(bytearray(batch(length) * (length + FRAME_OVERHEAD)))
    _write(sink, writing.header, digest)
    sequence, ahead, size = 1, 0, 0
    while True:
        have = ahead + source.fill(plain[ahead:])
        if have < len(plain):
            break
        frames.seal_full(writing.cipher, writing.message_id, length, sequence, plain[:-1], sealed)
        _write(sink, sealed, digest)
        sequence += batch(length)
        size += have - 1
        if sequence > FRAMES_MAX:
            raise LimitExceeded(f"More than {FRAMES_MAX} frames of {length} bytes.")
        plain[0] = plain[-1]
        ahead = 1
    size += have
    _seal_rest(writing, plain[:have], sequence, sink, digest)
    frames.clear(plain)
    if writing.signing_key is not None and digest is not None:
        sink.write(writing.signing_key.footer(digest))
    return size


def _seal_rest(writing: Writing, data: memoryview, sequence: int, sink: Writable, digest: Digest | None) -> None:
    layout = frames.layout_to_write(0, writing.frame_length, len(data))
    if sequence + layout.full > FRAMES_MAX:
        raise LimitExceeded(f"More than {FRAMES_MAX} frames of {writing.frame_length} bytes.")
    out = memoryview(bytearray(layout.end))
    at = layout.full * writing.frame_length
    end = layout.frame_at(layout.full)
    frames.seal_full(writing.cipher, writing.message_id, writing.frame_length, sequence, data[:at], out[:end])
    frames.seal_last(writing.cipher, writing.message_id, sequence + layout.full, data[at:], out[end:])
    _write(sink, out, digest)


def _write(sink: Writable, data: bytes | memoryview, digest: Digest | None) -> None:
    if digest is not None:
        digest.update(data)
    written = sink.write(data)
    while written is not None and written < len(data):  # unbuffered streams may take less
        data = data[written:]
        written = sink.write(data)


def check_streamable(header: Header, *, before_signature: bool) -> None:
    """Raises PolicyRefused for a signed message, unless its reader takes the plaintext before the signature is known."""
    if header.suite.signed and not before_signature:
        raise PolicyRefused(
            "A signed message is not opened in a stream: its signature is at its end. Open it as a whole, or to a file."
        )


def open_(reading: Reading, source: Source, sink: Writable, limits: Limits) -> int:
    """Steps 6 and 7 of reading; the bytes of plaintext. Memory: two batches, or the whole of a message in one piece.

    Raises Truncated, Malformed, NotAuthentic, LimitExceeded. The last frame of a signed message is held back until the
    signature has been verified.
    """
    digest = Digest.of(reading.header.suite) if reading.verification_key is not None else None
    if digest is not None:
        digest.update(reading.header.body)
        digest.update((reading.header.iv if reading.header.suite.version == 1 else b"") + reading.header.tag)
    if reading.header.framed:
        size, last = _open_frames(reading, source, sink, digest)
    else:
        size, last = 0, _open_piece(reading, source, limits, digest)
    try:
        footer = source.rest(FOOTER_MAX) if digest is not None else source.rest(0)
    except LimitExceeded:
        raise Malformed("Bytes follow the message.") from None
    if digest is not None and reading.verification_key is not None:
        verify(reading.verification_key, digest, signature_of(footer))
    _write(sink, last, None)
    size += len(last)
    frames.clear(last)
    return size


def _open_piece(reading: Reading, source: Source, limits: Limits, digest: Digest | None) -> memoryview:
    opening = source.exactly(20, "body")
    size = frames.piece_size(memoryview(opening), limits)
    piece = memoryview(opening + source.exactly(size + 16, "body"))
    if digest is not None:
        digest.update(piece)
    out = memoryview(bytearray(size))
    frames.open_piece(reading.cipher, reading.header.message_id, piece, out)
    return out


def _open_frames(reading: Reading, source: Source, sink: Writable, digest: Digest | None) -> tuple[int, memoryview]:
    """All frames but the last to the sink; how many bytes that was, and the last one's plaintext."""
    length, step = reading.header.frame_length, reading.header.frame_length + FRAME_OVERHEAD
    room = batch(length) * step
    sealed = memoryview(bytearray(room + LAST_OVERHEAD + FOOTER_MAX))
    plain = memoryview(bytearray(batch(length) * length))
    sequence, have, size = 1, 0, 0
    while True:
        have += source.fill(sealed[have : max(room, have)])
        whole = _full_frames(sealed[:have], step)
        if whole == 0:
            break
        taken = whole * step
        out = plain[: whole * length]
        frames.open_full(reading.cipher, reading.header.message_id, length, sequence, sealed[:taken], out)
        if digest is not None:
            digest.update(sealed[:taken])
        _write(sink, out, None)
        size += len(out)
        sequence += whole
        if sequence > FRAMES_MAX:
            raise Malformed("The message has more frames than there are numbers.")
        left = bytes(sealed[taken:have])
        sealed[: len(left)] = left
        have = len(left)
    frames.clear(plain)
    return size, _open_last(reading, source, sealed, have, sequence, digest)


def _full_frames(sealed: memoryview, step: int) -> int:
    """How many full frames the buffer begins with, before one that says it is the last."""
    for whole, at in enumerate(range(0, len(sealed) - step + 1, step)):
        if bytes(sealed[at : at + 4]) == LAST_MARK:
            return whole
    return max(0, len(sealed) // step)


def _open_last(
    reading: Reading, source: Source, sealed: memoryview, have: int, sequence: int, digest: Digest | None
) -> memoryview:
    have += source.fill(sealed[have:24]) if have < 24 else 0
    if have < 24:
        raise Truncated("last frame")
    if bytes(sealed[:4]) != LAST_MARK:
        raise Truncated("frames")
    size = int.from_bytes(sealed[20:24])
    if size > reading.header.frame_length:
        raise Malformed("The last frame is longer than a frame.")
    end = size + LAST_OVERHEAD
    if have < end:
        have += source.fill(sealed[have:end])
        if have < end:
            raise Truncated("last frame")
    frame = sealed[:end]
    out = memoryview(bytearray(size))
    frames.open_last(reading.cipher, reading.header.message_id, sequence, frame, out)
    if digest is not None:
        digest.update(frame)
    source.give_back(bytes(sealed[end:have]))
    return out
