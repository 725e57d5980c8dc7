"""When a key was last used: folded in from the trail, never written on a call's way."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from keystead.database.engine import Transaction
from keystead.keys.key import DAY, Key
from keystead.keys.store import usage
from keystead.keys.use import Keys
from keystead.trail.uses import Used


async def fold(tx: Transaction, used: Sequence[Used]) -> None:
    """The newest wins, whatever the order they come in."""
    newest: dict[str, Used] = {}
    for use in used:
        if use.key_arn not in newest or newest[use.key_arn].at <= use.at:
            newest[use.key_arn] = use
    known = {row.key_arn: row.at for row in await tx.execute(select(usage).where(usage.c.key_arn.in_(newest)))}
    rows = [use._asdict() for arn, use in newest.items() if known.get(arn, use.at) <= use.at]
    if not rows:
        return
    await tx.execute(delete(usage).where(usage.c.key_arn.in_([row["key_arn"] for row in rows])))
    await tx.execute(insert(usage), rows)


async def last_use(room: Keys, key: Key) -> Used | None:
    async with room.database.read() as connection:
        row = (await connection.execute(select(usage).where(usage.c.key_arn == key.arn))).first()
    return Used(row.key_arn, row.operation, row.at, row.event_id, row.request_id) if row is not None else None


async def days_without_use(room: Keys, key: Key) -> int:
    """Whole days since the last use, or since the key was made."""
    used = await last_use(room, key)
    return int((room.clock() - (used.at if used else key.created_at)) // DAY)
