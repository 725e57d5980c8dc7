"""What goes between a log and a witness (C2SP tlog-witness 1.0.0, add-checkpoint); used by both ends.

request   old SIZE LF | BASE64(hash) LF … | LF | signed checkpoint          at most 63 hashes, RFC 6962 2.1.2
200       signature lines of the witness
409       size of the tree it cosigned last LF          text/x.tlog.size; without it: another root of the same size
400 not a request · 403 not signed by the log · 404 another log · 422 the proof does not lead from that tree to this one
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final, NamedTuple

from keystead.trail.checkpoints import SIZE_LIMIT
from keystead.trail.merkle import HASH_LENGTH
from keystead.trail.proofs import LIMIT

PATH: Final = "add-checkpoint"
SIZE_TYPE: Final = "text/x.tlog.size"
REQUEST_LIMIT: Final = 256 * 1024
"""Bytes: 63 hashes and a note with 64 signatures of ML-DSA-44."""


class RequestInvalid(ValueError):
    """Not a request."""


class Submission(NamedTuple):
    """`old` is the size of the tree that the witness is thought to have cosigned last."""

    old: int
    proof: Sequence[bytes]
    note: bytes

    def encode(self) -> bytes:
        lines = (f"{b64encode(hash_).decode()}\n" for hash_ in self.proof)
        return f"old {self.old}\n{''.join(lines)}\n".encode() + self.note


def parse(body: bytes) -> Submission:
    """Raises RequestInvalid."""
    head, empty, note = body.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise RequestInvalid from None
    word, space, size = first.partition(" ")
    if not empty or word != "old" or not space or len(lines) > LIMIT:
        raise RequestInvalid
    return Submission(parse_size(size), [_hash(line) for line in lines], note)


def parse_size(text: str) -> int:
    """Raises RequestInvalid for anything but a size in its only spelling."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(SIZE_LIMIT)) or str(int(text)) != text:
        raise RequestInvalid
    if int(text) >= SIZE_LIMIT:
        raise RequestInvalid
    return int(text)


def _hash(line: str) -> bytes:
    try:
        decoded = b64decode(line, validate=True)
    except binascii.Error:
        raise RequestInvalid from None
    if len(decoded) != HASH_LENGTH or b64encode(decoded).decode() != line:
        raise RequestInvalid
    return decoded
