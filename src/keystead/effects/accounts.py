"""One comparison of a database with the logs of its nodes: `keystead trail verify`, facts/trail.md 8, step 9.

1. the database as it is now: what it shows, and which events wait in it to be recorded; of these, which this installation made
2. the other logs that there are, and this node's as verify.py reads it, record by record, merged by time; of nodes whose logs
   are not here, what the index has of them (`Index`)
3. what was recorded since, where a node serves and something is not explained yet
4. what waits explains the rest: not proven, for it is in no log
5. what is left is a contradiction

What the service itself did may be recorded twice: it is taken once, so that who puts it back into the database explains nothing by it.

Whoever writes to the database can write to the index as well. So where there are several nodes, each also looks whether the index has
of its own log what is in it: what was forged in the index is found on the node that it is said to be of.
"""

import heapq
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

from keystead.database.engine import Connection, Database
from keystead.effects import federation, iam, kms, sessions, values
from keystead.effects.event import Event, name_of, read
from keystead.effects.ledger import TOLERANCE, Finding, Ledger
from keystead.effects.slots import Fact
from keystead.trail import outbox, queries, store
from keystead.trail.errors import LogDamaged, LogInUse, LogMissing
from keystead.trail.lock import APPENDING, lock
from keystead.trail.outbox import Waiting
from keystead.trail.queries import Wanted
from keystead.trail.records import Stored
from keystead.trail.segments import Reader

PAGE: Final = 1000
SECOND: Final = 1_000_000_000
SETTLED: Final = "EffectsSettled"
"""The event of `keystead trail settle`. Its details: {"settled": [[kind, owner, part, value or null, what was found]]}."""


def settled(event: Event, ledger: Ledger) -> None:
    for kind, owner, part, value, _ in event.details.get("settled", ()):
        if value is None:
            ledger.gone(kind, owner, part)
        else:
            ledger.put(kind, owner, part, value)


ALWAYS: Final = {
    **kms.TOLD,
    **iam.TOLD,
    **federation.TOLD,
    **values.TOLD,
    **sessions.TOLD,
    ("keystead", SETTLED): settled,
}
NAMES: Final = frozenset(name for _, name in (*ALWAYS, *iam.Identities({}).told()))
NAME_LIMIT: Final = 64
SETTLING_SECONDS: Final = 3.0
"""What a node that serves may need to record what it has done."""
UNJUDGED: Final = "the seal could not be opened, so whether this installation made it could not be told"
Recorded = tuple[int, str, bytes]
"""(nanoseconds since the epoch, how it is named, event)."""


Judge = Callable[[Sequence[Waiting]], Awaitable[Sequence[bool] | None]]
"""Of each row whether this installation made it; None when the seal cannot be opened, and so nobody can tell."""


async def nobody(rows: Sequence[Waiting]) -> None:  # a Judge
    """Can tell."""


class Indexed(NamedTuple):
    """A row of the index: `at` in seconds."""

    node: str
    number: int
    at: int
    event: bytes


class Shown(NamedTuple):
    """A database at one moment.

    wrong    what needs no record to be seen
    waiting  events that are to be recorded
    judged   this installation made them
    forged   what waits likewise, and has been found not to be of this installation
    nodes    whose logs are not here
    indexed  what the index has of those, in the order of time
    own      what it has of this node, by number, where there are such
    """

    facts: Sequence[Fact]
    wrong: Sequence[str]
    borne: iam.Names
    waiting: Sequence[bytes]
    at: int
    nodes: Sequence[str] = ()
    indexed: Sequence[Recorded] = ()
    own: Mapping[int, Recorded] = {}
    judged: bool = True
    forged: Sequence[Waiting] = ()


async def show(database: Database, own: str = "", here: Collection[str] = (), judge: Judge = nobody) -> Shown:
    """`own`: this node; `here`: the others whose logs there are. Raises DatabaseLost."""
    at = time.time_ns()
    found: list[Fact | str] = []
    async with database.read() as connection:
        live = sessions.shown(connection, at / SECOND)
        for part in (
            kms.shown(connection),
            iam.shown(connection),
            federation.shown(connection),
            values.shown(connection),
            live,
        ):
            found += [one async for one in part]
        borne = await iam.borne(connection)
        waits = await outbox.waiting(connection)
        absent = sorted(set((await store.ordinals(connection)).values()) - {own, *here})
        index = [one async for one in indexed(connection, [own, *absent])] if absent else []
    facts = [one for one in found if isinstance(one, Fact)]
    wrong = [one for one in found if isinstance(one, str)]
    made = await judge(waits) if waits else []
    genuine = [not one.refused if made is None else made[place] for place, one in enumerate(waits)]
    waiting = [one.event for one, real in zip(waits, genuine, strict=True) if real]
    forged = [one for one, real in zip(waits, genuine, strict=True) if not real]
    wrong += [put_there(one) for one in forged]
    return Shown(facts, wrong, borne, waiting, at, *apart(index, absent, own), made is not None, forged)


def put_there(one: Waiting) -> str:
    return (
        f"row {one.seq} of what waits to be recorded ({called(one)}) was not made by this installation:"
        " somebody put it into the database"
    )


