"""Follows the log and keeps its index in the database, so that the log itself is only ever appended to.

1. read what is durable and not yet indexed, in batches
2. write the rows, the position, and what was learned about the use of keys and identities, in one transaction
3. a batch counts only if the position is still the one it was read from

So each record is indexed exactly once, whatever is killed between any two steps. The index holds nothing of its own: it can be
thrown away and made again from the log.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from keystead.database.engine import Database, Transaction
from keystead.metrics import meters
from keystead.trail import attributes, store
from keystead.trail.attributes import SECRETS, Attributes
from keystead.trail.event import SERVICE_EVENT
from keystead.trail.segments import Reader, Record
from keystead.trail.store import EventRow, Position, ResourceRow

log = structlog.get_logger("keystead.trail.index")

BATCH: Final = 1000
"""Records of a transaction: others wait for it some 20 ms."""
DAY: Final = 86400
RETENTION_DAYS: Final = 90
"""How far back LookupEvents reaches (CloudTrail API reference). The log keeps everything."""

USES: Final = frozenset(
    {
        "Decrypt", "DeriveSharedSecret", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "ReEncrypt", "Sign",
        "Verify", "VerifyMac", "Encapsulate", "Decapsulate",
    }
)  # fmt: skip  # a list of names
"""Operations that count as use of a key (KMS model, KeyLastUsageData)."""
KMS: Final = "kms.amazonaws.com"
DESCRIBED: Final = "DescribeSecret"
"""Tells its caller which version is current, and no value."""
READS: Final = frozenset({"GetSecretValue", "BatchGetSecretValue", DESCRIBED})
KEY: Final = "AWS::KMS::Key"


class Used(NamedTuple):
    """A successful use of a key. `at` in seconds since the epoch."""

    key_arn: str
    operation: str
    at: float
    event_id: str
    request_id: str


class Acted(NamedTuple):
    """A call, successful or not, of a long-term access key or a role.

    id       the access key's, or the role's unique id
    service  as its DNS name begins: kms
    """

    id: str
    at: float
    service: str
    region: str


class Read(NamedTuple):
    """A successful read of a secret's value, or of which version is current. `at` in seconds since the epoch.

    principal  ARN of the user, or of the role or user behind a session; None for a caller of another account
    username   of a user its name, of a session the session's
    operation  GetSecretValue, BatchGetSecretValue, DescribeSecret
    arn        the caller's own: of a session, with its name; None where `principal` is
    """

    secret_arn: str
    version_id: str
    principal: str | None
    username: str | None
    at: float
    event_id: str
    operation: str
    arn: str | None
    address: str
    agent: str

    @property
    def reader(self) -> tuple[str | None, ...]:
        """What a later read of the same takes the place of."""
        return self.secret_arn, self.version_id, self.username, self.operation, self.arn, self.address, self.agent

    @property
    def instant(self) -> float:
        """`at` to the millisecond, as the event's id has it (trail.event.id_at)."""
        return int(self.event_id[:8] + self.event_id[9:13], 16) / 1000


class Touched(NamedTuple):
    """What a principal did with one material of a key: successful uses, from the first to the last of a batch.

    material_id   "" where the record does not say it
    principal_id  unique id of the user or role; of others what the record has
    principal     its ARN; None for a caller of another account
    """

    key_arn: str
    material_id: str
    operation: str
    principal_id: str
    principal: str | None
    first_at: float
    last_at: float


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
    """Rows to be written.

    used        by key, the newest use
    acted       by access key or role, the newest call
    reads       by secret, version and reader, the newest read
    touched     by key, material, operation and principal, the first and the last use
    repeatable  eventID to seq of what the service itself did: it may be in the log twice (trail.outbox), and is indexed once
    """

    rows: list[EventRow] = field(default_factory=list)
    resources: list[ResourceRow] = field(default_factory=list)
    used: dict[str, Used] = field(default_factory=dict)
    acted: dict[str, Acted] = field(default_factory=dict)
    reads: dict[tuple[str | None, ...], Read] = field(default_factory=dict)
    touched: dict[tuple[str, ...], Touched] = field(default_factory=dict)
    repeatable: dict[str, int] = field(default_factory=dict)

    def drop(self, seqs: set[int]) -> None:
        if seqs:
            self.rows = [row for row in self.rows if row.seq not in seqs]
            self.resources = [row for row in self.resources if row.seq not in seqs]


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
        self._reached = 0

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
        batch = batch_of(known, records)
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
        """Drop what LookupEvents no longer reaches at `now`, seconds since the epoch; the log keeps it."""
        before = int(now) - RETENTION_DAYS * DAY
        async with self._database.read() as connection:
            known = await store.position(connection, self._node)
        after = known.seq(0) - 1 if known else 0
        while known is not None:
            async with self._database.read() as connection:
                rows = await store.oldest(connection, known, after, BATCH)
            old = [row for row in rows if row.at < before]
            if not old:
                return
            gone = [resource for row in old for resource in resource_rows(row.seq, attributes.read(row.record))]
            async with self._database.write("index", announced=False) as tx:
                await store.remove(tx, [row.seq for row in old], gone)
            after = rows[-1].seq


