"""The tree's hashes on the disk: what a start, a proof or a publisher reads instead of the records.

    hashes/0    leaf 0 (32) | leaf 1 | …
    hashes/1    subtree of leaves 0–255 (32) | of leaves 256–511 | …
    hashes/2    subtree of leaves 0–65535 (32) | …

256 hashes of one file in a row are a tile of C2SP tlog-tiles (tile/L/N is the bytes from N × 8192 of hashes/L), so any
subtree costs one read, and a proof one read for each level. All of it can be computed again from the segments, and it is:
nothing is believed that does not lead to a root that was signed.
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from keystead.trail.merkle import HASH_LENGTH, TILE_HEIGHT, fold

FOLDER: Final = "hashes"
LEVELS: Final = 5
"""Level 4 has one hash for 2^32 records; what is above it is computed."""


class HashesMissing(Exception):
    """A hash that should be there is not: compute them again."""


class Hashes:
    """The files of one log."""

    def __init__(self, folder: Path, flags: int = os.O_RDWR | os.O_CREAT) -> None:
        """Raises OSError. Files that are not there are made: what they held is then computed again."""
        self._levels = [os.open(folder / FOLDER / str(level), flags | os.O_CLOEXEC, 0o600) for level in range(LEVELS)]

    @classmethod
    def read_only(cls, folder: Path) -> Self:
        """Raises OSError, FileNotFoundError among them."""
        return cls(folder, os.O_RDONLY)

    def write(self, first: int, levels: Sequence[Sequence[bytes]]) -> None:
        """What Frontier.extend completed when the tree had `first` leaves. Not yet durable. Raises OSError."""
        for level, hashes in enumerate(levels):
            data = b"".join(hashes)
            place = (first >> TILE_HEIGHT * level) * HASH_LENGTH
            if data and os.pwrite(self._levels[level], data, place) != len(data):
                raise OSError(errno.ENOSPC, "the hashes were not written as a whole")

    def read(self, level: int, place: int, count: int = 1) -> list[bytes]:
        """Raises HashesMissing."""
        data = os.pread(self._levels[level], count * HASH_LENGTH, place * HASH_LENGTH)
        if len(data) != count * HASH_LENGTH:
            raise HashesMissing
        return [data[at : at + HASH_LENGTH] for at in range(0, len(data), HASH_LENGTH)]

    def subtree(self, height: int, place: int) -> bytes:
        """The root of a complete subtree, in one read. Raises HashesMissing."""
        level = min(height // TILE_HEIGHT, LEVELS - 1)
        above = height - level * TILE_HEIGHT
        return fold(self.read(level, place << above, 1 << above))

    def cut(self, size: int) -> None:
        """Forget what is beyond a tree of `size` leaves. Raises OSError."""
        for level, descriptor in enumerate(self._levels):
            os.ftruncate(descriptor, (size >> TILE_HEIGHT * level) * HASH_LENGTH)

    def sync(self) -> None:
        """Make everything written durable. Raises OSError."""
        for descriptor in self._levels:
            os.fdatasync(descriptor)

    def close(self) -> None:
        for descriptor in self._levels:
            os.close(descriptor)
        self._levels.clear()
