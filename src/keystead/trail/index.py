"""Follows the log and keeps its index in the database, so that the log itself is only ever appended to.

1. read what is durable and not yet indexed, in batches
2. write the rows, the position, and what was learned about the use of keys and identities, in one transaction
3. a batch counts only if the position is still the one it was read from

So each record is indexed exactly once, whatever is killed between any two steps. The index holds nothing of its own: it can be
thrown away and made again from the log.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from keystead.database.engine import Database, Transaction
from keystead.metrics import meters
from keystead.trail import attributes, blocks, queries, store
from keystead.trail.blocks import Entry, entries, terms_of
from keystead.trail.queries import DAY, RETENTION_DAYS
from keystead.trail.segments import Reader, Record
from keystead.trail.shapes import Outline, Shape, Shapes, outlined
from keystead.trail.store import FIRST, Position
from keystead.trail.terms import term
from keystead.trail.uses import Acted, Read, Touched, Used, note_actor, note_read, note_touch, note_use

log = structlog.get_logger("keystead.trail.index")

BATCH: Final = 2000
"""Records of a transaction: others wait for it some 10 ms."""
BUSY: Final = 100
"""Records that came since the last time, from which on the next time is only HELD_SECONDS later: a transaction costs as much
as some hundred records do."""
HELD_SECONDS: Final = 0.5
AT_ONCE: Final = 16
"""Blocks that are pruned in one transaction."""

Usage = Callable[[Transaction, Sequence[Used]], Awaitable[None]]
Actors = Callable[[Transaction, Sequence[Acted]], Awaitable[None]]
Reads = Callable[[Transaction, Sequence[Read]], Awaitable[None]]
Touches = Callable[[Transaction, Sequence[Touched]], Awaitable[None]]


class IndexAhead(Exception):
    """The database knows of more records than the log has: one of them is not this node's, or was put back."""

    def __init__(self, indexed: int, durable: int) -> None:
        super().__init__(f"{indexed} records are indexed, {durable} are in the log")


@dataclass(slots=True)
class Batch:
    """Records to be written, in the order of the log.

    used        by key, the newest use
    acted       by access key or role, the newest call
    reads       by secret, version and reader, the newest read
    touched     by key, material, operation and principal, the first and the last use
    repeatable  by eventID what the service itself did: it may be in the log twice (trail.outbox), and is indexed once
    """

    entries: list[Entry] = field(default_factory=list)
    used: dict[str, Used] = field(default_factory=dict)
    acted: dict[str, Acted] = field(default_factory=dict)
    reads: dict[tuple[str | None, ...], Read] = field(default_factory=dict)
    touched: dict[tuple[str, ...], Touched] = field(default_factory=dict)
    repeatable: dict[str, Entry] = field(default_factory=dict)


