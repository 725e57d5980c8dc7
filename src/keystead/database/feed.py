"""How caches learn of writes, made by this process, by another of its node or by another node, before they are believed again.

    changes   seq | kind | id | because | at        one row per thing changed, in the transaction that changed it
    counter   slot 0 | slot 1 | … | slot N-1        8 bytes each, native order, in a file that the node's processes map

Within a node:

1. A writer commits, then evicts from the caches of its own process, then adds one to its own slot.
2. Before every call a process compares the slots with those it saw last: one read of shared memory.
3. If they differ it reads the changes since the last one it knows, evicts what they name, and remembers the slots it read first.

A slot has one writer, so plain increments lose nothing. A torn read differs from both the value before and the one it is remembered
as, and only causes a second look: the commit always precedes the increment.

Between nodes, over a shared database:

4. Each process listens on a connection of its own. It reads the changes whenever a commit is announced, and every POLL_SECONDS.
5. The moment it began its last reading that succeeded is when it was last in touch. For longer than the lease after that, it
   answers no call: current() is false and catch_up() raises DatabaseLost, after it has waited for a little to be in touch again.
6. When that connection has to be made anew, the database may be another one after a fail-over: everything is forgotten.

So a permission whose removal has been acknowledged anywhere is refused by the processes of the same node at once, by those of other
nodes within a second (in fact within milliseconds, or POLL_SECONDS where announcements get lost), and by one that is cut off from
the database no later than the lease after the removal. This speaks of calls that arrive; one that has been let in is not called back.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from keystead.database.clock import elapsed
from keystead.database.counter import ChangeCounter
from keystead.database.engine import Database
from keystead.database.errors import DatabaseLost
from keystead.database.tables import Change, changes
from keystead.metrics import meters

log = structlog.get_logger("keystead.database")

EVERYTHING: Final = "*"
"""As the id of a change: whatever is cached of that kind."""
TOO_MANY: Final = 1000
"""With more changes than this to catch up on, all caches are emptied instead."""
KEPT: Final = 100 * TOO_MANY
"""Changes that are kept when older ones are pruned: who is that far behind empties its caches without reading them."""
LEASE_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.5
"""Half of the second that is promised: the net under announcements that get lost, and the sign of life."""
RETRY_SECONDS: Final = 0.25

Evict = Callable[[str], None]


async def prune(database: Database) -> None:
    """Forget the oldest changes. Whoever has not read them has more than TOO_MANY left to read."""
    async with database.write(announced=False) as tx:
        newest = (await tx.execute(select(func.max(changes.c.seq)))).scalar() or 0
        await tx.execute(delete(changes).where(changes.c.seq <= newest - KEPT))


class Feed:
    """Tells caches what to forget. Without a counter it knows of this process's own commits, and of other nodes'.

    generation  grows with every eviction: a cache that began to load before must not keep what it loaded
    lease       seconds out of touch before calls are refused, for a shared database; math.inf for a process that ends
                before it matters, and does not start()
    patience    seconds that a call waits for a lease that is over
    """

    def __init__(
        self,
        database: Database,
        counter: ChangeCounter | None = None,
        *,
        lease: float = LEASE_SECONDS,
        patience: float = 0.0,
        clock: Callable[[], float] = elapsed,
    ) -> None:
        self._database = database
        self._counter = counter
        self._lease = lease
        self._patience = patience
        self._touched = asyncio.Event()
        self._clock = clock
        self._until = 0.0 if database.shared and lease < math.inf else math.inf
        self._seen: bytes | None = None
        self._last: int | None = None
        self._evictors: dict[str, list[Evict]] = {}
        self._reading = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        self._reason: str | None = None
        self.generation = 0
        database.on_commit(self._evict)

    def on(self, kind: str, evict: Evict) -> None:
        """Call `evict` with the id of everything of that kind that changes, or with EVERYTHING."""
        self._evictors.setdefault(kind, []).append(evict)

    def in_touch(self) -> bool:
        """Whether the lease holds."""
        return self._clock() < self._until

    def current(self) -> bool:
        """Whether caches may be believed now; else await catch_up() first. Costs a fraction of a microsecond."""
        return self._clock() < self._until and (self._counter is None or self._counter.state() == self._seen)

    async def catch_up(self) -> None:
        """Evict whatever has changed before this call on this node, and within a second before on others.

        Raises DatabaseLost where the lease is over; then nothing may be believed.
        """
        await self._wait_for_lease()
        async with self._reading:
            self._refuse_without_lease()
            if self._counter is None or self.current():
                return
            state = self._counter.state()
            async with self._database.read() as connection:
                await self._read_changes(connection)
            self._seen = state

    async def look(self) -> None:
        """Find what a process outside this node has written, such as an operator's, and tell the node's other processes.

        For one process of the node. Those that follow a shared database hear of it by themselves.
        """
        if self._following is not None:
            return
        async with self._reading, self._database.read() as connection:
            before = self._last
            await self._read_changes(connection)
        if self._counter is not None and self._last != before:
            self._counter.bump()

    async def _wait_for_lease(self) -> None:
        if not self.in_touch() and self._patience:
            self._touched.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._touched.wait(), self._patience)
        self._refuse_without_lease()

    def _refuse_without_lease(self) -> None:
        if not self.in_touch():
            raise DatabaseLost("lease")

    async def start(self) -> None:
        """Follow the other nodes until close(). Returns after the first attempt, also where it did not succeed.

        Over a database that is not shared there is nothing to follow.
        """
        if not self._database.shared or self._following is not None:
            return
        tried = asyncio.Event()
        self._following = asyncio.create_task(self._follow(tried))
        await tried.wait()

    async def close(self) -> None:
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
            self._following = None
            self._until = 0.0

    async def _follow(self, tried: asyncio.Event) -> None:
        while True:
            try:
                await self._listen(tried)
            except Exception as error:  # noqa: BLE001  # the outermost door of this task: without it the lease runs out
                self._lost(error.reason if isinstance(error, DatabaseLost) else type(error).__name__)
            tried.set()
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self, tried: asyncio.Event) -> None:
        heard = asyncio.Event()
        async with self._database.listen(heard.set) as connection:
            await self._look(connection, anew=True)
            self._lost(None)
            tried.set()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await heard.wait()
                heard.clear()
                await self._look(connection)

    def _lost(self, reason: str | None) -> None:
        """Say once that the database is out of reach, and why; None says that it is in reach again."""
        if reason is not None and reason != self._reason:
            log.warning("not in touch with the database", reason=reason)
        if reason is None and self._reason is not None:
            log.info("in touch with the database again")
        self._reason = reason

    async def _look(self, connection: AsyncConnection, *, anew: bool = False) -> None:
        async with self._reading:
            began = self._clock()
            if anew:
                self._last = None
            await self._read_changes(connection)
            self._until = began + self._lease
            self._touched.set()
            meters.FEED_READ_AT.set(time.time())

    async def _read_changes(self, connection: AsyncConnection) -> None:
        newest = select(changes.c.seq).order_by(changes.c.seq.desc()).limit(1)
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
