"""The versions of a secret, without their values: which there are, under which keys, and when they were read."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from keystead.secrets.secret import Secret
from keystead.secrets.store import labels, versions

LISTED: Final = (
    versions.c.id, versions.c.created_at, versions.c.key_arn, versions.c.default_key, versions.c.accessed_on
)  # fmt: skip  # columns

Place = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """A version that has a value. `key` is the key's id; None for the default key."""

    id: str
    created_at: float
    key: str | None
    accessed_on: float | None

    @property
    def place(self) -> Place:
        return self.created_at, self.id


async def page(
    connection: AsyncConnection, secret: Secret, after: Place | None, limit: int, *, deprecated: bool
) -> list[Listed]:
    """Oldest first; one more than `limit` where there are more. Without `deprecated`, those with a label."""
    query = select(*LISTED).where(versions.c.secret_id == secret.id, versions.c.kind.is_not(None))
    if not deprecated:
        labelled = select(labels.c.version_id).where(labels.c.secret_id == secret.id)
        query = query.where(versions.c.id.in_(labelled))
    if after is not None:
        query = query.where(tuple_(versions.c.created_at, versions.c.id) > after)
    found = await connection.execute(query.order_by(versions.c.created_at, versions.c.id).limit(limit + 1))
    return [listed(row) for row in found]


def listed(row: Any) -> Listed:
    key = None if row.default_key else row.key_arn.rpartition("/")[2]
    return Listed(row.id, row.created_at, key, row.accessed_on)
