"""The header of a message: all that is known of it without a key.

    version 1   01 | 80 | suite (2) | message id (16) | context | wrapped keys | content | 00000000 | 0C | frame length (4)
                iv (12) | tag (16)
    version 2   02 | suite (2) | message id (32) | context | wrapped keys | content | frame length (4) | commitment (32)
                tag (16)

    context       length (2) | serialized context
    wrapped keys  count (2), each: length (2) | provider | length (2) | provider's info | length (2) | ciphertext
    content       01 in one piece, frame length 0 | 02 framed                                     integers big-endian

The tag is AES-GCM's over no plaintext with everything before the authentication as associated data, and with it those pairs
of the context that are authenticated but not stored. Source: AWS Encryption SDK, message format.
"""

import struct
from dataclasses import dataclass
from typing import Final

from keystead.envelope import context as contexts
from keystead.envelope.errors import LimitExceeded, Malformed, Truncated
from keystead.envelope.limits import LIMITS, Limits
from keystead.envelope.suites import COMMITMENT_LENGTH, IV_LENGTH, TAG_LENGTH, Suite, suite_of

FRAMED: Final = 2
UNFRAMED: Final = 1
HEADER_IV: Final = bytes(IV_LENGTH)
BASE64_OPENINGS: Final = (b"AgR4", b"AgV4", b"AYAA", b"AYAB", b"AYAC", b"AYAD")
"""How messages begin in base64: 02 0478, 02 0578, and 01 80 with the first suites."""
_TWO: Final = struct.Struct(">H")
_FOUR: Final = struct.Struct(">L")


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """The data key as one keyring sealed it, and whose it is."""

    provider: str
    info: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """A header that has been parsed; nothing of it is authenticated yet.

    body          the bytes that the tag covers
    frame_length  0 for a message in one piece
    length        of body and authentication, in bytes
    """

    suite: Suite
    message_id: bytes
    context: dict[str, str]
    wrapped_keys: tuple[WrappedKey, ...]
    frame_length: int
    commitment: bytes
    body: bytes
    iv: bytes
    tag: bytes

    @property
    def framed(self) -> bool:
        return self.frame_length > 0

    @property
    def length(self) -> int:
        return len(self.body) + TAG_LENGTH + (IV_LENGTH if self.suite.version == 1 else 0)


def body_of(
    suite: Suite,
    message_id: bytes,
    context: bytes,
    wrapped_keys: tuple[WrappedKey, ...],
    frame_length: int,
    commitment: bytes,
) -> bytes:
    """The header body of version 2, the only one that is written."""
    parts = [b"\x02", _TWO.pack(suite.id), message_id, _TWO.pack(len(context)), context, _TWO.pack(len(wrapped_keys))]
    for key in wrapped_keys:
        provider = key.provider.encode()
        parts += (_TWO.pack(len(provider)), provider, _TWO.pack(len(key.info)), key.info)
        parts += (_TWO.pack(len(key.ciphertext)), key.ciphertext)
    parts += (b"\x02", _FOUR.pack(frame_length), commitment)
    return b"".join(parts)


def parse(data: bytes | bytearray | memoryview, limits: Limits = LIMITS) -> Header:
    """The header at the beginning of `data`. Raises Truncated where more is needed, Malformed, LimitExceeded."""
    cursor = _Cursor(memoryview(data), limits.header)
    version = cursor.take(1, "header")[0]
    if version not in {1, 2}:
        raise Malformed(_no_message(bytes(data[:4])))
    if version == 1 and cursor.take(1, "header")[0] != 0x80:
        raise Malformed("The message is of a type that does not exist.")
    suite = suite_of(cursor.two(), version)
    message_id = cursor.take(suite.message_id_length, "header")
    context = contexts.parse(cursor.field(), limits)
    wrapped_keys = _wrapped_keys(cursor, limits)
    framed = _framed(cursor.take(1, "header")[0])
    if version == 1:
        _check_reserved(cursor)
    frame_length = _frame_length(cursor, framed=framed, limits=limits)
    commitment = cursor.take(COMMITMENT_LENGTH, "header") if version == 2 else b""
    body = bytes(cursor.data[: cursor.at])
    iv = cursor.take(IV_LENGTH, "header") if version == 1 else HEADER_IV
    tag = cursor.take(TAG_LENGTH, "header")
    return Header(suite, message_id, context, wrapped_keys, frame_length, commitment, body, iv, tag)


class _Cursor:
    """Reads onwards within what is there and what is allowed."""

    __slots__ = ("at", "data", "limit")

    def __init__(self, data: memoryview, limit: int) -> None:
        self.data = data
        self.at = 0
        self.limit = limit

    def take(self, count: int, where: str) -> bytes:
        end = self.at + count
        if end > self.limit:
            raise LimitExceeded(f"The header is longer than the limit of {self.limit} bytes.")
        if end > len(self.data):
            raise Truncated(where)
        taken = bytes(self.data[self.at : end])
        self.at = end
        return taken

    def two(self) -> int:
        number: int = _TWO.unpack(self.take(2, "header"))[0]
        return number

    def field(self) -> bytes:
        return self.take(self.two(), "header")


def _wrapped_keys(cursor: _Cursor, limits: Limits) -> tuple[WrappedKey, ...]:
    count = cursor.two()
    if count == 0:
        raise Malformed("The message carries no data key.")
    if count > limits.wrapped_keys:
        raise LimitExceeded(f"The message carries {count} wrapped data keys; the limit is {limits.wrapped_keys}.")
    return tuple(WrappedKey(_provider(cursor.field()), cursor.field(), cursor.field()) for _ in range(count))


def _provider(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Malformed("The name of a key's provider is not UTF-8.") from None


def _framed(content: int) -> bool:
    if content not in {FRAMED, UNFRAMED}:
        raise Malformed("The message's content is of a type that does not exist.")
    return content == FRAMED


def _check_reserved(cursor: _Cursor) -> None:
    if cursor.take(4, "header") != bytes(4):
        raise Malformed("Reserved bytes of the header are not zero.")
    if cursor.take(1, "header")[0] != IV_LENGTH:
        raise Malformed("The header names an IV length other than 12.")


def _frame_length(cursor: _Cursor, *, framed: bool, limits: Limits) -> int:
    length: int = _FOUR.unpack(cursor.take(4, "header"))[0]
    if framed == (length == 0):
        raise Malformed("The frame length does not agree with the type of content.")
    if length > limits.frame:
        raise LimitExceeded(f"Frames of {length} bytes; the limit is {limits.frame}.")
    return length


def _no_message(opening: bytes) -> str:
    if opening.startswith(BASE64_OPENINGS):
        return "This is a message in base64; decode it first."
    return "This is not a message: it begins with neither version 1 nor version 2."
