"""The counter of commits that all processes of a node share, in a file mapped into each (drawn in feed.py)."""

import mmap
import os
from pathlib import Path
from typing import Final

SLOTS: Final = 64
"""Unless the node says how many processes it has."""


class ChangeCounter:
    """The shared counter, as one process sees it. `slot` belongs to this process alone; all must agree on `slots`."""

    def __init__(self, path: Path, *, slot: int, slots: int = SLOTS) -> None:
        if not 0 <= slot < slots:
            raise ValueError(f"No such slot: {slot}")
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, slots * 8)
            self._map = mmap.mmap(descriptor, slots * 8)
        finally:
            os.close(descriptor)
        self._slots = memoryview(self._map).cast("Q")
        self._slot = slot
        self.bump()  # the process that had the slot before may have died between its commit and its bump

    def bump(self) -> None:
        self._slots[self._slot] = (self._slots[self._slot] + 1) & 0xFFFF_FFFF_FFFF_FFFF

    def state(self) -> bytes:
        return self._map[:]

    def close(self) -> None:
        self._slots.release()
        self._map.close()
