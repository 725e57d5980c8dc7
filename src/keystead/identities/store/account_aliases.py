"""The alias of an account: one at most, and nobody else's in this deployment."""

from sqlalchemy import delete, insert, select

from keystead.database.engine import Connection, Transaction
from keystead.identities.errors import AliasNotFound, AliasTaken
from keystead.identities.store.tables import KIND
from keystead.identities.store.tables import account_aliases as table


async def of_account(connection: Connection, account: str) -> str | None:
    alias: str | None = (await connection.execute(select(table.c.alias).where(table.c.account == account))).scalar()
    return alias


async def put(tx: Transaction, account: str, alias: str) -> None:
    """In place of the one that was there. Raises AliasTaken."""
    holder = (await tx.execute(select(table.c.account).where(table.c.alias == alias))).scalar()
    if holder is not None:
        raise AliasTaken(alias)
    await tx.execute(delete(table).where(table.c.account == account))
    await tx.execute(insert(table).values(account=account, alias=alias))
    tx.changed(KIND, account)


async def remove(tx: Transaction, account: str, alias: str) -> None:
    """Raises AliasNotFound."""
    this = (table.c.account == account) & (table.c.alias == alias)
    if (await tx.execute(delete(table).where(this))).rowcount == 0:
        raise AliasNotFound(alias)
    tx.changed(KIND, account)
