"""When a principal first and last used a key, by operation and material: folded in from the trail, never written on a call's way."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import delete, insert, select, tuple_

from keystead.database.engine import Connection, Transaction
from keystead.explain.store import key_users as table
from keystead.trail.uses import Touched

AT_ONCE: Final = 200
"""Keys of one query, of four values each; engines bound them."""
OPENING: Final = ("Decrypt", "ReEncrypt")
"""Operations that open a ciphertext."""
KEY: Final = (table.c.key_arn, table.c.material_id, table.c.operation, table.c.principal_id)


async def fold(tx: Transaction, touched: Sequence[Touched]) -> None:
    """The oldest and the newest win, whatever the order they come in. `touched`: one for each key of the table."""
    for start in range(0, len(touched), AT_ONCE):
        await fold_some(tx, touched[start : start + AT_ONCE])


async def fold_some(tx: Transaction, touched: Sequence[Touched]) -> None:
    places = [one[:4] for one in touched]
    there = {tuple(row[:4]): row for row in await tx.execute(select(table).where(tuple_(*KEY).in_(places)))}
    rows = []
    for one in touched:
        known = there.get(one[:4])
        first = one.first_at if known is None else min(one.first_at, known.first_at)
        last = one.last_at if known is None else max(one.last_at, known.last_at)
        if known is None or (first, last) != (known.first_at, known.last_at):
            newer = one.principal if known is None or one.last_at >= known.last_at else known.principal
            rows.append(one._replace(first_at=first, last_at=last, principal=newer)._asdict())
    if rows:
        changed = [tuple(row.values())[:4] for row in rows]
        await tx.execute(delete(table).where(tuple_(*KEY).in_(changed)))
        await tx.execute(insert(table), rows)


async def uses(connection: Connection, key_arn: str) -> list[Touched]:
    """All of a key's, oldest first."""
    found = await connection.execute(select(table).where(table.c.key_arn == key_arn).order_by(table.c.first_at))
    return [Touched(*row) for row in found]


async def last_uses(connection: Connection, key_arn: str, operations: Iterable[str] = OPENING) -> dict[str, float]:
    """When each principal last did one of these, by its unique id and by its ARN then."""
    wanted = select(table).where(table.c.key_arn == key_arn, table.c.operation.in_(list(operations)))
    found: dict[str, float] = {}
    for row in await connection.execute(wanted):
        for name in (row.principal_id, row.principal):
            if name is not None:
                found[name] = max(row.last_at, found.get(name, row.last_at))
    return found
