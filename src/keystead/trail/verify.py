"""Checks a log against itself and against the keys that sign it; trusts nothing else, and runs beside a recorder.

1. the keys that must have signed: given, or those beside the log
2. the state and the mark, read first, for a recorder may go on meanwhile
3. every record up to the mark: whole, its number the next, its sender's count without a gap
4. the tree of them, and the hashes that are kept of it
5. every checkpoint: larger than the one before, signed by all the keys, its root the tree's when it had that size
6. the state: the tree, the place and the checkpoint that it names
7. the trees that others say this log had: none larger than it is, each its own at that size
8. what is there beyond the mark: written, and acknowledged to nobody

Absence of proof is never PROVEN.
"""

import os
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from keystead.trail import checkpoints, setup, state
from keystead.trail.checkpoints import Checkpoint, Kept
from keystead.trail.errors import LogDamaged, LogMissing
from keystead.trail.hashes import Hashes, HashesMissing
from keystead.trail.mark import Mark
from keystead.trail.merkle import TILE_HEIGHT, Frontier
from keystead.trail.records import Stamp, Stored
from keystead.trail.segments import HEADER_LENGTH, Walk, firsts
from keystead.trail.signed_note import NoteInvalid, Verifier, opened

WRITING_SECONDS: Final = 0.2
"""How long after which a checkpoint that is being written is written."""
BATCH: Final = 1024
"""Leaves that are compared with the kept hashes at a time."""


