"""Checkpoints: the text that is signed, and the file that keeps every one of them.

    text         ORIGIN LF | size in decimal LF | BASE64(root) LF                        C2SP tlog-checkpoint 1.0.0
    note         text | LF | signature line LF | signature line LF                       C2SP signed-note 1.0.0
    checkpoints  note LF note LF …

A note of a checkpoint has exactly one empty line, so the notes of the file are told apart by every second one.
"""

import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from keystead.trail.merkle import HASH_LENGTH

NAME: Final = "checkpoints"
SIZE_LIMIT: Final = 2**63
LINE_LIMIT: Final = 16 * 1024
TAIL: Final = 64 * 1024
"""Bytes with several notes in them."""


class Checkpoint(msgspec.Struct, frozen=True):
    """A tree head."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


class Kept(msgspec.Struct, frozen=True):
    """A whole note of the file. `end` is where the next one begins."""

    note: bytes
    end: int


def parse(text: str) -> Checkpoint:
    """Raises ValueError for anything but the three lines, each in its only form. Extension lines are none of ours."""
    origin, size, root = text.removesuffix("\n").split("\n")
    checkpoint = Checkpoint(origin, int(size), b64decode(root, validate=True))
    if checkpoint.text() != text or not origin or len(checkpoint.root) != HASH_LENGTH:
        raise ValueError("not a checkpoint")
    if not 0 <= checkpoint.size < SIZE_LIMIT:
        raise ValueError("not a checkpoint")
    return checkpoint


def head(text: str) -> tuple[Checkpoint, bool]:
    """What the first three lines say, and whether extension lines follow, as other logs may have. Raises ValueError."""
    lines = text.split("\n")
    if lines.pop() or not all(lines):
        raise ValueError("not a checkpoint")
    return parse("".join(f"{line}\n" for line in lines[:3])), len(lines) > 3


def of_note(note: bytes) -> Checkpoint:
    """What a note says, whoever signed it. Raises ValueError."""
    text, empty, _ = note.decode().partition("\n\n")
    return parse(f"{text}\n" if empty else text)


def near_end(folder: Path) -> int:
    """Where one of the last notes begins, without reading those before it: every note begins with the same line."""
    try:
        opened = (folder / NAME).open("rb")
    except FileNotFoundError:
        return 0
    with opened as file:
        first = b"\n" + file.readline(LINE_LIMIT)
        begin = max(0, file.seek(0, os.SEEK_END) - TAIL)
        file.seek(begin)
        tail = file.read()
    last = tail.rfind(first)
    before = tail.rfind(first, 0, max(0, last))  # the last one may not be whole yet
    return begin + before + 1 if before >= 0 else 0


def kept(folder: Path, place: int = 0) -> Iterator[Kept]:
    """The notes that begin at `place` and after it. Ends at the first that is not whole."""
    try:
        opened = (folder / NAME).open("rb")
    except FileNotFoundError:
        return
    with opened as file:
        file.seek(place)
        lines: list[bytes] = []
        while (line := file.readline(LINE_LIMIT)).endswith(b"\n"):
            place += len(line)
            if line != b"\n" or b"\n" not in lines:
                lines.append(line)
                continue
            yield Kept(b"".join(lines), place)
            lines = []
