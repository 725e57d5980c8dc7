"""CloudTrail's log files, made of one node's log: each node cuts its own, and the files of all nodes lie in one bucket.

    {"Records":[RECORD,RECORD,…]}        gzip; one file for each account and Region that a cut has records of

1. finish the cut that was planned last, unless all its files are there
2. plan the next one: which records, and when; in the database before anything is written
3. write its files, whose names and contents follow from that alone
4. all are there: note them, for digests to list

Whatever is killed in between, the same files are written again under the same names, and every record is in one file.
A file's name ends in 16 characters that come from node, records, account and Region: no two nodes write the same name.
"""

import asyncio
import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Final

import structlog

from keystead.database.engine import Database
from keystead.trail import attributes, delivered
from keystead.trail.bucket import BucketError, BucketLost, ObjectDiffers
from keystead.trail.delivered import Attempt, Cut, File
from keystead.trail.hashes import Hashes
from keystead.trail.merkle import Frontier
from keystead.trail.segments import Reader, Record
from keystead.trail.trails import Files

log = structlog.get_logger("keystead.trail.log_files")

KIND: Final = "files"
CUT_LIMIT: Final = 20_000
"""Records of a cut: some 20 MB before compression."""
BATCH: Final = 1000
LEVEL: Final = 6
ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
UNIQUE_LENGTH: Final = 16
HEAD, TAIL = b'{"Records":[', b"]}"


class AnotherBucket(BucketError):
    """The trail's files are in another bucket than this node's: all nodes must be told the same one."""


@dataclass(slots=True)
class Part:
    """What a cut has of one account and Region. oldest, newest: eventTime, seconds since the epoch."""

    events: list[bytes] = field(default_factory=list)
    oldest: int = 0
    newest: int = 0

    def add(self, event: bytes, at: int) -> None:
        self.oldest = min(self.oldest, at) if self.events else at
        self.newest = max(self.newest, at) if self.events else at
        self.events.append(event)

    def content(self) -> bytes:
        return HEAD + b",".join(self.events) + TAIL


class LogFiles:
    """Of one node. Only its scheduler makes them."""

    def __init__(
        self, database: Database, folder: Path, files: Files, node: str, clock: Callable[[], float], every: float
    ) -> None:
        """`every`: seconds between two cuts."""
        self._database = database
        self._folder = folder
        self._files = files
        self._node = node
        self._clock = clock
        self._every = every
        self._reader = Reader(folder)

    async def deliver(self) -> None:
        """What is due. May be ended at any moment and run again. Raises BucketError, LogDamaged, what the database raises."""
        newest = await self._newest()
        if newest is not None and not newest.delivered:
            await self._tried(newest)  # 1
        if newest is not None and 0 <= self._clock() - newest.at < self._every:
            return
        end = self._reader.durable()
        first = newest.last + 1 if newest is not None else delivered.FIRST
        while first < end:
            cut = await self._plan(first, min(end, first + CUT_LIMIT) - 1)
            await self._tried(cut)
            first = cut.last + 1

    def close(self) -> None:
        self._reader.close()

    async def _newest(self) -> Cut | None:
        async with self._database.read() as connection:
            return await delivered.newest_cut(connection, self._node)

    async def _plan(self, first: int, last: int) -> Cut:
        """Step 2."""
        root = await asyncio.to_thread(root_of, self._folder, last + 1)
        cut = Cut(self._node, first, last, self._clock(), root.hex())
        async with self._database.write("cut", announced=False) as tx:
            await delivered.plan(tx, cut)
        return cut

    async def _tried(self, cut: Cut) -> None:
        error: str | None = "InternalError"
        try:
            await self._deliver(cut)
            error = None
        except (BucketLost, ObjectDiffers, AnotherBucket) as failed:
            error = type(failed).__name__
            raise
        finally:
            await note(self._database, Attempt(self._node, KIND, self._clock(), error))

    async def _deliver(self, cut: Cut) -> None:
        """Steps 3 and 4."""
        await claim(self._database, self._files)
        made = await asyncio.to_thread(self._write, cut)
        async with self._database.write("cut", announced=False) as tx:
            await delivered.delivered(tx, cut, made)

    def _write(self, cut: Cut) -> list[File]:
        return [self._write_file(cut, account, region, part) for (account, region), part in self._parts(cut)]

    def _parts(self, cut: Cut) -> list[tuple[tuple[str, str], Part]]:
        return sorted(parts_of(self._records(cut)).items())

    def _records(self, cut: Cut) -> Iterator[Record]:
        bounds = [*range(cut.first, cut.last + 1, BATCH), cut.last + 1]
        for first, end in pairwise(bounds):
            yield from self._reader.after(first - 1, end - first)

    def _write_file(self, cut: Cut, account: str, region: str, part: Part) -> File:
        content = part.content()
        key = self._files.trail.log_key(account, region, cut.at, unique(cut, account, region))
        self._files.bucket.put(key, gzip.compress(content, LEVEL, mtime=0))
        digest = sha256(content).hexdigest()
        counted = len(part.events)
        return File(
            key, account, region, cut.node, cut.first, cut.last, counted, digest, part.oldest, part.newest, cut.at
        )


def parts_of(records: Iterator[Record]) -> dict[tuple[str, str], Part]:
    """By account and Region, each in the log's order."""
    parts: dict[tuple[str, str], Part] = {}
    for record in records:
        seen = attributes.place(record.event)
        if seen is None:
            log.warning("not a CloudTrail record", index=record.index)
            continue
        parts.setdefault((seen.recipient_account_id, seen.aws_region), Part()).add(record.event, seen.at)
    return parts


def unique(cut: Cut, account: str, region: str) -> str:
    told = f"{cut.node}\n{cut.first}\n{cut.last}\n{account}\n{region}"
    number = int.from_bytes(sha256(told.encode()).digest(), "big")
    digits = []
    for _ in range(UNIQUE_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(digits)


def root_of(folder: Path, size: int) -> bytes:
    """Of the node's tree at that size, which is durable. Raises HashesMissing."""
    hashes = Hashes.read_only(folder)
    try:
        return Frontier.of(size, hashes.subtree).root()
    finally:
        hashes.close()


async def claim(database: Database, files: Files) -> None:
    """Before anything is put into it: an unmounted disk leaves an empty folder behind. Raises AnotherBucket, BucketLost."""
    async with database.read() as connection:
        known = await delivered.bucket_known(connection)
    if known is None:
        identity: str | None = await asyncio.to_thread(files.bucket.establish)
        async with database.write("bucket", announced=False) as tx:
            known = await delivered.claim_bucket(tx, identity or "")
    else:
        identity = await asyncio.to_thread(files.bucket.identity)
    if known != identity:
        raise AnotherBucket


async def note(database: Database, attempt: Attempt) -> None:
    async with database.write("attempt", announced=False) as tx:
        await delivered.note(tx, attempt)
