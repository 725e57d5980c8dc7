"""Sealed records.

    01 | key ref (16) | writer (4) | counter (8) | ciphertext | tag (16)                     45 bytes over the value

    nonce    writer | counter            integers big-endian
    covered  01 | key ref | pairs (2) | serialized context | row

The context is that of the table and column; `row` tells one record from another in them (a primary key), and is whatever
remains, so that no two places give the same bytes. A record moved to another place does not open.

Nonces never repeat: a writer number is given out once by the store for each data key, and counts up to its block. A process
that starts, or was forked, takes a new one. 4096 numbers of 2^20 records make the 2^32 that one data key may seal; then a new
data key takes over.
"""

import itertools
import os
import threading
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.envelope.context import NO_CONTEXT, Context, serialize
from keystead.envelope.errors import LimitExceeded, Malformed, NotAuthentic
from keystead.envelope.records.keys import REF_LENGTH, RecordKeys

VERSION: Final = b"\x01"
HEAD: Final = 1 + REF_LENGTH
OVERHEAD: Final = HEAD + 12 + 16
BLOCK: Final = 2**20
WRITERS: Final = 2**12
VALUE_MAX: Final = 2**20
"""Larger values are messages' business."""

_forks = itertools.count()
_generation = next(_forks)


def _forked() -> None:
    global _generation  # noqa: PLW0603  # one number for the process, read on every record
    _generation = next(_forks)


os.register_at_fork(after_in_child=_forked)


class _Block:
    """What is left of a writer number's counter."""

    __slots__ = ("cipher", "generation", "head", "next", "prefix")

    def __init__(self, cipher: AESGCM, ref: bytes, writer: int) -> None:
        self.cipher = cipher
        self.head = VERSION + ref
        self.prefix = writer.to_bytes(4)
        self.next = 0
        self.generation = _generation


class Records:
    """Seals and opens the records of one table and column. May be used by several threads.

    name     of the data key's purpose: one data key at a time for each
    context  bound into every record: table, column, tenant
    """

    def __init__(self, keys: RecordKeys, name: str, context: Context = NO_CONTEXT) -> None:
        self._keys = keys
        self._name = name
        self._bound = serialize(context) or b"\0\0"
        self._block: _Block | None = None
        self._lock = threading.Lock()

    def seal(self, value: bytes, row: bytes = b"") -> bytes:
        """Raises KeyUnavailable, LimitExceeded."""
        return self.seal_many((value,), (row,))[0]

    def open(self, record: bytes, row: bytes = b"") -> bytes:
        """Raises Malformed, NotAuthentic, KeyUnavailable."""
        return self.open_many((record,), (row,))[0]

    def seal_many(self, values: Sequence[bytes], rows: Sequence[bytes]) -> list[bytes]:
        """One record for each value; `rows` in the same order."""
        if len(values) != len(rows):
            raise ValueError("Every value has a row.")
        if values and max(map(len, values)) > VALUE_MAX:
            raise LimitExceeded(f"A record holds up to {VALUE_MAX} bytes.")
        sealed: list[bytes] = []
        while len(sealed) < len(values):
            done = len(sealed)
            block, first, count = self._reserve(len(values) - done)
            sealed += self._seal(block, first, values[done : done + count], rows[done : done + count])
        return sealed

    def _seal(self, block: _Block, first: int, values: Sequence[bytes], rows: Sequence[bytes]) -> list[bytes]:
        encrypt, head, prefix = block.cipher.encrypt, block.head, block.prefix
        covered = head + self._bound
        sealed: list[bytes] = []
        append = sealed.append
        for number, value, row in zip(range(first, first + len(values)), values, rows, strict=True):
            nonce = prefix + number.to_bytes(8)
            append(head + nonce + encrypt(nonce, value, covered + row))
        return sealed

    def _reserve(self, wanted: int) -> tuple[_Block, int, int]:
        """A block, the first counter in it that is ours alone, and how many are. The cipher is asked for anew each time,
        so that a data key ends with its time to live.
        """
        with self._lock:
            block = self._block
            if block is None or block.next >= BLOCK or block.generation != _generation:
                block = self._block = self._new_block()
            block.cipher = self._keys.cipher(block.head[1:])
            first = block.next
            count = min(wanted, BLOCK - first)
            block.next += count
            return block, first, count

    def _new_block(self) -> _Block:
        row = self._keys.rows.active(self._name) or self._keys.create(self._name)
        writer = self._keys.rows.take_writer(row.ref, WRITERS)
        while writer is None:
            row = self._keys.create(self._name)
            writer = self._keys.rows.take_writer(row.ref, WRITERS)
        return _Block(self._keys.cipher(row.ref), row.ref, writer)

    def rotate(self) -> None:
        """Seal with a new data key from now on. Other processes follow when their block is used up."""
        with self._lock:
            self._keys.create(self._name)
            self._block = None

    def open_many(self, records: Sequence[bytes], rows: Sequence[bytes]) -> list[bytes]:
        """The values, all of them verified. Raises Malformed, NotAuthentic, KeyUnavailable for the first that is not."""
        if len(records) != len(rows):
            raise ValueError("Every record has a row.")
        opened: list[bytes] = []
        append = opened.append
        head, covered, decrypt = b"", b"", None
        try:
            for record, row in zip(records, rows, strict=True):
                if decrypt is None or not record.startswith(head):
                    head = _head_of(record)
                    decrypt = self._keys.cipher(head[1:]).decrypt
                    covered = head + self._bound
                append(decrypt(record[17:29], record[29:], covered + row))
        except (InvalidTag, ValueError):  # of a nonce or a tag that is too short
            raise NotAuthentic from None
        return opened


def _head_of(record: bytes) -> bytes:
    if len(record) < OVERHEAD:
        raise Malformed("A record has at least 45 bytes.")
    if record[:1] != VERSION:
        raise Malformed("The record is of a version that does not exist.")
    return record[:HEAD]
