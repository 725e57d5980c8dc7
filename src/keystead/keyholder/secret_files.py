"""The files that a seal is made of: for their owner alone, whole or not there, and on disk before anybody relies on them."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.sealing import urandom

SIZE_LIMIT: Final = 64 * 1024


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time; others wait."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read(path: Path) -> bytes:
    """Raises SealNotOpened when it is missing, is no file, or when others may read or own it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would wait for its writer
        with os.fdopen(descriptor, "rb") as file:
            _check(path, os.fstat(descriptor))
            return file.read()
    except OSError as error:
        raise SealNotOpened(f"{path} cannot be read: {error.strerror}.") from None


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_size > SIZE_LIMIT:
        raise SealNotOpened(f"{path} is not what Keystead wrote there.")
    if found.st_uid not in {0, os.geteuid()}:
        raise SealNotOpened(f"{path} belongs to another user: chown it to the one that runs Keystead.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise SealNotOpened(f"{path} may be read by others: chmod 600 {path}")


def write(path: Path, content: bytes) -> None:
    """Raises FileExistsError rather than replace anything."""
    partial = _written(path, content)
    try:
        os.link(partial, path)  # unlike a rename it refuses to replace
    finally:
        partial.unlink()
    _sync_folder(path.parent)


def replace(path: Path, content: bytes) -> None:
    """At any moment there is either the old file or the new one."""
    _written(path, content).rename(path)
    _sync_folder(path.parent)


def remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _written(path: Path, content: bytes) -> Path:
    partial = path.with_name(f"{path.name}.{urandom(4).hex()}.new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return partial


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
