"""The numbers of one process, in a file that it maps: writing one is a store into memory, and it outlives the process.

    used (8) | entry | entry | …                                                    native order, entries begin at 8 n
    entry: count of numbers (4) | bytes of the key (4) | key, filled up to 8 n | numbers, 8 bytes each, IEEE 754

A page has one writer. An entry is written whole before `used` grows over it, so a reader in another process sees only whole ones;
the numbers of one entry may be a moment apart. A process that is started again goes on with the page of the one before it. No
system call is made after `Page.open`: the keyholder may make hardly any.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

SIZE: Final = 64 * 1024
"""Bytes, enough for what has few labels."""
LARGE: Final = 1024 * 1024
"""Bytes, for a worker: room for every operation of the four models with several results each."""
BEGINNING: Final = 8
ENTRY: Final = struct.Struct("=II")

Key = tuple[str, ...]


class Entry(NamedTuple):
    """key  the meter's name, and the values of its labels"""

    key: Key
    numbers: tuple[float, ...]


class Page:
    """Made by `open` or `scratch`."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self.numbers = memoryview(memory).cast("d")
        self._used = memoryview(memory).cast("Q")
        self._places: dict[Key, int] = {}
        if self._used[0] == 0:
            self._used[0] = BEGINNING
        for key, place, _ in entries(memory):
            self._places[key] = place

    @classmethod
    def open(cls, path: Path, size: int = SIZE) -> Self:
        """Raises OSError; where the disk has no room for all of it, since a later store would then end the process (SIGBUS)."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
            return cls(mmap.mmap(descriptor, size))
        finally:
            os.close(descriptor)

    @classmethod
    def scratch(cls, size: int = SIZE) -> Self:
        """Numbers that nobody else sees: of a process that belongs to no node."""
        return cls(mmap.mmap(-1, size))

    def place(self, key: Key, count: int) -> int | None:
        """Where in `numbers` this key's begin; None when the page is full."""
        if key not in self._places:
            made = self._append(key, count)
            if made is None:
                return None
            self._places[key] = made
        return self._places[key]

    def _append(self, key: Key, count: int) -> int | None:
        encoded = "\0".join(key).encode()
        at = self._used[0]
        first = filled(at + ENTRY.size + len(encoded))
        end = first + 8 * count
        if end > len(self._memory):
            return None
        self._memory[at:end] = bytes(end - at)  # whoever had the page before may have died while writing here
        ENTRY.pack_into(self._memory, at, count, len(encoded))
        self._memory[at + ENTRY.size : at + ENTRY.size + len(encoded)] = encoded
        self._used[0] = end
        return first // 8


def filled(length: int) -> int:
    return (length + 7) & ~7


def entries(memory: mmap.mmap | bytes) -> Iterator[tuple[Key, int, int]]:
    """(key, place of its first number, how many)."""
    (used,) = struct.unpack_from("=Q", memory)
    at = BEGINNING
    while at < used:
        count, length = ENTRY.unpack_from(memory, at)
        key = bytes(memory[at + ENTRY.size : at + ENTRY.size + length])
        first = filled(at + ENTRY.size + length)
        yield tuple(key.decode().split("\0")), first // 8, count
        at = first + 8 * count


def read(path: Path) -> list[Entry]:
    """What a page holds now. Raises OSError."""
    memory = path.read_bytes()
    if len(memory) < BEGINNING:
        return []
    return [Entry(key, struct.unpack_from(f"={count}d", memory, 8 * place)) for key, place, count in entries(memory)]
