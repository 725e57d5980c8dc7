"""Tags of users, roles, managed policies and sessions. Keys are compared without regard to case and keep theirs."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from sqlalchemy import delete, insert, select

from keystead.database.engine import Connection, Transaction
from keystead.identities import limits
from keystead.identities.errors import DuplicateTags, QuotaExceeded, TagRefused
from keystead.identities.names import fold
from keystead.identities.store.tables import KIND
from keystead.identities.store.tables import tags as table

RESERVED: Final = "aws:"

Pairs = Sequence[tuple[str, str]]


class Subject(Protocol):
    """What has tags: a user, a role, a managed policy."""

    @property
    def id(self) -> str: ...
    @property
    def account(self) -> str: ...


def checked(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Raises DuplicateTags, TagRefused."""
    known: set[str] = set()
    kept = list(pairs)
    for key, _ in kept:
        if fold(key) in known:
            raise DuplicateTags
        if fold(key).startswith(RESERVED):
            raise TagRefused
        known.add(fold(key))
    return kept


async def of(connection: Connection, unique_id: str) -> Pairs:
    rows = await connection.execute(select(table).where(table.c.subject == unique_id).order_by(table.c.folded))
    return [(row.key, row.value) for row in rows]


async def put(tx: Transaction, subject: Subject, pairs: Pairs) -> None:
    """Add tags, or replace those of the same key. Raises QuotaExceeded.

    The pairs have been checked, and the subject is there in this transaction.
    """
    replaced = {fold(key) for key, _ in pairs}
    kept = {fold(key) for key, _ in await of(tx.connection, subject.id)} - replaced
    if len(kept) + len(replaced) > limits.TAGS[1]:
        raise QuotaExceeded(*limits.TAGS)
    await remove(tx, subject, replaced)
    if pairs:
        rows = [{"subject": subject.id, "folded": fold(key), "key": key, "value": value} for key, value in pairs]
        await tx.execute(insert(table), rows)


async def remove(tx: Transaction, subject: Subject, keys: Iterable[str]) -> None:
    """Keys that are not there are no mistake."""
    unwanted = {fold(key) for key in keys}
    await tx.execute(delete(table).where((table.c.subject == subject.id) & table.c.folded.in_(unwanted)))
    tx.changed(KIND, subject.id)


def condition_keys(prefix: str, pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """`aws:requesttag` or another prefix, and each folded key: what conditions ask for."""
    return {f"{prefix}/{fold(key)}": (value,) for key, value in pairs}
