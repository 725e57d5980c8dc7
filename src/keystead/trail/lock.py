"""Rights that one process at a time has in a log's folder, for as long as it lives: to append, and to pack."""

import fcntl
import os
from pathlib import Path
from typing import Final

from keystead.trail.errors import LogInUse, LogMissing

APPENDING: Final = "lock"
PACKING: Final = "packing"


def lock(folder: Path, name: str) -> int:
    """The right, until the descriptor is closed. Raises LogMissing, LogInUse."""
    try:
        descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise LogMissing from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise LogInUse from None
    return descriptor
