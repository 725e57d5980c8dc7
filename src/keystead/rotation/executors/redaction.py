"""What a function prints, made fit for a log: only words that stand in its own source, and those of Python's tracebacks.

A function that prints the value it has just read cannot be told from one that prints a greeting. But whoever may read the log may
read the function's source too; so a word that is in it tells nothing new, and every other one could be a secret.
"""

import re
from pathlib import Path
from typing import Final

LINES: Final = 100
WIDTH: Final = 500
SOURCES: Final = 2 << 20
"""Bytes of source that are read."""
WORD: Final = re.compile(r"[A-Za-z_]{2,40}")
PIECE: Final = re.compile(r"[A-Za-z_]+|[^A-Za-z_\s]+|\s+")
HARMLESS: Final = re.compile(r"[.,:;!?()\[\]'\"=<>/-]{1,3}")
ALWAYS: Final = frozenset(
    {"Traceback", "most", "recent", "call", "last", "File", "line", "in", "module", "INFO", "ERROR", "WARNING", "DEBUG"}
)
HIDDEN: Final = "…"


def redacted(printed: bytes, directory: Path) -> list[str]:
    """Lines; those without a word left are dropped."""
    if not printed:
        return []
    known = ALWAYS | vocabulary(directory)
    lines = [shown(line, known) for line in printed.decode(errors="replace").splitlines()[:LINES]]
    return [line for line in lines if WORD.search(line)]


def vocabulary(directory: Path) -> frozenset[str]:
    """The words of the function's own files, without those of libraries in folders beside them."""
    words: set[str] = set()
    room = SOURCES
    for path in sorted(directory.glob("*.py")):
        try:
            with path.open("rb") as file:
                text = file.read(room)
        except OSError:
            continue
        room -= len(text)
        words.update(WORD.findall(text.decode(errors="replace")))
    return frozenset(words)


def shown(line: str, known: frozenset[str]) -> str:
    told: list[str] = []
    for piece in PIECE.findall(line):
        kept = piece if piece.isspace() or piece in known or HARMLESS.fullmatch(piece) else HIDDEN
        if kept is not HIDDEN or told[-1:] != [HIDDEN]:
            told.append(kept)
    return "".join(told).strip()[:WIDTH]
