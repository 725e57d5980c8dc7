"""Where the wrapped data keys of records lie: one row for each, found by the reference that every record carries.

    ref (16) | name | wrapped keys, as text | commitment (32) | writers | active

The wrapped keys are outside all that the data key authenticates, so they can be wrapped anew without touching a record.
"""

import base64
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from keystead.envelope.header import WrappedKey


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One data key. `name` says what it is for; `wrapped` is what `to_text` writes."""

    ref: bytes
    name: str
    wrapped: str
    commitment: bytes


class RecordRows(Protocol):
    """The promise of a store. Every method is durable when it returns."""

    def add(self, row: RecordRow) -> None:
        """And make it the active one of its name."""

    def get(self, ref: bytes) -> RecordRow | None: ...

    def active(self, name: str) -> RecordRow | None: ...

    def take_writer(self, ref: bytes, most: int) -> int | None:
        """A writer number that nobody was given before, 0 … most - 1; None when there are no more. NEVER ONE TWICE."""

    def refs(self) -> Sequence[bytes]:
        """Of all rows."""

    def rewrap(self, ref: bytes, old: str, new: str) -> bool:
        """Replace the wrapped keys, if they are still the old ones."""


class MemoryRecordRows:
    """For tests, and for records that live as long as the program."""

    def __init__(self) -> None:
        self._rows: dict[bytes, RecordRow] = {}
        self._active: dict[str, bytes] = {}
        self._writers: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def add(self, row: RecordRow) -> None:
        with self._lock:
            self._rows[row.ref] = row
            self._active[row.name] = row.ref

    def get(self, ref: bytes) -> RecordRow | None:
        return self._rows.get(ref)

    def active(self, name: str) -> RecordRow | None:
        return self._rows.get(self._active.get(name, b""))

    def take_writer(self, ref: bytes, most: int) -> int | None:
        with self._lock:
            number = self._writers.get(ref, 0)
            if number >= most:
                return None
            self._writers[ref] = number + 1
            return number

    def refs(self) -> Sequence[bytes]:
        return list(self._rows)

    def rewrap(self, ref: bytes, old: str, new: str) -> bool:
        with self._lock:
            if ref not in self._rows or self._rows[ref].wrapped != old:
                return False
            self._rows[ref] = replace(self._rows[ref], wrapped=new)
            return True


def to_text(keys: Sequence[WrappedKey]) -> str:
    """[[provider, info in base64, ciphertext in base64], …]"""
    return json.dumps([[one.provider, _text(one.info), _text(one.ciphertext)] for one in keys])


def from_text(text: str) -> tuple[WrappedKey, ...]:
    """Raises ValueError for what `to_text` did not write."""
    return tuple(
        WrappedKey(str(provider), base64.b64decode(info, validate=True), base64.b64decode(ciphertext, validate=True))
        for provider, info, ciphertext in json.loads(text)
    )


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
