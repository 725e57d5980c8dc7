"""The body of a message: where each frame lies, and what its tag covers.

    frame        sequence (4) | iv (12) | ciphertext (frame length) | tag (16)                sequence 1, 2, 3, …
    last frame   FFFFFFFF | sequence (4) | iv (12) | length (4) | ciphertext | tag (16)        of 0 to frame length bytes
    in one piece iv (12) | length (8) | ciphertext | tag (16)                                  read, never written

    covered      message id | text for the kind of frame | sequence (4) | length (8)           integers big-endian

We write the sequence as IV, under a key of the message's own; others wrote random ones, so the stored IV is what is used.
After n full frames of F bytes and a last one of r, L bytes of message after H of header have L - H = n (F + 32) + r + 40,
r <= F: position and size of everything follow from the length. Source: AWS Encryption SDK, message format, body AAD.
"""

import struct
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.envelope.errors import LimitExceeded, Malformed, NotAuthentic, Truncated
from keystead.envelope.header import Header
from keystead.envelope.limits import FRAMES_MAX, Limits
from keystead.envelope.suites import IV_LENGTH, TAG_LENGTH

Buffer = bytes | bytearray | memoryview

FRAME: Final = b"AWSKMSEncryptionClient Frame"
LAST_FRAME: Final = b"AWSKMSEncryptionClient Final Frame"
ONE_PIECE: Final = b"AWSKMSEncryptionClient Single Block"
LAST_MARK: Final = b"\xff\xff\xff\xff"
FRAME_OVERHEAD: Final = 4 + IV_LENGTH + TAG_LENGTH
LAST_OVERHEAD: Final = 4 + 4 + IV_LENGTH + 4 + TAG_LENGTH
PIECE_OVERHEAD: Final = IV_LENGTH + 8 + TAG_LENGTH
_IV_PAD: Final = bytes(8)
_FOUR: Final = struct.Struct(">L")
_EIGHT: Final = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies in a framed message.

    start  of the first frame: the header's length
    full   number of full frames before the last one
    last   bytes of plaintext in the last frame
    """

    start: int
    frame_length: int
    full: int
    last: int

    @property
    def size(self) -> int:
        """Of the plaintext."""
        return self.full * self.frame_length + self.last

    @property
    def end(self) -> int:
        """Of the body: the length of a message without a signature."""
        return self.frame_at(self.full) + LAST_OVERHEAD + self.last

    def frame_at(self, index: int) -> int:
        """Where the frame with this index, counted from 0, begins."""
        return self.start + index * (self.frame_length + FRAME_OVERHEAD)


def layout_to_write(start: int, frame_length: int, size: int) -> Layout:
    """A last frame that is not empty, unless everything is. Raises LimitExceeded."""
    full = max(0, -(-size // frame_length) - 1)
    if full + 1 > FRAMES_MAX:
        raise LimitExceeded(f"{size} bytes need more than {FRAMES_MAX} frames of {frame_length} bytes.")
    return Layout(start, frame_length, full, size - full * frame_length)


def layout_of(header: Header, length: int) -> Layout:
    """Of a message that has this length without its signature. Raises Truncated, Malformed."""
    room = length - header.length - LAST_OVERHEAD
    if room < 0:
        raise Truncated("last frame")
    full, last = divmod(room, header.frame_length + FRAME_OVERHEAD)
    if last > header.frame_length:
        raise Malformed("The length of the message is not that of whole frames.")
    if full + 1 > FRAMES_MAX:
        raise Malformed("The message has more frames than there are numbers.")
    return Layout(header.length, header.frame_length, full, last)


def seal_full(
    cipher: AESGCM, message_id: bytes, frame_length: int, first: int, data: memoryview, out: memoryview
) -> None:
    """Full frames, as many as `data` holds, from sequence number `first` on. `out` has exactly their length."""
    covered = message_id + FRAME
    length = _EIGHT.pack(frame_length)
    step = frame_length + FRAME_OVERHEAD
    encrypt_into, pack = cipher.encrypt_into, _FOUR.pack
    at = 0
    for sequence, start in enumerate(range(0, len(data), frame_length), first):
        number = pack(sequence)
        iv = _IV_PAD + number
        out[at : at + 16] = number + iv
        encrypt_into(iv, data[start : start + frame_length], covered + number + length, out[at + 16 : at + step])
        at += step


def seal_last(cipher: AESGCM, message_id: bytes, sequence: int, data: Buffer, out: memoryview) -> None:
    """The last frame. `out` has exactly its length."""
    number = _FOUR.pack(sequence)
    iv = _IV_PAD + number
    out[:24] = LAST_MARK + number + iv + _FOUR.pack(len(data))
    cipher.encrypt_into(iv, data, message_id + LAST_FRAME + number + _EIGHT.pack(len(data)), out[24:])


def open_full(
    cipher: AESGCM, message_id: bytes, frame_length: int, first: int, frames: memoryview, out: memoryview
) -> None:
    """Full frames into `out`, which has exactly the length of their plaintext.

    Raises Malformed, NotAuthentic; `out` is then zeros, all of it.
    """
    covered = message_id + FRAME
    length = _EIGHT.pack(frame_length)
    step = frame_length + FRAME_OVERHEAD
    decrypt_into, pack = cipher.decrypt_into, _FOUR.pack
    start = 0
    try:
        for sequence, at in enumerate(range(0, len(frames), step), first):
            number = pack(sequence)
            if frames[at : at + 4] != number:
                raise Malformed("A frame is missing, repeated or out of order.")  # noqa: TRY301  # zeros, then out
            iv = frames[at + 4 : at + 16]
            sealed = frames[at + 16 : at + step]
            decrypt_into(iv, sealed, covered + number + length, out[start : start + frame_length])
            start += frame_length
    except Malformed:
        clear(out)
        raise
    except InvalidTag:  # decrypt_into leaves what it decrypted behind
        clear(out)
        raise NotAuthentic from None


def open_last(cipher: AESGCM, message_id: bytes, sequence: int, frame: memoryview, out: memoryview) -> None:
    """The last frame into `out`, which has exactly the length of its plaintext. Raises as open_full."""
    number = _FOUR.pack(sequence)
    length = len(frame) - LAST_OVERHEAD
    if bytes(frame[:4]) != LAST_MARK or frame[4:8] != number or frame[20:24] != _FOUR.pack(length):
        clear(out)
        raise Malformed("A frame is missing, repeated or out of order.")
    _open(cipher, frame[8:20], frame[24:], message_id + LAST_FRAME + number + _EIGHT.pack(length), out)


def piece_size(piece: memoryview, limits: Limits) -> int:
    """Bytes of plaintext of a body in one piece, by its own word. Raises Truncated, LimitExceeded."""
    if len(piece) < IV_LENGTH + 8:
        raise Truncated("body")
    size: int = _EIGHT.unpack_from(piece, IV_LENGTH)[0]
    if size > limits.unframed:
        raise LimitExceeded(f"A body of {size} bytes in one piece; the limit is {limits.unframed}.")
    return size


def open_piece(cipher: AESGCM, message_id: bytes, piece: memoryview, out: memoryview) -> None:
    """A body in one piece into `out`, which has exactly the length of its plaintext. Raises as open_full."""
    number = _FOUR.pack(1)
    covered = message_id + ONE_PIECE + number + piece[IV_LENGTH : IV_LENGTH + 8]
    _open(cipher, piece[:IV_LENGTH], piece[IV_LENGTH + 8 :], covered, out)


def _open(cipher: AESGCM, iv: memoryview, sealed: memoryview, covered: bytes, out: memoryview) -> None:
    try:
        cipher.decrypt_into(iv, sealed, covered, out)
    except InvalidTag:
        clear(out)
        raise NotAuthentic from None


def clear(buffer: memoryview) -> None:
    """Zeros over what must not be seen."""
    for at in range(0, len(buffer), len(_ZEROS)):
        buffer[at : at + len(_ZEROS)] = _ZEROS[: len(buffer) - at]


_ZEROS: Final = bytes(65536)
