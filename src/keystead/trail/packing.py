"""Packs the segments that the recorder has closed, one after the other, behind its back and at the lowest priority.

1. a segment is packed when another follows it and the signed tree covers it: nobody will write to it or cut it again
2. it is read, record by record; one that is not whole as it lies there is left for `keystead trail verify` to tell of
3. the packed one is made, and inflates to what it was made of, byte by byte
4. it replaces the plain one: written beside it, fsync, rename, fsync of the folder

Killed anywhere, one of the two is there, and whole, under the one name. Who has the plain one open reads on in it.
"""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Final

import structlog

from keystead.trail import disk, packed, records, segments, state
from keystead.trail.errors import LogDamaged, LogInUse, LogMissing
from keystead.trail.lock import PACKING, lock
from keystead.trail.segments import HEADER_LENGTH, Segment

log = structlog.get_logger("keystead.packing")

LOWEST: Final = 19


class Packing:
    """Of one node's log, in the scheduler."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "packing", yield_to_others)
        self._unfit: set[int] = set()

    async def run(self) -> None:
        """All that can be packed by now. May be ended at any moment and run again. Raises LogDamaged, OSError."""
        if not (self._folder / segments.FOLDER).is_dir():
            return
        loop = asyncio.get_running_loop()
        for first, following in await loop.run_in_executor(self._thread, closed, self._folder):
            if first not in self._unfit:
                await loop.run_in_executor(self._thread, self._pack, first, following)

    def close(self) -> None:
        self._thread.shutdown()

    def _pack(self, first: int, following: int) -> None:
        try:
            pack(self._folder, first, following)
        except LogInUse:
            return
        except LogDamaged as error:
            self._unfit.add(first)
            log.error("a segment is not packed", segment=first, reason=error.text)


def yield_to_others() -> None:
    """Of the thread that calls it alone (setpriority(2): on Linux a thread is what has a priority)."""
    os.setpriority(os.PRIO_PROCESS, 0, LOWEST)


def closed(folder: Path) -> list[tuple[int, int]]:
    """Step 1: the plain segments that may be packed, each with the one that follows it."""
    try:
        signed = state.load(folder).size
    except LogMissing:
        return []
    known = segments.firsts(folder)
    return [
        (first, following)
        for first, following in pairwise(known)
        if following <= signed and not segments.is_packed(folder, first)
    ]


def pack(folder: Path, first: int, following: int) -> None:
    """Steps 2 to 4. Raises LogInUse, LogDamaged; OSError, and then the plain one stands."""
    held = lock(folder, PACKING)
    try:
        plain = segments.open_segment(folder, first)
        try:
            path = segments.path(folder, first)
            fresh = disk.beside(path, packed.pack(first, HEADER_LENGTH, whole(plain, first, following)))  # 2
            compare(plain, fresh, first)  # 3
        finally:
            plain.close()
        fresh.replace(path)  # 4
        disk.sync_folder(path.parent)
    finally:
        os.close(held)


def whole(plain: Segment, first: int, following: int) -> Iterator[bytes]:
    """Every record's bytes. Raises LogDamaged unless they are all there and nothing else is."""
    place, count = HEADER_LENGTH, 0
    for stored in records.scan(plain.read, HEADER_LENGTH, first):
        yield records.encode(stored.stamp, stored.salted)
        place, count = stored.end, count + 1
    if first + count != following or place != plain.size():
        raise LogDamaged(f"segment {first} ends at record {first + count}, and the next begins with {following}")


def compare(plain: Segment, fresh: Path, first: int) -> None:
    """Raises LogDamaged for what only a defect of memory, disk or zlib could make differ."""
    made = segments.opened(fresh, first)
    try:
        place = HEADER_LENGTH
        while inflated := made.read(packed.BLOCK_BYTES, place):
            if plain.read(len(inflated), place) != inflated:
                break
            place += len(inflated)
        if place != plain.size():
            raise LogDamaged(f"segment {first} did not come out of its packing as it was")
    finally:
        made.close()
