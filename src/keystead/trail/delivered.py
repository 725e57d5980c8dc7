"""What has been made of the logs for others to read: cuts, log files, digests, and the keys that sign digests.

bucket      one row: which bucket the trail's is; a node whose bucket is another one delivers nothing
cut         node, first record ── last record     planned before a file is written, delivered after all are there
file        a log file that is in the bucket; digest: the number of the one that lists it
digest      account, Region, number ── the chain; its content stays until it is in the bucket
digest_key  public halves; the secret ones are sealed, beside the keyholder's others
attempt     how each node's last delivery ended
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from keystead.database.engine import Connection, Transaction
from keystead.database.tables import ACCOUNT, REGION, metadata

FIRST: Final = 0
ONE: Final = 1
"""The one row of `bucket`."""

bucket = Table(
    "trail_bucket",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("identity", String(64), nullable=False),
)

cuts = Table(
    "trail_cuts",
    metadata,
    Column("node", String(32), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("at", Double, nullable=False),  # seconds since the epoch
    Column("root", String(64), nullable=False),  # of the node's tree up to `last`, hexadecimal
    Column("delivered", Boolean, nullable=False),
    PrimaryKeyConstraint("node", "first"),
)

files = Table(
    "trail_files",
    metadata,
    Column("key", String(1024), primary_key=True),
    Column("account", ACCOUNT, nullable=False),
    Column("region", REGION, nullable=False),
    Column("node", String(32), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("events", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),  # of the content before compression
    Column("oldest", BigInteger, nullable=False),  # eventTime, seconds since the epoch
    Column("newest", BigInteger, nullable=False),
    Column("at", Double, nullable=False),  # when its cut was made
    Column("digest", BigInteger),
    Index(None, "account", "region", "digest"),
    Index(None, "at"),
)

digests = Table(
    "trail_digests",
    metadata,
    Column("account", ACCOUNT, nullable=False),
    Column("region", REGION, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),  # seconds since the epoch
    Column("end", BigInteger, nullable=False),
    Column("bucket", String(63), nullable=False),
    Column("key", String(1024), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("signature", String(2048), nullable=False),  # hexadecimal
    Column("content", Text),
    Column("delivered_at", Double),
    PrimaryKeyConstraint("account", "region", "number"),
    Index(None, "end"),
)

digest_keys = Table(
    "trail_digest_keys",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", String(32), nullable=False),
    Column("public", LargeBinary, nullable=False),  # PKCS #1 DER
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False),
)

attempts = Table(
    "trail_attempts",
    metadata,
    Column("node", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Double, nullable=False),
    Column("error", String(256)),  # None when it went well
    PrimaryKeyConstraint("node", "kind"),
)


class Cut(NamedTuple):
    """Records `first` to `last` of a node's log, of which files are made together."""

    node: str
    first: int
    last: int
    at: float
    root: str
    delivered: bool = False


class File(NamedTuple):
    """A row of `files`, column by column."""

    key: str
    account: str
    region: str
    node: str
    first: int
    last: int
    events: int
    sha256: str
    oldest: int
    newest: int
    at: float
    digest: int | None = None


class Digest(NamedTuple):
    """A row of `digests`, column by column."""

    account: str
    region: str
    number: int
    start: int
    end: int
    bucket: str
    key: str
    sha256: str
    signature: str
    content: str | None
    delivered_at: float | None = None


class DigestKey(NamedTuple):
    """A row of `digest_keys`, column by column."""

    version: int
    fingerprint: str
    public: bytes
    since: float
    until: float


class Attempt(NamedTuple):
    """A row of `attempts`, column by column."""

    node: str
    kind: str
    at: float
    error: str | None


Chain = tuple[str, str]
"""(account, Region)."""


async def bucket_known(connection: Connection) -> str | None:
    """The identity of the trail's bucket; None before anything has been delivered."""
    found: str | None = (await connection.execute(select(bucket.c.identity))).scalar()
    return found


async def claim_bucket(tx: Transaction, identity: str) -> str:
    """The trail's bucket: this one, if there was none yet."""
    known = (await tx.execute(select(bucket.c.identity))).scalar()
    if known is None:
        await tx.execute(insert(bucket).values(id=ONE, identity=identity))
    return str(known or identity)


async def newest_cut(connection: Connection, node: str) -> Cut | None:
    query = select(cuts).where(cuts.c.node == node).order_by(cuts.c.first.desc()).limit(1)
    row = (await connection.execute(query)).first()
    return Cut(*row) if row is not None else None


async def plan(tx: Transaction, cut: Cut) -> None:
    await tx.execute(insert(cuts).values(cut._asdict()))


async def delivered(tx: Transaction, cut: Cut, made: Sequence[File]) -> None:
    """All of the cut's files are in the bucket. Done once, however often it is tried."""
    this = and_(cuts.c.node == cut.node, cuts.c.first == cut.first, cuts.c.delivered.is_(False))
    if (await tx.execute(update(cuts).where(this).values(delivered=True))).rowcount == 1 and made:
        await tx.execute(insert(files), [file._asdict() for file in made])


async def logs(connection: Connection, until: float) -> list[Cut]:
    """Of each node the newest cut that is delivered and older than `until`."""
    chosen = (
        select(cuts.c.node, func.max(cuts.c.first).label("first"))
        .where(cuts.c.delivered.is_(True), cuts.c.at < until)
        .group_by(cuts.c.node)
        .subquery()
    )
    query = select(cuts).join(chosen, and_(cuts.c.node == chosen.c.node, cuts.c.first == chosen.c.first))
    return [Cut(*row) for row in await connection.execute(query.order_by(cuts.c.node))]