class Verdict(IntEnum):
    """The exit status of `keystead trail verify`."""

    PROVEN = 0
    CONTRADICTION = 1
    UNCHECKED = 2


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found.

    records         that are acknowledged, and were checked
    root            of their tree, base64
    signed          how many of them the newest checkpoint covers
    unacknowledged  whole records beyond the mark; `torn`: bytes after those
    keys            verifier keys that were asked for; `own_keys`: they were taken from beside the log
    """

    verdict: Verdict
    records: int = 0
    root: str = ""
    signed: int = 0
    checkpoints: int = 0
    unacknowledged: int = 0
    torn: int = 0
    keys: tuple[str, ...] = ()
    own_keys: bool = True
    findings: tuple[str, ...] = ()


class Head(NamedTuple):
    """A tree that this log had, as somebody says; `who` is the beginning of the sentence that tells when it is not so."""

    size: int
    root: bytes
    who: str


def verify(
    folder: Path, keys: Sequence[Verifier] = (), heads: Sequence[Head] = (), see: Callable[[Stored], None] | None = None
) -> Report:
    """`see` is shown every record that is checked, in order. Raises nothing but what a defect raises."""
    try:
        verification = Verification(folder, keys or setup.verifiers(folder), heads, own_keys=not keys, see=see)  # 1
        try:
            return verification.run()
        finally:
            verification.close()
    except LogMissing:
        return missing(heads)
    except LogDamaged as error:
        return Report(verdict=Verdict.CONTRADICTION, findings=(error.text,))
    except OSError as error:
        return Report(verdict=Verdict.UNCHECKED, findings=(f"{error.filename or 'the log'}: {error.strerror}",))


def missing(heads: Sequence[Head]) -> Report:
    """Nothing to check is nothing proven; where others have seen records, it contradicts them."""
    seen = tuple(f"{head.who} is of {head.size} records" for head in heads if head.size)
    return Report(
        verdict=Verdict.CONTRADICTION if seen else Verdict.UNCHECKED,
        findings=("there is no log here, or not all of it", *seen),
    )


class Verification:
    """One run over one log."""

    def __init__(
        self,
        folder: Path,
        keys: Sequence[Verifier],
        heads: Sequence[Head],
        *,
        own_keys: bool,
        see: Callable[[Stored], None] | None = None,
    ) -> None:
        """Raises LogMissing, LogDamaged, OSError."""
        self._folder = folder
        self._see = see
        self._keys = keys
        self._own_keys = own_keys
        self._heads = sorted(heads, reverse=True)
        self._state = state.load(folder)  # 2
        try:
            self._mark = Mark.read_only(folder)
        except ValueError:
            raise LogDamaged("the mark of what is acknowledged is too short") from None
        self._acknowledged = max(self._mark.read(), self._state.size)
        self._hashes = Hashes(folder, os.O_RDONLY)
        self._notes = Notes(folder)
        self._walk = Walk(folder, min(firsts(folder), default=0), HEADER_LENGTH, 0)
        self._frontier = Frontier()
        self._leaves: list[bytes] = []
        self._senders: dict[int, Counter[int]] = {}
        self._signed = 0
        self._checkpoints = 0
        self._findings: list[str] = []
        self._doubts: list[str] = []

    def close(self) -> None:
        for part in (self._mark, self._hashes, self._walk):
            part.close()

    def run(self) -> Report:
        if self._mark.read() < self._state.size:
            self._find(f"{self._state.size} records were signed and only {self._mark.read()} acknowledged")
        self._records()
        self._later_checkpoints()
        for head in self._heads:
            self._find(f"{head.who} is of {head.size} records, and there are {self._frontier.size}: the end is missing")
        unacknowledged = sum(1 for _ in self._walk)  # 8
        return Report(
            verdict=self._verdict(),
            records=self._frontier.size,
            root=b64encode(self._frontier.root()).decode(),
            signed=self._signed,
            checkpoints=self._checkpoints,
            unacknowledged=unacknowledged,
            torn=self._walk.rest(),
            keys=tuple(map(str, self._keys)),
            own_keys=self._own_keys,
            findings=(*self._findings, *self._doubts),
        )

    def _verdict(self) -> Verdict:
        if self._findings:
            return Verdict.CONTRADICTION
        if not self._checkpoints:
            self._doubts.append("nothing has been signed yet")
        return Verdict.UNCHECKED if self._doubts else Verdict.PROVEN

    def _records(self) -> None:
        """Steps 3 to 6 as far as the mark."""
        wall = 0
        see = self._see
        self._at_size(wall)
        for stored in self._until_acknowledged():  # 3
            self._count(stored.stamp)
            self._leaves.append(stored.leaf(self._walk.segment))
            if see is not None:
                see(stored)
            wall = stored.stamp.wall
            size = self._walk.index
            if size in {self._notes.size, self._state.size, self._next_head()} or len(self._leaves) == BATCH:
                self._grow()
                self._at_size(wall)
        self._grow()
        if self._walk.index < self._acknowledged:
            self._find(f"record {self._walk.index} of {self._acknowledged} is missing, changed or not whole")

    def _until_acknowledged(self) -> Iterator[Stored]:
        if self._acknowledged == 0:
            return
        for stored in self._walk:
            yield stored
            if self._walk.index == self._acknowledged:
                return

    def _count(self, stamp: Stamp) -> None:
        """A sender has one count for each connection it ever had: every number continues one of them, or begins one."""
        counts = self._senders.setdefault(stamp.source, Counter())
        before = stamp.number - 1
        if before and not counts[before]:
            self._find(
                f"record {stamp.index}: what process {stamp.source} sent before its number {stamp.number} is missing"
            )
        elif before:
            counts[before] -= 1
            if not counts[before]:
                del counts[before]
        counts[stamp.number] += 1

    def _grow(self) -> None:
        """Step 4. Hashes are compared as far as something signed rests on them; those after it are not durable."""
        first = self._frontier.size
        levels = self._frontier.extend(self._leaves)
        self._leaves.clear()
        for level, hashes in enumerate(levels):
            place = first >> TILE_HEIGHT * level
            relied = hashes[: max(0, (self._state.size >> TILE_HEIGHT * level) - place)]
            try:
                kept = self._hashes.read(level, place, len(relied))
            except HashesMissing:
                kept = []
            if kept != relied:
                self._find(f"the kept hashes of records {first} to {self._frontier.size - 1} are not theirs")

    def _at_size(self, wall: int) -> None:
        size = self._frontier.size
        while self._notes.size == size:
            self._checkpoint()
        while self._next_head() == size:
            self._check_head(self._heads.pop())
        if size == self._state.size:
            self._check_state(wall)

    def _next_head(self) -> int | None:
        return self._heads[-1].size if self._heads else None

    def _check_head(self, head: Head) -> None:
        """Step 7."""
        if head.root != self._frontier.root():
            self._find(f"{head.who} is of {head.size} records that are not these: its root differs")

    def _checkpoint(self) -> None:
        """Step 5, for the next note of the file."""
        checkpoint, kept = self._notes.take()
        self._checkpoints += 1
        what = f"the checkpoint of size {checkpoint.size}"
        if checkpoint.size <= self._signed:
            self._find(f"{what} follows one of size {self._signed}")
        if checkpoint.root != self._frontier.root():
            self._find(f"{what} is not that of the records: its root differs")
        self._signed = checkpoint.size
        try:
            _, signed = opened(kept.note, self._keys)
        except NoteInvalid as error:
            self._find(f"{what}: {error}")
            return
        for key in self._keys:
            if key not in signed:
                self._find(f"{what} is not signed by {key.name}+{key.id.hex()}")
            elif key.name != checkpoint.origin:
                self._find(f"{what} is of another log, {checkpoint.origin}")

    def _check_state(self, wall: int) -> None:
        """Step 6."""
        held = self._state
        same = held.size == self._frontier.size and held.root_hash == self._frontier.root() and held.wall == wall
        if not same or not held.goes_on_at(self._walk.segment, self._walk.place):
            self._find("the state of the log is not that of its records")
        its_note = self._notes.taken if self._signed == held.size else self._notes.begin
        if held.checkpoints != its_note:
            self._find("the state of the log does not lead to its checkpoint")

    def _later_checkpoints(self) -> None:
        """A recorder that runs may have signed more since; a log at rest has none that its records do not reach."""
        if self._notes.size is not None and self._notes.size < self._frontier.size:
            self._find(f"a checkpoint of size {self._notes.size} follows one of size {self._signed}")
        while self._notes.size is not None:
            checkpoint, _ = self._notes.take()
            if checkpoint.size > self._mark.read():
                self._find(f"the checkpoint of size {checkpoint.size} is of more records than there are")
        if self._notes.broken or self._notes.begin < self._state.checkpoints:
            self._find("the file of checkpoints is damaged")
        elif self._notes.rest():
            self._doubts.append(
                "the file of checkpoints does not end with a whole one; the recorder's next start cuts it"
            )

    def _find(self, text: str) -> None:
        if text not in self._findings:
            self._findings.append(text)


class Notes:
    """The file of checkpoints, read one ahead.

    size    of the next checkpoint; None after the last one that is whole
    begin   where the next one begins; `taken`: where the one taken last began
    broken  what is next is a whole note, and no checkpoint
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._next: tuple[Checkpoint, Kept] | None = None
        self.size: int | None = None
        self.begin = 0
        self.taken = 0
        self.broken = False
        self._kept = checkpoints.kept(folder)
        self._read()

    def take(self) -> tuple[Checkpoint, Kept]:
        if self._next is None:
            raise LookupError("no checkpoint is left")
        taken = self._next
        self.taken, self.begin = self.begin, taken[1].end
        self._read()
        return taken

    def rest(self) -> int:
        """Bytes after the last whole note. Looks twice: a recorder may just be writing one."""
        if self._rest():
            time.sleep(WRITING_SECONDS)
        return self._rest()

    def _rest(self) -> int:
        end = max((kept.end for kept in checkpoints.kept(self._folder, self.begin)), default=self.begin)
        return max(0, (self._folder / checkpoints.NAME).stat().st_size - end)

    def _read(self) -> None:
        self._next, self.size = None, None
        kept = next(self._kept, None)
        if kept is None:
            return
        try:
            checkpoint = checkpoints.of_note(kept.note)
        except ValueError:
            self.broken = True
            return
        self._next, self.size = (checkpoint, kept), checkpoint.size
