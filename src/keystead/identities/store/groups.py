"""Which users are in which groups: a group lends its policies to its members, and is nobody itself."""

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select

from keystead.database.engine import Connection, Transaction
from keystead.identities import limits
from keystead.identities.errors import QuotaExceeded
from keystead.identities.store import entities, history
from keystead.identities.store.entities import Entity
from keystead.identities.store.entities import from_row as entity_of
from keystead.identities.store.tables import KIND, group_members
from keystead.identities.store.tables import entities as table


async def of_user(connection: Connection, user: Entity) -> Sequence[Entity]:
    """The groups that a user is in."""
    joined = select(table).join(group_members, group_members.c.group_id == table.c.id)
    rows = await connection.execute(joined.where(group_members.c.user_id == user.id).order_by(table.c.folded))
    return [entity_of(row) for row in rows]


async def members(connection: Connection, group: Entity) -> Sequence[Entity]:
    joined = select(table).join(group_members, group_members.c.user_id == table.c.id)
    rows = await connection.execute(joined.where(group_members.c.group_id == group.id).order_by(table.c.folded))
    return [entity_of(row) for row in rows]


async def add(tx: Transaction, group: Entity, user: Entity) -> None:
    """Once is as good as twice. Raises EntityNotFound, QuotaExceeded."""
    await entities.present(tx, group)
    await entities.present(tx, user)
    mine = group_members.c.user_id == user.id
    if (await tx.execute(select(group_members).where(mine & (group_members.c.group_id == group.id)))).first():
        return
    if (await tx.execute(select(func.count()).select_from(group_members).where(mine))).scalar_one() >= (
        limits.GROUPS_OF_USER[1]
    ):
        raise QuotaExceeded(*limits.GROUPS_OF_USER)
    await tx.execute(insert(group_members).values(group_id=group.id, user_id=user.id))
    await history.note(tx, user.account, user.id, "group", group.id, group.id)
    tx.changed(KIND, user.id)


async def remove(tx: Transaction, group: Entity, user: Entity) -> None:
    """Whoever is not in it is not in it afterwards."""
    this = (group_members.c.group_id == group.id) & (group_members.c.user_id == user.id)
    if (await tx.execute(delete(group_members).where(this))).rowcount == 0:
        return
    await history.note(tx, user.account, user.id, "group", group.id, None)
    tx.changed(KIND, user.id)
