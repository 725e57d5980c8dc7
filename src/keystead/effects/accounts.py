"""One comparison of a database with the logs of its nodes: `keystead trail verify`, facts/trail.md 8, step 9.

1. the database as it is now: what it shows, and which events wait in it to be recorded
2. the other logs that there are, and this node's as verify.py reads it, record by record, merged by time
3. what was recorded since, where a node serves and something is not explained yet
4. what waits explains the rest: not proven, for it is in no log
5. what is left is a contradiction, or cannot be told where the log of another node is not here
"""

import heapq
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import select

from keystead.database.engine import Database
from keystead.effects import iam, kms, values
from keystead.effects.event import name_of, read
from keystead.effects.ledger import TOLERANCE, Ledger
from keystead.effects.slots import Fact
from keystead.trail import store
from keystead.trail.errors import LogDamaged, LogInUse, LogMissing
from keystead.trail.lock import APPENDING, lock
from keystead.trail.outbox import outbox
from keystead.trail.records import Stored
from keystead.trail.segments import Reader

PAGE: Final = 1000
SETTLING_SECONDS: Final = 3.0
"""What a node that serves may need to record what it has done."""
Recorded = tuple[int, str, bytes]
"""(nanoseconds since the epoch, how it is named, event)."""


class Shown(NamedTuple):
    """A database at one moment.

    wrong    what needs no record to be seen
    waiting  events that are to be recorded
    nodes    whose logs are indexed
    """

    facts: Sequence[Fact]
    wrong: Sequence[str]
    borne: iam.Names
    waiting: Sequence[bytes]
    nodes: frozenset[str]
    at: int


async def show(database: Database) -> Shown:
    """Raises DatabaseLost."""
    at = time.time_ns()
    found: list[Fact | str] = []
    async with database.read() as connection:
        for part in (kms.shown(connection), iam.shown(connection), values.shown(connection)):
            found += [one async for one in part]
        borne = await iam.borne(connection)
        waiting = [row.event for row in await connection.execute(select(outbox).order_by(outbox.c.seq))]
        nodes = frozenset((await store.ordinals(connection)).values())
    facts = [one for one in found if isinstance(one, Fact)]
    return Shown(facts, [one for one in found if isinstance(one, str)], borne, waiting, nodes, at)


class Told(NamedTuple):
    """`facts` and `records` that were compared."""

    facts: int
    records: int
    findings: Sequence[str]
    doubts: Sequence[str]


def settle(folder: Path) -> Callable[[], None]:
    """Waits if the log in that folder is being appended to."""

    def wait() -> None:
        try:
            os.close(lock(folder, APPENDING))
        except LogInUse:
            time.sleep(SETTLING_SECONDS)
        except (LogMissing, OSError):
            return

    return wait


class Accounts:
    """One run.

    others  folders of other logs, each with what to call it
    absent  nodes whose logs are not here
    settle  waits, where a node serves, for what it is about to record
    """

    def __init__(
        self,
        shown: Shown,
        others: Sequence[tuple[str, Path]],
        absent: Iterable[str],
        settle: Callable[[], None],
        tolerance: int = TOLERANCE,
    ) -> None:
        identities = iam.Identities(shown.borne)
        self._handlers = {**kms.TOLD, **iam.TOLD, **values.TOLD, **identities.told()}
        self._names = frozenset(name.encode() for _, name in self._handlers)
        owners = {fact.slot.owner for fact in shown.facts}
        self._ledger = Ledger(shown.facts, owners, shown.at, tolerance)
        self._shown = shown
        self._absent = sorted(absent)
        self._settle = settle
        self._doubts: list[str] = []
        self._ahead = heapq.merge(*(self._of(name, folder) for name, folder in others))
        self._next = next(self._ahead, None)
        self._records = 0
        self._last = -1

    def see(self, stored: Stored) -> None:
        """The next record of this node's log."""
        self._last = stored.stamp.index
        if name_of(stored.event) in self._names:
            wall = stored.stamp.wall
            while self._next is not None and self._next[0] <= wall:
                self._replay(*self._next)
                self._next = next(self._ahead, None)
            self._replay(wall, f"record {stored.stamp.index}", stored.event)

    def told(self, folder: Path) -> Told:
        """`folder` of this node's log."""
        while self._next is not None:
            self._replay(*self._next)
            self._next = next(self._ahead, None)
        if self._ledger.unexplained():  # 3
            self._settle()
            for record in self._of("", folder, self._last):
                self._replay(*record)
        doubts = self._from_waiting()
        findings = list(self._shown.wrong)
        left = [text for text, _ in self._ledger.findings()]
        if self._absent:
            doubts += [f"{text}: unless the log of another node ({', '.join(self._absent)}) tells" for text in left]
        else:
            findings += left
        return Told(len(self._shown.facts), self._records, findings, [*self._doubts, *doubts])

    def _from_waiting(self) -> list[str]:
        """Step 4."""
        before = self._ledger.unexplained()
        if before and self._shown.waiting:
            for event in self._shown.waiting:
                self._replay(self._shown.at + 1, "an event that waits to be recorded", event)
            if explained := before - self._ledger.unexplained():
                return [f"what explains {explained} things in the database waits to be recorded, and is in no log yet"]
        return []

    def _replay(self, wall: int, record: str, event: bytes) -> None:
        told = read(event)
        handler = self._handlers.get((told.source, told.name)) if told is not None else None
        if told is not None and handler is not None:
            self._records += 1
            self._ledger.at(wall, record)
            handler(told, self._ledger)

    def _of(self, name: str, folder: Path, after: int = -1) -> Iterator[Recorded]:
        reader = Reader(folder)
        where = f" of {name}" if name else ""
        try:
            while found := reader.after(after, PAGE):
                for record in found:
                    if name_of(record.event) in self._names:
                        yield int(record.at * 1e9), f"record {record.index}{where}", record.event
                after = found[-1].index
        except LogDamaged as damaged:
            self._doubts.append(f"the log{where} cannot be read to its end: {damaged.text}")
        finally:
            reader.close()
