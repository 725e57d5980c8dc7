"""Listings of keys."""

from sqlalchemy import select

from keystead.identities.call import Call
from keystead.keys.key import Manager, arn_of
from keystead.keys.store import keys as table
from keystead.keys.use import Keys


async def keys_after(room: Keys, call: Call, after: str, limit: int) -> list[tuple[str, str]]:
    """(id, ARN) of the account's keys in this Region, by id; one more than `limit` where there are more."""
    query = (
        select(table.c.id)
        .where(table.c.account == call.account, table.c.region == call.region, table.c.id > after)
        .where(table.c.manager != Manager.AWS_OWNED.value)
        .order_by(table.c.id)
        .limit(limit + 1)
    )
    async with room.database.read() as connection:
        return [(row.id, arn_of(call.account, call.region, row.id)) for row in await connection.execute(query)]