async def write(tx: Transaction, batch: Batch) -> None:
    if batch.repeatable:
        batch.drop({batch.repeatable[known] for known in await store.known(tx, list(batch.repeatable))})
    await store.add(tx, batch.rows, batch.resources)


def batch_of(known: Position, records: Iterable[Record]) -> Batch:
    batch = Batch()
    for record in records:
        seen = attributes.read(record.event)
        if seen is None:
            log.warning("not a CloudTrail record", index=record.index)
            continue
        seq = known.seq(record.index)
        if seen.event_type == SERVICE_EVENT and batch.repeatable.setdefault(seen.event_id, seq) != seq:
            continue
        batch.rows.append(event_row(seq, known.node, seen, record.event))
        batch.resources += resource_rows(seq, seen)
        if seen.event_source == KMS and seen.event_name in USES and seen.error_code is None:
            note_use(batch.used, seen)
            note_touch(batch.touched, seen)
        elif seen.event_source == SECRETS and seen.event_name in READS and seen.error_code is None:
            note_read(batch.reads, seen)
        note_actor(batch.acted, seen)
    return batch


def event_row(seq: int, node: str, seen: Attributes, event: bytes) -> EventRow:
    who = seen.user_identity
    return EventRow(
        seq,
        node,
        seen.recipient_account_id,
        seen.aws_region,
        seen.at,
        seen.event_id,
        seen.event_name,
        seen.event_source,
        who.username,
        who.access_key_id,
        who.session_context.session_issuer.arn,
        seen.error_code,
        seen.request_id or None,
        seen.read_only,
        event.decode(),
    )


def resource_rows(seq: int, seen: Attributes | None) -> list[ResourceRow]:
    if seen is None:
        return []
    account, region, at = seen.recipient_account_id, seen.aws_region, seen.at
    return [ResourceRow(account, region, name, at, seq, type_) for type_, name in seen.named()]


def note_use(used: dict[str, Used], seen: Attributes) -> None:
    """A call that reached another account's key is recorded in both; the use counts in the log of the key's owner."""
    for resource in seen.resources:
        if resource.type != KEY or resource.accountId != seen.recipient_account_id:
            continue
        known = used.get(resource.ARN)
        if known is None or known.at <= seen.at:
            used[resource.ARN] = Used(resource.ARN, seen.event_name, float(seen.at), seen.event_id, seen.request_id)


def note_touch(touched: dict[tuple[str, ...], Touched], seen: Attributes) -> None:
    """By the log of the key's owner. Of two keys the record has the first one's material (services.kms, ReEncrypt)."""
    who = seen.user_identity
    for number, resource in enumerate(seen.resources):
        if resource.type != KEY or resource.accountId != seen.recipient_account_id or who.unique_id is None:
            continue
        material = seen.material_id if number == 0 else ""
        found = (resource.ARN, material, seen.event_name, who.unique_id)
        at = float(seen.at)
        known = touched.get(found)
        first, last = (min(known.first_at, at), max(known.last_at, at)) if known is not None else (at, at)
        touched[found] = Touched(*found, who.principal, first, last)


def note_read(reads: dict[tuple[str | None, ...], Read], seen: Attributes) -> None:
    """A read from another account is recorded in both; only the copy of the reader's names the reader, so both are told."""
    secret, who = seen.secret, seen.user_identity
    if secret is None or secret.SecretId is None or secret.SecretVersionId is None:
        return
    read = Read(
        secret.SecretId,
        secret.SecretVersionId,
        who.principal,
        who.username,
        float(seen.at),
        seen.event_id,
        seen.event_name,
        who.arn,
        seen.source_ip_address,
        seen.user_agent,
    )
    known = reads.get(read.reader)
    if known is None or known.at <= read.at:
        reads[read.reader] = read


def note_actor(acted: dict[str, Acted], seen: Attributes) -> None:
    """The copy that another account gets names neither access key nor role, and is not counted twice."""
    actor = seen.user_identity.actor
    known = acted.get(actor) if actor is not None else None
    if actor is not None and (known is None or known.at <= seen.at):
        service = seen.event_source.partition(".")[0]
        acted[actor] = Acted(actor, float(seen.at), service, seen.aws_region)
