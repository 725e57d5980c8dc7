"""The Merkle tree of RFC 6962 2.1, as far as a log that only grows needs it.

    size 7:   frontier = [hash of leaves 0–3, of leaves 4–5, leaf 6]        one complete subtree for each bit of the size

A complete subtree is named by its height and its place among those of that height: (2, 0), (1, 2), (0, 6).
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final, Self

NODE: Final = b"\x01"
EMPTY: Final = sha256(b"").digest()
"""The root of the tree without leaves."""
HASH_LENGTH: Final = 32
TILE_HEIGHT: Final = 8
"""Only every eighth height is kept (C2SP tlog-tiles); what lies between is quickly computed."""

Subtree = Callable[[int, int], bytes]


def node(left: bytes, right: bytes) -> bytes:
    return sha256(NODE + left + right).digest()


def complete(size: int) -> Iterator[tuple[int, int]]:
    """(height, place) of the complete subtrees that make up a tree of this size, largest first."""
    begin = 0
    for height in range(size.bit_length() - 1, -1, -1):
        if size >> height & 1:
            yield height, begin >> height
            begin += 1 << height


def fold(hashes: list[bytes]) -> bytes:
    """The root over `hashes`, a power of two of them at one height."""
    while len(hashes) > 1:
        hashes = [node(hashes[place], hashes[place + 1]) for place in range(0, len(hashes), 2)]
    return hashes[0]


class Frontier:
    """The roots of a tree's complete subtrees, largest first. `size` is its number of leaves."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    @classmethod
    def of(cls, size: int, subtree: Subtree) -> Self:
        """Of a tree whose complete subtrees are known."""
        made = cls()
        made.size = size
        made._subtrees = [subtree(height, place) for height, place in complete(size)]
        return made

    def extend(self, leaves: Sequence[bytes]) -> list[list[bytes]]:
        """Add leaves. The answer is what they complete, by level: subtrees of height 0 (the leaves), 8, 16, …"""
        levels = [list(leaves)]
        subtrees = self._subtrees
        for leaf in leaves:
            above, below, height = leaf, self.size, 0
            while below & 1:
                above = sha256(NODE + subtrees.pop() + above).digest()
                below >>= 1
                height += 1
                if height % TILE_HEIGHT == 0:
                    _at(levels, height // TILE_HEIGHT).append(above)
            subtrees.append(above)
            self.size += 1
        return levels

    def root(self) -> bytes:
        if not self._subtrees:
            return EMPTY
        *left, right = self._subtrees
        for subtree in reversed(left):
            right = node(subtree, right)
        return right


def _at(levels: list[list[bytes]], level: int) -> list[bytes]:
    while len(levels) <= level:
        levels.append([])
    return levels[level]
