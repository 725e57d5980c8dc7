"""A file of records, one a line. Whoever moves or removes it is noticed: writing goes on where its name leads.

NAME                        being written to
NAME.20261124T093000.123Z   what was, where the sink rotates it itself
"""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from keystead.sinks.configuration import FileSink as Settings
from keystead.sinks.promise import SinkFailed
from keystead.trail import disk
from keystead.trail.segments import Record

END: Final = b"\n"
NOBODY: Final = (-1, -1)


class FileSink:
    """Durable before it says so where it is required, else when the kernel likes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = Path(settings.path)
        self._descriptor = -1
        self._identity = NOBODY
        self._size = 0
        self.reopened = 0

    async def deliver(self, records: Sequence[Record]) -> None:
        writing = asyncio.ensure_future(asyncio.to_thread(self._write, b"".join(one.event + END for one in records)))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])  # two threads must not write to one file
            raise

    async def close(self) -> None:
        self._close()

    def _write(self, lines: bytes) -> None:
        try:
            self._open_what_is_there()
            written = os.write(self._descriptor, lines)
            if written != len(lines):
                os.ftruncate(self._descriptor, self._size)
                raise SinkFailed(f"{self._path}: no room")
            if self._settings.required:
                os.fdatasync(self._descriptor)
        except OSError as error:
            self._close()
            raise SinkFailed(f"{self._path}: {error.strerror}") from None
        self._size += written
        if 0 < self._settings.rotate_bytes <= self._size:
            self._rotate()

    def _open_what_is_there(self) -> None:
        """The name may lead to another file than before, or to none."""
        if self._descriptor >= 0 and self._identity == identity(self._path):
            return
        self.reopened += self._descriptor >= 0
        self._close()
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        found = os.fstat(self._descriptor)
        self._identity, self._size = (found.st_dev, found.st_ino), found.st_size
        if self._size and os.pread(self._descriptor, 1, self._size - 1) != END:
            self._size += os.write(self._descriptor, END)  # whoever wrote half a line has been killed
        disk.sync_folder(self._path.parent)

    def _rotate(self) -> None:
        """Raises SinkFailed. What has been written stays written: it is not written again for that."""
        self._close()
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        try:
            self._path.rename(f"{self._path}.{stamp}")
            for old in self._rotated()[: -self._settings.keep or None] if self._settings.keep else ():
                old.unlink()
        except OSError:
            return  # it grows on, and is tried again

    def _rotated(self) -> list[Path]:
        """Oldest first."""
        return sorted(path for path in self._path.parent.iterdir() if is_rotated(path.name, self._path.name))

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._identity = -1, NOBODY


def is_rotated(name: str, of: str) -> bool:
    stamp = name.removeprefix(f"{of}.")
    return stamp != name and len(stamp) == 23 and stamp[8] == "T" and stamp.endswith("Z")


def identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return NOBODY
    return found.st_dev, found.st_ino