def called(one: Waiting) -> str:
    """What it says it is, as far as that can be shown: it is whoever's who wrote it."""
    name = name_of(one.event).decode("ascii", "replace")
    return name if name.isidentifier() and len(name) <= NAME_LIMIT else "no event"


def apart(
    index: Sequence[Indexed], absent: Sequence[str], own: str
) -> tuple[Sequence[str], Sequence[Recorded], Mapping[int, Recorded]]:
    ordered = sorted(index, key=attrgetter("at", "number"))
    others = [recorded(one) for one in ordered if one.node != own]
    return absent, others, {one.number: recorded(one) for one in ordered if one.node == own}


def recorded(one: Indexed) -> Recorded:
    return one.at * SECOND, f"record {one.number} of {one.node}, as the index has it,", one.event


async def indexed(connection: Connection, nodes: Sequence[str]) -> AsyncIterator[Indexed]:
    """What counts here of what the index has of these nodes."""
    named = {ordinal: node for ordinal, node in (await store.ordinals(connection)).items() if node in nodes}
    for account, region in await queries.scopes(connection):
        for name in sorted(NAMES):
            wanted = Wanted(account, region, (("EventName", name),), 0, queries.EVER)
            async for hit in queries.newest_first(connection, wanted):
                ordinal, number = divmod(hit.seq, 1 << store.NUMBER_BITS)
                if ordinal in named and hit.seen.error_code is None:
                    yield Indexed(named[ordinal], number, hit.at, hit.record)


class Told(NamedTuple):
    """`facts` and `records` that were compared; `nodes` whose records were taken as the index has them.

    words  records by which an operator answers for what no call made (SETTLED)
    """

    facts: int
    records: int
    nodes: Sequence[str]
    words: Sequence[str]
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
    settle  waits, where a node serves, for what it is about to record
    whole   this node's log is all there is of it; else it is a copy that may end before the node did, as one in a restored folder
    """

    def __init__(
        self,
        shown: Shown,
        others: Sequence[tuple[str, Path]],
        settle: Callable[[], None],
        tolerance: int = TOLERANCE,
        *,
        whole: bool = True,
    ) -> None:
        self._whole = whole
        self._handlers = {**ALWAYS, **iam.Identities(shown.borne).told()}
        self._names = frozenset(name.encode() for name in NAMES)
        owners = {fact.slot.owner for fact in shown.facts}
        self._ledger = Ledger(shown.facts, owners, shown.at, tolerance)
        self._shown = shown
        self._own = dict(shown.own)
        self._settle = settle
        self._doubts: list[str] = []
        self._words: list[str] = []
        self._said: set[str] = set()
        self._ahead = heapq.merge(shown.indexed, *(self._of(name, folder) for name, folder in others))
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
            self._compare(stored.stamp.index, stored.event)

    def told(self, folder: Path) -> Told:
        """`folder` of this node's log."""
        beyond = [] if self._whole else [one for number, one in self._own.items() if number > self._last]
        for record in heapq.merge([self._next] if self._next is not None else [], self._ahead, beyond):
            self._replay(*record)
        if self._ledger.unexplained():  # 3
            self._settle()
            for record in self._of("", folder, self._last):
                self._replay(*record)
        doubts = self._from_waiting()
        forged = [
            f"the index has a record {number} of this node that its log does not have"
            for number in sorted(self._own)
            if self._whole or number <= self._last
        ]
        findings = [*self._shown.wrong, *forged, *(one.text for one in self._ledger.findings())]
        facts, nodes = len(self._shown.facts), self._shown.nodes
        return Told(facts, self._records, nodes, self._words, findings, [*self._doubts, *doubts])

    def unsettled(self) -> list[Finding]:
        """After `told`: what an operator may answer for."""
        return list(self._ledger.findings())

    @property
    def forged(self) -> Sequence[Waiting]:
        """What an operator may answer for likewise, so that it goes."""
        return self._shown.forged

    def _compare(self, number: int, event: bytes) -> None:
        """With the index. What remains of `_own` is not in the log."""
        if number in self._own and self._own[number][2] == event:
            del self._own[number]

    def _from_waiting(self) -> list[str]:
        """Step 4."""
        before = self._ledger.unexplained()
        if before and self._shown.waiting:
            for event in self._shown.waiting:
                self._replay(self._shown.at + 1, "an event that waits to be recorded", event)
            if explained := before - self._ledger.unexplained():
                waits = f"what explains {explained} things in the database waits to be recorded, and is in no log yet"
                return [waits if self._shown.judged else f"{waits}; {UNJUDGED}"]
        return []

    def _replay(self, wall: int, record: str, event: bytes) -> None:
        told = read(event)
        handler = self._handlers.get((told.source, told.name)) if told is not None else None
        if told is not None and handler is not None and self._is_new(told):
            self._records += 1
            if told.name == SETTLED:
                self._words.append(record)
            self._ledger.at(wall, record)
            handler(told, self._ledger)

    def _is_new(self, told: Event) -> bool:
        if told.repeatable in self._said:
            return False
        if told.repeatable is not None:
            self._said.add(told.repeatable)
        return True

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
