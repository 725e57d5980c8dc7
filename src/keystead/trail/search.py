"""The operator's search over all accounts and Regions: by who, what, which key or secret, error and time; newest first.

1. what is asked for leads to candidates by the index
2. every candidate is compared with all that is asked for, by its record

`scan` does the same without a database, by reading every record of a log: slow, and needs nothing but the folder.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from keystead.database.engine import Database
from keystead.trail import attributes, lookup, queries, store
from keystead.trail.attributes import Attributes
from keystead.trail.queries import Hit, Place, Wanted
from keystead.trail.segments import Reader
from keystead.trail.store import NUMBER_BITS
from keystead.trail.terms import Pair, secret_names

LATEST: Final = int(lookup.LATEST)
FIRST_PAGE: Final = 50
PAGE: Final = 800
"""Records that are read at once: few at first, for who wants the newest, and ever more for who wants all."""
SESSION: Final = ":assumed-role/"


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What a record must be to be found; None asks for nothing.

    principal  ARN of a user, a role, or a session of it; or a user's or session's name
    key        ARN of a key, or its id
    secret     ARN of a secret, or its name: then all that ever had it
    name       of the operation; error: code, as recorded
    since, until  seconds since the epoch, both included
    """

    principal: str | None = None
    key: str | None = None
    secret: str | None = None
    name: str | None = None
    error: str | None = None
    access_key_id: str | None = None
    account: str | None = None
    region: str | None = None
    since: int = 0
    until: int = LATEST

    def fits(self, seen: Attributes) -> bool:
        """Step 2."""
        asked = (
            (self.name, seen.event_name),
            (self.error, seen.error_code),
            (self.access_key_id, seen.user_identity.access_key_id),
            (self.account, seen.recipient_account_id),
            (self.region, seen.aws_region),
        )
        return (
            all(wanted is None or wanted == found for wanted, found in asked)
            and self.since <= seen.at <= self.until
            and self._fits_principal(seen)
            and self._fits_resources(seen)
        )

    def _fits_principal(self, seen: Attributes) -> bool:
        who = seen.user_identity
        return self.principal is None or self.principal in {who.principal, who.arn, who.username}

    def _fits_resources(self, seen: Attributes) -> bool:
        if self.key is None and self.secret is None:
            return True
        names = [name for _, name in seen.named()]
        key = self.key is None or any(is_key(name, self.key) for name in names)
        return key and (self.secret is None or any(is_secret(name, self.secret) for name in names))


class Found(NamedTuple):
    """A record. `number` in the log of `node`; `at` of its event, seconds since the epoch."""

    node: str
    number: int
    at: int
    seen: Attributes
    record: str


def is_key(arn: str, key: str) -> bool:
    return arn == key or arn.endswith(f":key/{key}")


def is_secret(arn: str, secret: str) -> bool:
    return arn == secret or ("SecretName", secret) in secret_names(arn)


async def search(database: Database, sought: Sought) -> AsyncIterator[Found]:
    """Newest first. The index may be a little behind the log."""
    async with database.read() as connection:
        scopes = await queries.scopes(connection)
        nodes = await store.ordinals(connection)
    streams = [
        Stream(database, account, region, asked, sought)
        for account, region in scopes
        if sought.account in {None, account} and sought.region in {None, region}
        for asked in leads(account, region, sought)
    ]
    last: int | None = None
    while True:
        heads = [(head.at, head.seq, number) for number, one in enumerate(streams) if (head := await one.head())]
        if not heads:
            return
        _, _, number = max(heads)
        hit = await streams[number].take()
        if hit.seq == last:  # one that several streams lead to
            continue
        last = hit.seq
        if sought.fits(hit.seen):
            ordinal, own = divmod(hit.seq, 1 << NUMBER_BITS)
            yield Found(nodes.get(ordinal, ""), own, hit.at, hit.seen, hit.record.decode())


def leads(account: str, region: str, sought: Sought) -> list[tuple[Pair, ...]]:
    """Step 1: what records have, all of it, that fit; in as many ways as a principal can be found."""
    asked: list[Pair] = []
    if sought.secret is not None:
        asked.append(("ResourceName" if sought.secret.startswith("arn:") else "SecretName", sought.secret))
    if sought.key is not None:
        arn = sought.key if sought.key.startswith("arn:") else f"arn:aws:kms:{region}:{account}:key/{sought.key}"
        asked.append(("ResourceName", arn))
    named = (("Error", sought.error), ("AccessKeyId", sought.access_key_id), ("EventName", sought.name))
    others = [(kind, value) for kind, value in named if value is not None]
    if sought.principal is None:
        return [(*asked, *others)]
    return [(*asked, one, *others) for one in principal(sought.principal)]


def principal(text: str) -> list[Pair]:
    """A user and a session are found by their names, and who is behind sessions by its ARN."""
    if not text.startswith("arn:"):
        return [("Username", text)]
    name = "root" if text.endswith(":root") else text.rpartition("/")[2]
    return [("Username", name)] if SESSION in text else [("Username", name), ("Principal", text)]


class Stream:
    """The candidates of one account and Region, newest first, read page by page."""

    def __init__(self, database: Database, account: str, region: str, asked: tuple[Pair, ...], sought: Sought) -> None:
        self._database = database
        self._asked = account, region, asked, sought.since, sought.until
        self._hits: list[Hit] = []
        self._before: Place | None = None
        self._ended = False
        self._page = FIRST_PAGE

    async def head(self) -> Hit | None:
        if not self._hits and not self._ended:
            async with self._database.read() as connection:
                page = await queries.page(connection, Wanted(*self._asked, self._before), self._page)
            self._hits = page[::-1]
            self._ended = len(page) < self._page
            self._page = min(2 * self._page, PAGE)
            if page:
                self._before = page[-1].place
        return self._hits[-1] if self._hits else None

    async def take(self) -> Hit:
        return self._hits.pop()


def scan(folder: Path, sought: Sought, node: str = "") -> Iterator[Found]:
    """In the order of the log. Raises LogDamaged."""
    reader = Reader(folder)
    index = -1
    try:
        while records := reader.after(index, PAGE):
            for record in records:
                seen = attributes.read(record.event)
                if seen is not None and sought.fits(seen):
                    yield Found(node, record.index, seen.at, seen, record.event.decode())
            index = records[-1].index
    finally:
        reader.close()
