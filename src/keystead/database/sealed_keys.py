"""The keyholder's own keys as they lie in the database: sealed, and of no use without the root key."""

from typing import NamedTuple, Protocol

from sqlalchemy import insert, select, update
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


class VersionTaken(Exception):
    """The purpose has a key of that version already: somebody else was faster."""


async def add(tx: Transaction, sealed: Sealed) -> None:
    """Raises VersionTaken."""
    same = select(sealed_keys.c.id).filter_by(purpose=sealed.purpose, version=sealed.version)
    if (await tx.execute(same)).first() is not None:
        raise VersionTaken
    row = {"id": sealed.id, "purpose": sealed.purpose, "version": sealed.version, "blob": sealed.blob}
    await tx.execute(insert(sealed_keys).values(**row, created_at=tx.at))
    tx.changed(KIND, sealed.id)


async def replace(tx: Transaction, sealed: Sealed, before: bytes) -> None:
    """The same key, sealed anew; nothing happens when it no longer lies there as `before`."""
    same = (sealed_keys.c.id == sealed.id) & (sealed_keys.c.blob == before)
    await tx.execute(update(sealed_keys).where(same).values(blob=sealed.blob))
    tx.changed(KIND, sealed.id)
