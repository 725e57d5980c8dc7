"""When an access key or a role was last used: folded in from the trail, never written on a call's way."""

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, insert, select

from keystead.database.engine import Connection, Transaction
from keystead.identities.store.tables import identity_usage as table
from keystead.trail.uses import Acted

AT_ONCE = 500
"""Values of one query; engines bound them."""


async def fold(tx: Transaction, acted: Sequence[Acted]) -> None:
    """The newest wins, whatever the order they come in. `acted`: one for each id."""
    known = await last_uses(tx.connection, [act.id for act in acted])
    newer = [act for act in acted if act.id not in known or known[act.id].at <= act.at]
    if not newer:
        return
    await tx.execute(delete(table).where(table.c.id.in_([act.id for act in newer])))
    await tx.execute(insert(table), [act._asdict() for act in newer])


async def last_uses(connection: Connection, ids: Iterable[str]) -> dict[str, Acted]:
    """By access key id or a role's unique id; who is not in it was not used since records are kept."""
    wanted, found = sorted(set(ids)), dict[str, Acted]()
    for start in range(0, len(wanted), AT_ONCE):
        these = select(table).where(table.c.id.in_(wanted[start : start + AT_ONCE]))
        found |= {row.id: Acted(row.id, row.at, row.service, row.region) for row in await connection.execute(these)}
    return found


async def last_use(connection: Connection, id: str) -> Acted | None:  # noqa: A002  # the column's name
    return (await last_uses(connection, (id,))).get(id)
