"""Accounts: an id of 12 digits, and everything that carries it."""

from sqlalchemy import insert, select

from keystead.database.engine import Connection, Transaction
from keystead.identities.errors import AccountExists
from keystead.identities.store.tables import KIND, accounts


async def exists(connection: Connection, account: str) -> bool:
    return (await connection.execute(select(accounts.c.id).where(accounts.c.id == account))).first() is not None


async def created_at(connection: Connection, account: str) -> float:
    found = (await connection.execute(select(accounts.c.created_at).where(accounts.c.id == account))).scalar_one()
    return float(found)


async def create(tx: Transaction, account: str) -> None:
    """Raises AccountExists."""
    if await exists(tx.connection, account):
        raise AccountExists(account)
    await tx.execute(insert(accounts).values(id=account, created_at=tx.at))
    tx.changed(KIND, account)
