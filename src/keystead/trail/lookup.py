"""LookupEvents: an account's events in a Region, by one attribute and time, newest first, in pages.

A lookup sees every call that was answered before it was asked. The index follows the log a little behind, so a lookup first
waits until the index has come to where the log ended when it was asked. Events of other nodes are seen once those have
indexed them.
"""

import asyncio
import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from keystead.database.engine import Database
from keystead.keyholder.ciphertext import canonical
from keystead.keyholder.errors import CiphertextInvalid
from keystead.keyholder.promise import Keyholder
from keystead.trail import queries, store, tallies
from keystead.trail.queries import DAY, RETENTION_DAYS, Hit, Place, Wanted
from keystead.trail.segments import Reader
from keystead.trail.store import FIRST
from keystead.trail.tallies import Done
from keystead.trail.terms import ATTRIBUTES

PAGE: Final = 50
"""Events of a page at most, and when the caller does not say (CloudTrail API reference, LookupEvents)."""
WAIT_SECONDS: Final = 2.0
LOOK_AGAIN_SECONDS: Final = 0.02
LATEST: Final = 253402300799.0
"""The end of the year 9999: what lies outside is no time that a record can have."""
TRUTH: Final = frozenset({"true", "false"})


class AttributeInvalid(Exception):
    """More than one attribute, or a value that the attribute cannot have."""


class TimeRangeInvalid(Exception):
    """The end comes before the start, or a time that cannot be."""


class PageSizeInvalid(Exception):
    """Fewer than one event, or more than PAGE."""


class TokenInvalid(Exception):
    """A token that was not given out for this lookup."""


class IndexBehind(Exception):
    """The index has not caught up with the log in time. Retryable: an answer now would leave out what is on the record."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it is found. `record` is its JSON as it lies in the log; `resources` are (type, name)."""

    id: str
    name: str
    source: str
    at: int
    username: str | None
    access_key_id: str | None
    read_only: bool
    resources: list[tuple[str, str]]
    record: str


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for. `attribute` is (one of LookupEvents' eight, value); times in seconds since the epoch."""

    account: str
    region: str
    attribute: tuple[str, str] | None = None
    start: float | None = None
    end: float | None = None

    def context(self) -> bytes:
        """What a page token is bound to."""
        name, value = self.attribute or ("", "")
        bound = {"listing": "LookupEvents", "account": self.account, "region": self.region, "attribute": name}
        return canonical({**bound, "value": value, "start": repr(self.start), "end": repr(self.end)})


class Lookup:
    """The queries of one process. They may be asked in any number at once."""

    def __init__(
        self, database: Database, folder: Path, keyholder: Keyholder, clock: Callable[[], float], *, node: str = ""
    ) -> None:
        self._database = database
        self._reader = Reader(folder)
        self._keyholder = keyholder
        self._clock = clock
        self._node = node

    async def find(
        self, query: Query, *, limit: int = PAGE, token: str | None = None
    ) -> tuple[list[Event], str | None]:
        """A page, and the token of the next one.

        Raises AttributeInvalid, TimeRangeInvalid, PageSizeInvalid, TokenInvalid, IndexBehind.
        """
        if not 1 <= limit <= PAGE:
            raise PageSizeInvalid
        context = query.context()
        wanted = self._wanted(query, await self._place(context, token))
        if token is None:  # on a later page everything is older than what the first one waited for
            await self._caught_up()
        async with self._database.read() as connection:
            hits = await queries.page(connection, wanted, limit + 1)
        if len(hits) <= limit:
            return [found(hit) for hit in hits], None
        return [found(hit) for hit in hits[:limit]], await self._token(context, hits[limit - 1].place)

    async def of_request(self, account: str, request_id: str) -> list[Event]:
        """What an account's trail has of one request within RETENTION_DAYS, oldest first. Raises IndexBehind."""
        await self._caught_up()
        async with self._database.read() as connection:
            return [found(hit) for hit in await tallies.of_request(connection, account, request_id)]

    async def last_by_principal(
        self, account: str, region: str, resource: str, names: Sequence[str]
    ) -> dict[str, float]:
        """When each principal last did one of these with a resource, within RETENTION_DAYS: roles by ARN, users by name."""
        async with self._database.read() as connection:
            found = await tallies.last_by_principal(connection, account, region, resource, names)
        return {arn: float(at) for arn, at in found.items()}

    async def done_by(self, account: str, principal: str, since: float, until: float) -> list[Done]:
        """What a principal did, by operation and resource, within RETENTION_DAYS. Raises IndexBehind."""
        await self._caught_up()
        async with self._database.read() as connection:
            return await tallies.done_by(connection, account, principal, int(since), int(until))

    def close(self) -> None:
        self._reader.close()

    def _wanted(self, query: Query, before: Place | None) -> Wanted:
        oldest = int(self._clock()) - RETENTION_DAYS * DAY
        start, end = query.start or 0.0, LATEST if query.end is None else query.end
        if not 0 <= start <= end <= LATEST:
            raise TimeRangeInvalid
        return Wanted(
            query.account,
            query.region,
            (checked(*query.attribute),) if query.attribute else (),
            max(int(start), oldest),
            int(end),
            before,
        )

    async def _caught_up(self) -> None:
        """Until all is indexed that is durable now. What comes later is not waited for: there is always more."""
        end = self._reader.durable()
        asked = asyncio.get_running_loop().time()
        while await self._indexed() < end:
            if asyncio.get_running_loop().time() - asked > WAIT_SECONDS:
                raise IndexBehind
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _indexed(self) -> int:
        async with self._database.read() as connection:
            position = await store.position(connection, self._node)
        return (position.last if position else FIRST) + 1

    async def _place(self, context: bytes, token: str | None) -> Place | None:
        if token is None:
            return None
        try:
            sealed = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
            return msgspec.msgpack.decode(await self._keyholder.open_marker(context, sealed), type=tuple[int, int])
        except (UnicodeError, binascii.Error, CiphertextInvalid, msgspec.MsgspecError):
            raise TokenInvalid from None

    async def _token(self, context: bytes, place: Place) -> str:
        sealed = await self._keyholder.seal_marker(context, msgspec.msgpack.encode(place))
        return base64.urlsafe_b64encode(sealed).decode("ascii")


async def behind(database: Database, folder: Path, node: str) -> int:
    """Records of a node's log that are durable and not yet indexed. Raises what the database and the log raise."""
    reader = Reader(folder)
    try:
        durable = reader.durable()
    finally:
        reader.close()
    async with database.read() as connection:
        position = await store.position(connection, node)
    return max(0, durable - (position.last + 1 if position else 0))


def checked(name: str, value: str) -> tuple[str, str]:
    if name not in ATTRIBUTES or (name == "ReadOnly" and value not in TRUTH):
        raise AttributeInvalid
    return name, value


def found(hit: Hit) -> Event:
    seen = hit.seen
    return Event(
        seen.event_id,
        seen.event_name,
        seen.event_source,
        hit.at,
        seen.user_identity.username,
        seen.user_identity.access_key_id,
        seen.read_only,
        seen.named(),
        hit.record.decode(),
    )
