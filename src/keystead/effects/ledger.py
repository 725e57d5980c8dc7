"""Replays records, and holds what they leave against what the database shows.

    record ── put, gone, end ──►  slot: the newest value, and those that may be newer    ◄── compared ──  fact

1. a fact that no record put                                   "no record made it"
2. a fact whose value is not what the newest record put        "is not what record N made it"
3. a fact that the newest record took away                     "record N took it away"
4. of STAYING kinds, what a record put and the database lacks, though it has its owner   "the database does not have it"

Two calls that run at once may be recorded in the other order than they took effect: of the records of a few seconds (TOLERANCE),
any may be the newest. What was recorded after the database was read may not be in it yet: it fits, and need not be there.

Kept in memory is one entry for each fact, and for what is STAYING of owners that the database has; not one for each record.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from keystead.effects.slots import UNKNOWN, Fact, Slot
from keystead.logs import stamp

TOLERANCE: Final = 2_000_000_000
"""Nanoseconds."""
STAYING: Final = frozenset(
    #  whose loss widens what somebody may do, or destroys a key
    {"grant", "inline policy", "attached policy", "boundary", "member", "secret policy", "parameter policy"}
)
OWNERS: Final = frozenset({"key", "user", "role", "group"})
"""Kinds that must be there until a record tells of their end."""


class Candidate(NamedTuple):
    """`wall` nanoseconds since the epoch; `record`: how it is named; no `value`: taken away."""

    wall: int
    record: str
    value: str | None


class Finding(NamedTuple):
    """`slot` has in the database what no record left in it: `value`, or nothing."""

    slot: Slot
    value: str | None
    text: str


class Ledger:
    """One replay. `before`: when the database was read, nanoseconds since the epoch.

    owners  those that the database has: of others nothing need be remembered
    """

    def __init__(self, facts: Sequence[Fact], owners: Collection[str], before: int, tolerance: int = TOLERANCE) -> None:
        self._facts = facts
        self._slots = {fact.slot for fact in facts}
        self._owners = owners
        self._before = before
        self._tolerance = tolerance
        self._held: dict[tuple[str, str], dict[str, tuple[Candidate, ...]]] = {}
        self._buried: deque[tuple[int, Slot]] = deque()
        self._wall = 0
        self._record = ""

    def at(self, wall: int, record: str) -> None:
        """What is put and taken from here on is by this record."""
        self._wall, self._record = wall, record
        while self._buried and self._buried[0][0] < wall - self._tolerance:
            self._forget(self._buried.popleft()[1])

    def put(self, kind: str, owner: str, part: str = "", value: str = "") -> None:
        self._set(Slot(kind, owner, part), value)

    def gone(self, kind: str, owner: str, part: str = "") -> None:
        slot = Slot(kind, owner, part)
        self._set(slot, None)
        if slot not in self._slots:
            self._buried.append((self._wall, slot))

    def unsaid(self, kind: str, owner: str, part: str = "") -> None:
        """The record does not say whether it is there, and what it is then."""
        self._set(Slot(kind, owner, part), None, UNKNOWN)

    def end(self, kind: str, owner: str) -> None:
        """All that the owner has of a kind."""
        for part in list(self._held.get((kind, owner), ())):
            self.gone(kind, owner, part)

    def restored(self, since: int) -> None:
        """The database was put back to what it was then: what was recorded between may be in it, or not."""
        either = Candidate(self._wall, self._record, UNKNOWN), Candidate(self._wall, self._record, None)
        for parts in self._held.values():
            for part, candidates in parts.items():
                if candidates[-1].wall > since - self._tolerance:
                    parts[part] = either

    def findings(self) -> Iterator[Finding]:
        for fact in self._facts:
            if (text := self._of_fact(fact)) is not None:
                yield Finding(fact.slot, fact.value, text)
        for (kind, owner), parts in self._held.items():
            for part, candidates in parts.items():
                slot = Slot(kind, owner, part)
                if self._missing(slot, candidates):
                    name = " ".join(filter(None, (kind, part, "of" if part else "", owner)))
                    text = f"{candidates[-1].record} made {name}, and the database does not have it"
                    yield Finding(slot, None, text)

    def unexplained(self) -> int:
        return sum(1 for _ in self.findings())

    def _of_fact(self, fact: Fact) -> str | None:
        candidates = self._held.get(fact.slot[:2], {}).get(fact.slot.part, ())
        if any(one.value in {fact.value, UNKNOWN} for one in candidates):
            return None
        since = f", since {stamp(fact.since)}" if fact.since is not None else ""
        shown = f"{fact.what} is in the database{since}"
        if not candidates:
            return f"{shown}, and no record made it"
        newest = max(candidates, key=attrgetter("wall"))
        if newest.value is None:
            return f"{shown}, and {newest.record} took it away"
        return f"{fact.what} is not in the database what {newest.record} made it"

    def _missing(self, slot: Slot, candidates: tuple[Candidate, ...]) -> bool:
        if slot in self._slots or any(one.value is None or one.wall > self._before for one in candidates):
            return False
        return slot.kind in OWNERS or (slot.kind in STAYING and slot.owner in self._owners)

    def _set(self, slot: Slot, *values: str | None) -> None:
        if not self._keeps(slot):
            return
        parts = self._held.setdefault(slot[:2], {})
        held = parts.get(slot.part, ())
        if self._wall <= self._before:
            held = tuple(one for one in held if one.wall > self._wall - self._tolerance)
        parts[slot.part] = (*held, *(Candidate(self._wall, self._record, value) for value in values))

    def _keeps(self, slot: Slot) -> bool:
        return slot in self._slots or slot.kind in OWNERS or (slot.kind in STAYING and slot.owner in self._owners)

    def _forget(self, slot: Slot) -> None:
        parts = self._held.get(slot[:2], {})
        held = parts.get(slot.part)
        if held is not None and held[-1].value is None:
            del parts[slot.part]
            if not parts:
                del self._held[slot[:2]]
