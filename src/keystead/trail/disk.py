"""Files that are there after a power cut: written whole, and their names too (fsync(2))."""

import errno
import os
from pathlib import Path


def replace(path: Path, content: bytes, mode: int = 0o600) -> None:
    """A whole file or none, durable. Raises OSError."""
    beside(path, content, mode).replace(path)
    sync_folder(path.parent)


def beside(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """A durable file with another name than `path`, which it may then replace. Raises OSError."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        if os.write(descriptor, content) != len(content):
            raise OSError(errno.ENOSPC, f"{fresh.name} was not written as a whole")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return fresh


def sync_folder(folder: Path) -> None:
    """Make names that were made or changed in it durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Make durable what has been written to a file by its name. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
