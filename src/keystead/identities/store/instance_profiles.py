"""Instance profiles: a name under which a role can be given to a machine. They hold one role at most, or none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from keystead.database.engine import Connection, Transaction
from keystead.identities import limits
from keystead.identities.errors import EntityInUse, ProfileExists, ProfileNotFound, QuotaExceeded
from keystead.identities.names import entity_arn, fold, new_unique_id
from keystead.identities.store import entities
from keystead.identities.store.entities import Entity
from keystead.identities.store.tables import KIND, tags
from keystead.identities.store.tables import instance_profiles as table


@dataclass(frozen=True, slots=True)
class Profile:
    """role_id  unique id of the role in it."""

    id: str
    account: str
    name: str
    path: str
    created_at: float
    role_id: str | None = None

    @property
    def arn(self) -> str:
        return entity_arn(self.account, "instance-profile", self.path, self.name)


def from_row(row: Row[Any]) -> Profile:
    return Profile(row.id, row.account, row.name, row.path, row.created_at, row.role_id)


async def named(connection: Connection, account: str, name: str) -> Profile | None:
    wanted = (table.c.account == account) & (table.c.folded == fold(name))
    row = (await connection.execute(select(table).where(wanted))).first()
    return from_row(row) if row is not None else None


async def of_account(connection: Connection, account: str) -> Sequence[Profile]:
    rows = await connection.execute(select(table).where(table.c.account == account).order_by(table.c.folded))
    return [from_row(row) for row in rows]


async def of_role(connection: Connection, role: Entity) -> Sequence[Profile]:
    rows = await connection.execute(select(table).where(table.c.role_id == role.id).order_by(table.c.folded))
    return [from_row(row) for row in rows]


async def create(tx: Transaction, account: str, name: str, path: str) -> Profile:
    """Raises ProfileExists, QuotaExceeded."""
    if await named(tx.connection, account, name) is not None:
        raise ProfileExists(name)
    mine = select(func.count()).select_from(table).where(table.c.account == account)
    if (await tx.execute(mine)).scalar_one() >= limits.INSTANCE_PROFILES[1]:
        raise QuotaExceeded(*limits.INSTANCE_PROFILES)
    made = Profile(new_unique_id("AIPA"), account, name, path, float(int(tx.at)))
    row = {"id": made.id, "account": account, "name": name, "folded": fold(name), "path": path}
    await tx.execute(insert(table).values(**row, created_at=made.created_at))
    tx.changed(KIND, made.id)
    return made


async def put_role(tx: Transaction, profile: Profile, role: Entity) -> None:
    """Raises EntityNotFound, ProfileNotFound, QuotaExceeded."""
    await entities.present(tx, role)
    if (await current(tx, profile)).role_id is not None:
        raise QuotaExceeded(*limits.ROLES_OF_PROFILE)
    await tx.execute(update(table).where(table.c.id == profile.id).values(role_id=role.id))
    tx.changed(KIND, profile.id)


async def take_role(tx: Transaction, profile: Profile, role: Entity) -> None:
    """Whatever is not in it is not in it afterwards."""
    this = (table.c.id == profile.id) & (table.c.role_id == role.id)
    await tx.execute(update(table).where(this).values(role_id=None))
    tx.changed(KIND, profile.id)


async def remove(tx: Transaction, profile: Profile) -> None:
    """Raises EntityInUse, ProfileNotFound."""
    if (await current(tx, profile)).role_id is not None:
        raise EntityInUse("remove roles from instance profile")
    await tx.execute(delete(table).where(table.c.id == profile.id))
    await tx.execute(delete(tags).where(tags.c.subject == profile.id))
    tx.changed(KIND, profile.id)


async def current(tx: Transaction, profile: Profile) -> Profile:
    """As it is in this transaction. Raises ProfileNotFound."""
    row = (await tx.execute(select(table).where(table.c.id == profile.id))).first()
    if row is None:
        raise ProfileNotFound(profile.name)
    return from_row(row)
