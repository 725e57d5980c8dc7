"""How caches learn of writes, made by this process or another, before they are believed again.

    changes   seq | kind | id | because | at        one row per thing changed, in the transaction that changed it
    counter   slot 0 | slot 1 | … | slot N-1        8 bytes each, native order, in a file that the node's processes map

1. A writer commits, then evicts from the caches of its own process, then adds one to its own slot.
2. Before every call a process compares the slots with those it saw last: one read of shared memory.
3. If they differ it reads the changes since the last one it knows, evicts what they name, and remembers the slots it read first.

A slot has one writer, so plain increments lose nothing. A torn read differs from both the value before and the one it is remembered
as, and only causes a second look: the commit always precedes the increment.
"""

import asyncio
import mmap
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import select

from keystead.database.engine import Database
from keystead.database.tables import Change, changes

SLOTS: Final = 64
"""Unless the node says how many processes it has."""
EVERYTHING: Final = "*"
"""As the id of a change: whatever is cached of that kind."""
TOO_MANY: Final = 1000
"""With more changes than this to catch up on, all caches are emptied instead."""

Evict = Callable[[str], None]


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


class Feed:
    """Tells caches what to forget. Without a counter it knows of this process's own commits only.

    generation  grows with every eviction: a cache that began to load before must not keep what it loaded
    """

    def __init__(self, database: Database, counter: ChangeCounter | None = None) -> None:
        self._database = database
        self._counter = counter
        self._seen: bytes | None = None
        self._last: int | None = None
        self._evictors: dict[str, list[Evict]] = {}
        self._catching_up = asyncio.Lock()
        self.generation = 0
        database.on_commit(self._evict)

    def on(self, kind: str, evict: Evict) -> None:
        """Call `evict` with the id of everything of that kind that changes, or with EVERYTHING."""
        self._evictors.setdefault(kind, []).append(evict)

    def current(self) -> bool:
        """Whether caches may be believed now; else await catch_up() first. Costs a fraction of a microsecond."""
        return self._counter is None or self._counter.state() == self._seen

    async def catch_up(self) -> None:
        """Evict whatever has changed before this call. Raises what the database raises; then nothing may be believed."""
        async with self._catching_up:
            if self._counter is None or self.current():
                return
            state = self._counter.state()
            await self._read_changes()
            self._seen = state

    async def _read_changes(self) -> None:
        newest = select(changes.c.seq).order_by(changes.c.seq.desc()).limit(1)
        async with self._database.read() as connection:
            if self._last is None:
                last = (await connection.execute(newest)).scalar() or 0
                rows: Sequence[Change] = ()
            else:
                since = select(changes.c.seq, changes.c.kind, changes.c.id).where(changes.c.seq > self._last)
                found = await connection.execute(since.order_by(changes.c.seq).limit(TOO_MANY + 1))
                rows = [Change(row.kind, row.id, row.seq) for row in found]
                last = rows[-1].seq if rows else self._last
                if len(rows) > TOO_MANY:
                    last = (await connection.execute(newest)).scalar() or 0
        if self._last is None or len(rows) > TOO_MANY:
            self._evict_all()
        elif rows:
            self._evict(rows)
        self._last = last

    def _evict_all(self) -> None:
        self._evict([Change(kind, EVERYTHING) for kind in self._evictors])

    def _evict(self, made: Sequence[Change]) -> None:
        self.generation += 1
        for change in made:
            for evict in self._evictors.get(change.kind, ()):
                evict(change.id)
