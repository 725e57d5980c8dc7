"""The keyholder's own keys as they lie in the database: sealed, and of no use without the root key."""

from typing import NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from keystead.database.engine import Transaction
from keystead.database.tables import sealed_keys

KIND = "sealed_key"


class SealedRow(NamedTuple):
    """The fields of keyholder.promise.SealedKey, in its order."""

    id: str
    purpose: str
    version: int
    blob: bytes

    def __repr__(self) -> str:
        return f"SealedRow({self.id!r}, {self.purpose!r}, {self.version})"


async def load(connection: AsyncConnection) -> tuple[SealedRow, ...]:
    """All of them, oldest version first."""
    found = await connection.execute(select(sealed_keys).order_by(sealed_keys.c.purpose, sealed_keys.c.version))
    return tuple(SealedRow(row.id, row.purpose, row.version, row.blob) for row in found)


async def add(tx: Transaction, id: str, purpose: str, version: int, blob: bytes) -> None:  # noqa: A002  # the field's name
    """Raises sqlalchemy.exc.IntegrityError for a version that the purpose already has."""
    row = {"id": id, "purpose": purpose, "version": version, "blob": blob, "created_at": tx.at}
    await tx.execute(insert(sealed_keys), row)
    tx.changed(KIND, id)