class Index:
    """Of one node's log. One process follows it; a second one does no harm.

    usage   is told, inside the transaction, of the newest successful use of each key that a batch has
    actors  likewise, of the newest call of each long-term access key and each role
    reads   likewise, of the newest read of each version of a secret by each reader
    touches  likewise, of the first and the last use of each material of a key by each principal

    They are told again of what they know when the index is made again: the oldest and newest count, and nothing is added up.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        usage: Usage | None = None,
        actors: Actors | None = None,
        reads: Reads | None = None,
        touches: Touches | None = None,
        node: str = "",
    ) -> None:
        self._database = database
        self._reader = Reader(folder)
        self._usage = usage
        self._actors = actors
        self._reads = reads
        self._touches = touches
        self._node = node
        self._shapes = Shapes()
        self._reached = 0
        self._held_until = 0.0

    async def keep_up(self) -> None:
        """`follow`, for a job that runs many times a second: less often while much comes. Raises what `follow` raises."""
        now = asyncio.get_running_loop().time()
        before = self._reached
        if now < self._held_until and self._reader.durable() - before < BATCH:
            return
        await self.follow()
        self._held_until = now + HELD_SECONDS if self._reached - before >= BUSY else 0.0

    async def follow(self) -> None:
        """Index all that is durable now. May be ended at any moment and run again.

        Raises LogDamaged, IndexAhead, and what the database raises.
        """
        end = self._reader.durable()
        meters.INDEX_LAG.set(end - self._reached)
        if end == self._reached:
            return
        async with self._database.write("index", announced=False) as tx:
            position = await store.begin(tx, self._node)
        while position.last + 1 < end:
            position = await self._index_batch(position)
        durable = self._reader.durable()
        if position.last + 1 > durable:
            raise IndexAhead(position.last + 1, durable)
        self._reached = position.last + 1
        meters.INDEX_LAG.set(max(0, durable - self._reached))

    async def _index_batch(self, known: Position) -> Position:
        records = self._reader.after(known.last, BATCH)
        batch = batch_of(known, records, self._shapes)
        async with self._database.write("index", announced=False) as tx:
            moved = await store.advance(tx, known, records[-1].index)
            if moved is None:  # somebody else was here
                return await store.begin(tx, self._node)
            await write(tx, batch)
            if batch.used and self._usage is not None:
                await self._usage(tx, list(batch.used.values()))
            if batch.acted and self._actors is not None:
                await self._actors(tx, list(batch.acted.values()))
            if batch.reads and self._reads is not None:
                await self._reads(tx, list(batch.reads.values()))
            if batch.touched and self._touches is not None:
                await self._touches(tx, list(batch.touched.values()))
        return moved

    def close(self) -> None:
        self._reader.close()

    async def rebuild(self) -> None:
        """Throw this node's index away and make it again."""
        async with self._database.write("index", announced=False) as tx:
            await store.clear(tx, await store.begin(tx, self._node))
        self._reached = 0
        await self.follow()

    async def prune(self, now: float) -> None:
        """Drop the blocks of which LookupEvents reaches nothing any more at `now`, seconds since the epoch; the log keeps it."""
        before = int(now) - RETENTION_DAYS * DAY
        async with self._database.read() as connection:
            known = await store.position(connection, self._node)
        after = known.seq(FIRST) if known else FIRST
        while known is not None:
            async with self._database.read() as connection:
                found = await store.sizes(connection, known, after, AT_ONCE)
            old = [block.seq for block in found if block.newest < before]
            if not old:
                return
            await self._drop(old, before)
            after = found[-1].seq

    async def _drop(self, seqs: Sequence[int], before: int) -> None:
        """Read again: a block may have been joined with younger ones meanwhile."""
        async with self._database.write("index", announced=False) as tx:
            for block in await store.some(tx.connection, seqs):
                if block.newest < before:
                    await store.remove(tx, block, terms_of(entries(block.content)))


async def write(tx: Transaction, batch: Batch) -> None:
    twice = await indexed(tx, batch.repeatable) if batch.repeatable else set()
    found = [entry for entry in batch.entries if entry.seq not in twice] if twice else batch.entries
    await store.add(tx, list(blocks.cut(found)), {entry.place for entry in found})


async def indexed(tx: Transaction, repeatable: Mapping[str, Entry]) -> set[int]:
    """Those of them that are in the index already."""
    numbers = {id_: term(*entry.place, ("EventId", id_)) for id_, entry in repeatable.items()}
    there = await store.posted(tx.connection, list(numbers.values()))
    return {
        entry.seq
        for id_, entry in repeatable.items()
        if numbers[id_] in there and await queries.has(tx.connection, entry.place, id_)
    }


def batch_of(known: Position, records: Iterable[Record], shapes: Shapes | None = None) -> Batch:
    """`shapes` that are known from before."""
    batch = Batch()
    shapes = shapes or Shapes()
    spans: dict[Shape, Span] = {}
    for record in records:
        outline = outlined(record.event)
        shape = shapes.of(outline, record.event) if outline is not None else None
        if outline is None or shape is None:
            log.warning("not a CloudTrail record", index=record.index)
            continue
        at = outline.at
        entry = Entry(known.seq(record.index), at, record.event, shape.place, shape.terms_of(outline, at))
        if shape.service and batch.repeatable.setdefault(outline.event_id, entry) is not entry:
            continue
        batch.entries.append(entry)
        span = spans.get(shape)
        if span is None:
            spans[shape] = Span(record.index, outline, outline)
        else:
            span.take(record.index, outline, at)
        if shape.read and (seen := attributes.read(record.event)) is not None:
            note_read(batch.reads, seen)
    for shape, span in sorted(spans.items(), key=lambda each: each[1].number):
        note(batch, shape, span)
    return batch


class Span:
    """Of the records of one shape: the oldest, the newest, and the newest's number in the log."""

    __slots__ = ("newest", "number", "oldest")

    def __init__(self, number: int, oldest: Outline, newest: Outline) -> None:
        self.number = number
        self.oldest = oldest
        self.newest = newest

    def take(self, number: int, outline: Outline, at: int) -> None:
        if at >= self.newest.at:
            self.number, self.newest = number, outline
        elif at < self.oldest.at:
            self.oldest = outline


def note(batch: Batch, shape: Shape, span: Span) -> None:
    newest = shape.seen_as(span.newest)
    if shape.use:
        note_use(batch.used, newest)
        note_touch(batch.touched, shape.seen_as(span.oldest))
        note_touch(batch.touched, newest)
    note_actor(batch.acted, newest)
