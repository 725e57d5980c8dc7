"""The keyholder's own keys as they lie in the database: sealed."""

from keystead.database import sealed_keys
from keystead.database.engine import Database
from keystead.keyholder.promise import SealedKey


async def own_keys(database: Database) -> tuple[SealedKey, ...]:
    async with database.read() as connection:
        return tuple(SealedKey(*row) for row in await sealed_keys.load(connection))
