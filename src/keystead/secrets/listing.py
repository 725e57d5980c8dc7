"""Lists of secrets, in pages whose cost does not grow with the number of secrets.

1. a filter that few secrets can match, as its index tells, names the candidates: all of them are looked at
2. otherwise secrets are looked at in the order asked for, by index, SCANNED of them at most: a page may then hold fewer
   than asked for, or none, and still have a next one (Secrets Manager API reference, NextToken)

What a filter means is decided by `matches` alone; indexes only spare looking.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from keystead.secrets import records
from keystead.secrets.finding import WORD_LIMIT, all_words, description_words
from keystead.secrets.secret import Secret
from keystead.secrets.store import labels, secrets, tags, words

CANDIDATES: Final = 1000
SCANNED: Final = 2000
CHUNK: Final = 500
AT_ONCE: Final = 500
"""Values of one query; engines bound them."""
LAST: Final = "\U0010ffff"

COLUMNS: Final = {
    #  SortBy               column
    "created-date":       secrets.c.created_at,
    "last-accessed-date": secrets.c.accessed_on,
    "last-changed-date":  secrets.c.changed_at,
    "name":               secrets.c.name,
}  # fmt: skip  # a table

Place = tuple[Any, int]
"""Of the last secret looked at: what it is sorted by, and its id."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Values of one filter combine with OR; a value that begins with `!` is matched by what the rest does not match."""

    key: str
    values: tuple[str, ...]

    def matches(self, secret: Secret) -> bool:
        return any(
            MATCHES[self.key](secret, value[1:]) is False if value[:1] == "!" else MATCHES[self.key](secret, value)
            for value in self.values
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """What is asked for. Filters combine with AND."""

    account: str
    region: str
    filters: tuple[Filter, ...] = ()
    marked: bool = False
    sort: str = "created-date"
    descending: bool = False

    def shows(self, secret: Secret) -> bool:
        return (self.marked or secret.deleted_at is None) and all(one.matches(secret) for one in self.filters)

    def place(self, secret: Secret) -> Place:
        by = {"created-date": secret.created_at, "last-changed-date": secret.changed_at, "name": secret.name}
        return by.get(self.sort, secret.accessed_on or 0.0), secret.id


def begins(texts: Iterable[str], value: str) -> bool:
    return any(text.startswith(value) for text in texts)


def every_word(found: Sequence[str], value: str) -> bool:
    return all(begins(found, word) for word in description_words(value))


def in_description(secret: Secret, value: str) -> bool:
    return secret.description is not None and every_word(description_words(secret.description), value)


def anywhere(secret: Secret, value: str) -> bool:
    tagged = secret.tags or {}
    texts = (secret.name, secret.description or "", *tagged, *tagged.values())
    return every_word([word for text in texts for word in all_words(text)], value)


MATCHES: Final[Mapping[str, Callable[[Secret, str], bool]]] = {
    "name": lambda secret, value: secret.name.startswith(value),
    "tag-key": lambda secret, value: begins(secret.tags or (), value),
    "tag-value": lambda secret, value: begins((secret.tags or {}).values(), value),
    "primary-region": lambda secret, value: (secret.primary_region or secret.region).startswith(value),
    "owning-service": lambda _, __: False,  # no service owns secrets here
    "description": in_description,
    "all": anywhere,
}


async def page(
    connection: AsyncConnection, asked: Listing, after: Place | None, limit: int
) -> tuple[list[Secret], Place | None]:
    """The next secrets, and from where to go on if there may be more. THE CALLER HAS DECIDED."""
    for one in asked.filters:
        ids = await candidates(connection, asked, one)
        if ids is not None:  # 1
            return await of_candidates(connection, asked, ids, after, limit)
    return await scan(connection, asked, after, limit)  # 2


async def of_candidates(
    connection: AsyncConnection, asked: Listing, ids: Sequence[int], after: Place | None, limit: int
) -> tuple[list[Secret], Place | None]:
    found = [secret for secret in await load(connection, ids) if asked.shows(secret)]
    found.sort(key=asked.place, reverse=asked.descending)
    if after is not None:
        found = [one for one in found if (asked.place(one) < after if asked.descending else asked.place(one) > after)]
    return found[:limit], asked.place(found[limit - 1]) if len(found) > limit else None


async def scan(
    connection: AsyncConnection, asked: Listing, after: Place | None, limit: int
) -> tuple[list[Secret], Place | None]:
    shown: list[Secret] = []
    looked = 0
    size = CHUNK if asked.filters else limit + 1
    while True:
        ids = [row.id for row in await connection.execute(ordered(asked, after).limit(size))]
        for secret in await load(connection, ids):
            if asked.shows(secret):
                if len(shown) == limit:
                    return shown, after
                shown.append(secret)
            after = asked.place(secret)
        looked += len(ids)
        if len(ids) < size:
            return shown, None
        if looked >= SCANNED:
            return shown, after


def ordered(asked: Listing, after: Place | None) -> Select[Any]:
    column = COLUMNS[asked.sort]
    query = select(secrets.c.id).where(secrets.c.account == asked.account, secrets.c.region == asked.region)
    if after is not None:
        place = tuple_(column, secrets.c.id)
        query = query.where(place < after if asked.descending else place > after)
    if asked.descending:
        return query.order_by(column.desc(), secrets.c.id.desc())
    return query.order_by(column, secrets.c.id)


async def candidates(connection: AsyncConnection, asked: Listing, one: Filter) -> list[int] | None:
    """Every secret that the filter can match; None where they are too many, or no index tells."""
    conditions = [condition(asked, one.key, value) for value in one.values]
    known = [found for found in conditions if found is not None]
    if len(known) < len(conditions):
        return None
    query = select(secrets.c.id) if one.key == "name" else select(words.c.secret_id).distinct()
    rows = (await connection.execute(query.where(or_(*known)).limit(CANDIDATES + 1))).all()
    return [row[0] for row in rows] if len(rows) <= CANDIDATES else None


def condition(asked: Listing, key: str, value: str) -> ColumnElement[bool] | None:
    if value[:1] == "!":
        return None
    if key == "name":
        here = and_(secrets.c.account == asked.account, secrets.c.region == asked.region)
        return and_(here, secrets.c.name >= value, secrets.c.name < value + LAST)
    if key in {"description", "all"}:
        value = max(description_words(value), key=len, default="")
    if key not in {"description", "all", "tag-key", "tag-value"} or not value:
        return None
    begin = value[:WORD_LIMIT]
    here = and_(words.c.account == asked.account, words.c.region == asked.region, words.c.field == key)
    return and_(here, words.c.word >= begin, words.c.word < begin + LAST)


async def load(connection: AsyncConnection, ids: Sequence[int]) -> list[Secret]:
    """In the order of the ids. Replicas' status is left out, as ListSecrets leaves it out."""
    found: dict[int, Secret] = {}
    for start in range(0, len(ids), AT_ONCE):
        found |= await load_some(connection, ids[start : start + AT_ONCE])
    return [found[one] for one in ids if one in found]


async def load_some(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, Secret]:
    labelled: dict[int, dict[str, str]] = {}
    for row in await connection.execute(select(labels).where(labels.c.secret_id.in_(ids))):
        labelled.setdefault(row.secret_id, {})[row.label] = row.version_id
    tagged: dict[int, dict[str, str]] = {}
    query = select(tags).where(tags.c.secret_id.in_(ids)).order_by(tags.c.secret_id, tags.c.place)
    for row in await connection.execute(query):
        tagged.setdefault(row.secret_id, {})[row.name] = row.value
    rows = await connection.execute(select(secrets).where(secrets.c.id.in_(ids)))
    return {
        row.id: records.secret_of(row, labelled.get(row.id, {}), tagged.get(row.id, {}) if row.tagged else None)
        for row in rows
    }
