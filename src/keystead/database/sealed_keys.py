"""The keyholder's own keys as they lie in the database: sealed, and of no use without the root key."""

from typing import NamedTuple, Protocol

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from keystead.database.engine import Transaction
from keystead.database.tables import sealed_keys

KIND = "sealed_key"


class Sealed(Protocol):
    """What is kept of keyholder.promise.SealedKey."""

    @property
    def id(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def blob(self) -> bytes: ...


class SealedRow(NamedTuple):
    """The fields of SealedKey in its order: make one by SealedKey(*row)."""

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


async def add(tx: Transaction, sealed: Sealed) -> None:
    """Raises sqlalchemy.exc.IntegrityError for a version that the purpose already has."""
    row = {"id": sealed.id, "purpose": sealed.purpose, "version": sealed.version, "blob": sealed.blob}
    await tx.execute(insert(sealed_keys).values(**row, created_at=tx.at))
    tx.changed(KIND, sealed.id)
