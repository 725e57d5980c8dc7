"""The end of the log: the one segment that is appended to.

1. the file is still the one that its name leads to, and as long as we left it: nobody has deleted, replaced or cut it
2. write: one that falls short, for want of room, is taken back
3. fdatasync: one that fails is never tried again, for the kernel may call pages clean that are lost (fsync(2))
4. as 1: a record in a file without a name is no record
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

from keystead.trail import disk, segments
from keystead.trail.errors import LogBroken

Sync = Callable[[int], None]


class Tail:
    """`end` is where the next record goes. `sync` is os.fdatasync."""

    def __init__(self, folder: Path, first: int, end: int, sync: Sync) -> None:
        """Raises OSError, LogDamaged."""
        self._folder = folder
        self._path = segments.path(folder, first)
        self._descriptor = segments.open_plain(folder, first, os.O_RDWR)
        self._sync = sync
        self.first = first
        self.end = end
        opened = os.fstat(self._descriptor)
        self._identity = (opened.st_dev, opened.st_ino)

    @classmethod
    def create(cls, folder: Path, first: int, sync: Sync) -> Self:
        """A new segment, durable with its name. Raises OSError."""
        disk.replace(segments.path(folder, first), segments.header(first))
        return cls(folder, first, segments.HEADER_LENGTH, sync)

    def append(self, data: bytes) -> None:
        """Durable when it returns. Raises OSError when nothing was written, LogBroken when nobody knows what was."""
        self._undisturbed()  # 1
        try:
            if os.pwrite(self._descriptor, data, self.end) != len(data):  # 2
                raise OSError(errno.ENOSPC, "a record was not written as a whole")  # noqa: TRY301  # taken back below
        except OSError:
            os.ftruncate(self._descriptor, self.end)
            raise
        try:
            self._sync(self._descriptor)  # 3
        except OSError as error:
            raise LogBroken(f"fdatasync: {error.strerror}") from error
        self.end += len(data)
        self._undisturbed()  # 4

    def cut(self, place: int) -> None:
        """Forget everything from `place` on. Raises OSError."""
        os.ftruncate(self._descriptor, place)
        self.end = place
        self._sync(self._descriptor)

    def write_again(self, place: int) -> None:
        """Write what lies between `place` and the end once more, as it is, and make it durable. Raises OSError.

        After a failed fdatasync in a process that is gone, the kernel may hold it for written and have lost it.
        """
        while place < self.end:
            data = os.pread(self._descriptor, min(1024 * 1024, self.end - place), place)
            os.pwrite(self._descriptor, data, place)
            place += len(data)
        self._sync(self._descriptor)

    def read(self, place: int) -> bytes:
        """Everything from `place` to the end of the file."""
        return os.pread(self._descriptor, os.fstat(self._descriptor).st_size - place, place)

    def close(self) -> None:
        os.close(self._descriptor)

    def _undisturbed(self) -> None:
        try:
            named = self._path.stat()
        except FileNotFoundError:
            raise LogBroken("the segment was deleted") from None
        if (named.st_dev, named.st_ino) != self._identity:
            raise LogBroken("the segment was replaced")
        if named.st_size != self.end:
            raise LogBroken("the segment was changed")