async def due(connection: Connection, end: int) -> list[Chain]:
    """Chains whose newest digest ended before `end`, and those that begin with a file that is older than it."""
    newest = select(digests.c.account, digests.c.region, func.max(digests.c.end)).group_by(
        digests.c.account, digests.c.region
    )
    known = {(row[0], row[1]): row[2] for row in await connection.execute(newest)}
    beginning = select(files.c.account, files.c.region).where(files.c.digest.is_(None), files.c.at < end).distinct()
    found = {(row[0], row[1]) for row in await connection.execute(beginning)} - known.keys()
    return sorted(found | {chain for chain, ended in known.items() if ended < end})


async def newest_digest(connection: Connection, chain: Chain) -> Digest | None:
    query = select(digests).where(*of(digests, chain)).order_by(digests.c.number.desc()).limit(1)
    row = (await connection.execute(query)).first()
    return Digest(*row) if row is not None else None


async def every_digest(connection: Connection) -> list[Digest]:
    """Without their contents."""
    query = select(digests).order_by(digests.c.account, digests.c.region, digests.c.number)
    return [Digest(*row)._replace(content=None) for row in await connection.execute(query)]


async def undelivered(connection: Connection) -> list[Digest]:
    query = select(digests).where(digests.c.delivered_at.is_(None))
    query = query.order_by(digests.c.account, digests.c.region, digests.c.number)
    return [Digest(*row) for row in await connection.execute(query)]


async def unlisted(connection: Connection, chain: Chain, until: float) -> list[File]:
    """Files that no digest lists, in the order of their keys."""
    query = select(files).where(*of(files, chain), files.c.digest.is_(None), files.c.at < until)
    return [File(*row) for row in await connection.execute(query.order_by(files.c.key))]


async def add_digest(tx: Transaction, digest: Digest, listed: Sequence[File]) -> None:
    await tx.execute(insert(digests).values(digest._asdict()))
    for file in listed:
        await tx.execute(update(files).where(files.c.key == file.key).values(digest=digest.number))


async def digest_delivered(tx: Transaction, digest: Digest, at: float) -> None:
    this = and_(*of(digests, (digest.account, digest.region)), digests.c.number == digest.number)
    await tx.execute(update(digests).where(this).values(delivered_at=at, content=None))


async def keys(connection: Connection) -> list[DigestKey]:
    """Oldest first."""
    return [DigestKey(*row) for row in await connection.execute(select(digest_keys).order_by(digest_keys.c.version))]


async def add_key(tx: Transaction, key: DigestKey) -> None:
    await tx.execute(insert(digest_keys).values(key._asdict()))


async def note(tx: Transaction, attempt: Attempt) -> None:
    this = and_(attempts.c.node == attempt.node, attempts.c.kind == attempt.kind)
    values: Mapping[str, Any] = {"at": attempt.at, "error": attempt.error}
    if (await tx.execute(update(attempts).where(this).values(**values))).rowcount == 0:
        await tx.execute(insert(attempts).values(attempt._asdict()))


async def noted(connection: Connection) -> list[Attempt]:
    return [Attempt(*row) for row in await connection.execute(select(attempts))]


async def latest(connection: Connection, account: str) -> tuple[float | None, float | None]:
    """When the account's newest log file and its newest digest were delivered."""
    newest_file = select(func.max(files.c.at)).where(files.c.account == account)
    newest = select(func.max(digests.c.delivered_at)).where(digests.c.account == account)
    return (await connection.execute(newest_file)).scalar(), (await connection.execute(newest)).scalar()


async def older_files(connection: Connection, before: float, limit: int) -> list[str]:
    """Keys of files that a digest lists, older than `before`."""
    query = select(files.c.key).where(files.c.at < before, files.c.digest.is_not(None))
    return list((await connection.execute(query.order_by(files.c.at).limit(limit))).scalars())


async def older_digests(connection: Connection, before: float, limit: int) -> list[Digest]:
    """Delivered ones that ended before `before`, but for the newest of each chain, which the next one continues."""
    newest = select(func.max(digests.c.number)).where(
        digests.c.account == older.c.account, digests.c.region == older.c.region
    )
    query = select(older).where(
        older.c.end < before, older.c.delivered_at.is_not(None), older.c.number < newest.scalar_subquery()
    )
    return [Digest(*row) for row in await connection.execute(query.order_by(older.c.end).limit(limit))]


older = digests.alias("older")


async def forget_files(tx: Transaction, gone: Sequence[str]) -> None:
    await tx.execute(delete(files).where(files.c.key.in_(gone)))


async def forget_digest(tx: Transaction, digest: Digest) -> None:
    this = and_(*of(digests, (digest.account, digest.region)), digests.c.number == digest.number)
    await tx.execute(delete(digests).where(this))


async def forget_cuts(tx: Transaction, node: str, before: float) -> None:
    """Delivered ones older than `before`, but for the newest."""
    newest = (await tx.execute(select(func.max(cuts.c.first)).where(cuts.c.node == node))).scalar()
    old = and_(cuts.c.node == node, cuts.c.at < before, cuts.c.delivered.is_(True), cuts.c.first != newest)
    await tx.execute(delete(cuts).where(old))


def of(table: Table, chain: Chain) -> tuple[Any, Any]:
    return table.c.account == chain[0], table.c.region == chain[1]
