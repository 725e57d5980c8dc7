"""Long-term access keys of users: made with a secret that is shown once, switched off and on, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select, update

from keystead.database.engine import Connection, Transaction
from keystead.identities import limits
from keystead.identities.errors import AccessKeyNotFound, QuotaExceeded
from keystead.identities.new_keys import NewKey
from keystead.identities.store import entities
from keystead.identities.store.entities import Entity
from keystead.identities.store.tables import KIND
from keystead.identities.store.tables import access_keys as table
from keystead.identities.store.tables import entities as entities_table

ACTIVE: Final = "Active"
INACTIVE: Final = "Inactive"


@dataclass(frozen=True, slots=True)
class AccessKey:
    id: str
    status: str
    created_at: float


def from_row(row: Row[Any]) -> AccessKey:
    return AccessKey(row.id, row.status, row.created_at)


async def of(connection: Connection, user: Entity) -> Sequence[AccessKey]:
    rows = await connection.execute(
        select(table).where(table.c.user_id == user.id).order_by(table.c.created_at, table.c.id)
    )
    return [from_row(row) for row in rows]


async def of_account(connection: Connection, account: str) -> dict[str, Sequence[AccessKey]]:
    """By the user's unique id, oldest first."""
    mine = select(table).join(entities_table, entities_table.c.id == table.c.user_id)
    rows = await connection.execute(
        mine.where(entities_table.c.account == account).order_by(table.c.created_at, table.c.id)
    )
    found: dict[str, list[AccessKey]] = {}
    for row in rows:
        found.setdefault(row.user_id, []).append(from_row(row))
    return dict(found)


async def owner(connection: Connection, access_key_id: str) -> str | None:
    """The unique id of the user whose key it is, in whatever state."""
    found: str | None = (await connection.execute(select(table.c.user_id).where(table.c.id == access_key_id))).scalar()
    return found


async def held(connection: Connection, access_key_id: str) -> tuple[str, bytes] | None:
    """(user id, wrapped secret) of a key that is active; None of any other."""
    active = (table.c.id == access_key_id) & (table.c.status == ACTIVE)
    row = (await connection.execute(select(table).where(active))).first()
    return (row.user_id, row.secret_token) if row is not None else None


async def account_of(connection: Connection, access_key_id: str) -> str | None:
    """Of a key in whatever state."""
    joined = select(entities_table.c.account).join(table, table.c.user_id == entities_table.c.id)
    return (await connection.execute(joined.where(table.c.id == access_key_id))).scalar()


async def create(tx: Transaction, user: Entity, new: NewKey) -> AccessKey:
    """Keeps a new key, of its secret only the wrapped form. Raises EntityNotFound, QuotaExceeded."""
    await entities.present(tx, user)
    if len(await of(tx.connection, user)) >= limits.ACCESS_KEYS[1]:
        raise QuotaExceeded(*limits.ACCESS_KEYS)
    made = AccessKey(new.id, ACTIVE, float(int(tx.at)))
    row = {
        "id": made.id,
        "user_id": user.id,
        "secret_token": new.wrapped,
        "status": made.status,
        "created_at": made.created_at,
    }
    await tx.execute(insert(table).values(row))
    tx.changed(KIND, made.id)
    return made


async def change(tx: Transaction, user: Entity, access_key_id: str, status: str) -> None:
    """Raises AccessKeyNotFound."""
    this = (table.c.user_id == user.id) & (table.c.id == access_key_id)
    if (await tx.execute(update(table).where(this).values(status=status))).rowcount == 0:
        raise AccessKeyNotFound(access_key_id)
    tx.changed(KIND, access_key_id)


async def remove(tx: Transaction, user: Entity, access_key_id: str) -> None:
    """Raises AccessKeyNotFound."""
    this = (table.c.user_id == user.id) & (table.c.id == access_key_id)
    if (await tx.execute(delete(table).where(this))).rowcount == 0:
        raise AccessKeyNotFound(access_key_id)
    tx.changed(KIND, access_key_id)
