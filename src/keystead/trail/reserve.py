"""Disk space kept for the hour when there is none: released when the disk is full, so that operators can still act."""

import os
from pathlib import Path
from typing import Final

NAME: Final = "reserve"
SIZE: Final = 32 * 1024 * 1024
"""Bytes; room for more than 20 000 records."""
COMFORT: Final = 4
"""It is set aside only where so many times its size is free."""


class Reserve:
    """The file that holds the place."""

    def __init__(self, folder: Path, size: int = SIZE) -> None:
        self._path = folder / NAME
        self._size = size

    def keep(self) -> bool:
        """Set it aside; False when there is no room for it."""
        if self._path.exists():
            return True
        room = os.statvfs(self._path.parent)
        if room.f_bavail * room.f_frsize < self._size * COMFORT:
            return False
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size)
        except OSError:
            self._path.unlink()
            return False
        finally:
            os.close(descriptor)
        return True

    def release(self) -> bool:
        """Give the room back; False when that has been done before."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True
