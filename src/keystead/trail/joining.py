"""Puts small blocks of the index together: where little happens, each is of the few records of a tenth of a second.

1. small blocks of a node that follow each other, and whose time has passed
2. are taken out, and the same records put in as few blocks as they make, in one transaction

Nothing that is found changes, nor the order in which it is found: pages go by records, not by blocks.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, takewhile
from typing import Any, Final

from sqlalchemy import Row

from keystead.database.engine import Database
from keystead.trail import blocks, store
from keystead.trail.blocks import RECORDS, SPAN, Entry, entries, terms_of
from keystead.trail.store import FIRST, Position

SMALL: Final = RECORDS // 2
AT_ONCE: Final = RECORDS
"""Blocks of one transaction."""
AGAIN: Final = 100_000
"""Records before the newest that a new process looks at: what was not joined before it began may be among them."""


class Joining:
    """Of one node's blocks."""

    def __init__(self, database: Database, node: str) -> None:
        self._database = database
        self._node = node
        self._number = FIRST
        """The record up to which all is joined."""

    async def run(self, now: float) -> None:
        """All that has passed at `now`, seconds since the epoch. May be ended at any moment and run again."""
        async with self._database.read() as connection:
            known = await store.position(connection, self._node)
        if known is None:
            return
        self._number = max(self._number, known.last - AGAIN)
        while passed := await self._passed(known, int(now) - SPAN):
            for run in runs(passed):
                await self._join(run)
            self._number = passed[-1].seq - known.seq(0)

    async def _passed(self, known: Position, before: int) -> list[Row[Any]]:
        async with self._database.read() as connection:
            found = await store.sizes(connection, known, known.seq(self._number), AT_ONCE)
        return list(takewhile(lambda block: block.newest < before, found))

    async def _join(self, run: Sequence[int]) -> None:
        async with self._database.write("index", announced=False) as tx:
            found = await store.some(tx.connection, run)
            parts = [list(entries(block.content)) for block in found]
            made = list(blocks.cut(entry for part in parts for entry in part))
            if len(made) >= len(found):
                return
            for block, part in zip(found, parts, strict=True):
                await store.remove(tx, block, terms_of(part))
            await store.add(tx, made, places(parts))


def places(parts: Sequence[Sequence[Entry]]) -> set[tuple[str, str]]:
    return {entry.place for part in parts for entry in part}


def runs(passed: Sequence[Row[Any]]) -> Iterator[list[int]]:
    """Of small blocks, by their seqs; one alone is none."""
    for small, run in groupby(passed, lambda block: block.records < SMALL):
        seqs = [block.seq for block in run]
        if small and len(seqs) > 1:
            yield seqs
