"""How many records are durable, told to every process of the node.

    durable   count (8)        native order, mapped by the recorder and by whoever reads the log

The recorder raises the count after fdatasync and before the receipts leave, so a reader that stays below it sees nothing
torn and nothing that could still be lost. An aligned store of 8 bytes is never seen by halves on the processors we run on;
readers check every record all the same. On the disk the count may be older than the log, never newer.
"""

import mmap
import os
from pathlib import Path
from typing import Final, Self

NAME: Final = "durable"
LENGTH: Final = 8


class Mark:
    """The count as one process sees it."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self._map = mapped
        self._cells = memoryview(mapped).cast("Q")

    @classmethod
    def open(cls, folder: Path) -> Self:
        """To raise it. Never replaces the file, which readers have mapped."""
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, LENGTH)
            return cls(mmap.mmap(descriptor, LENGTH))
        finally:
            os.close(descriptor)

    @classmethod
    def read_only(cls, folder: Path) -> Self:
        """Raises FileNotFoundError; ValueError when it is too short to be one."""
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return cls(mmap.mmap(descriptor, LENGTH, access=mmap.ACCESS_READ))
        finally:
            os.close(descriptor)

    def read(self) -> int:
        return self._cells[0]

    def set(self, count: int) -> None:
        self._cells[0] = count

    def flush(self) -> None:
        """To the disk. Raises OSError."""
        self._map.flush()

    def close(self) -> None:
        self._cells.release()
        self._map.close()
