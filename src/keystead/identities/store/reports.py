"""The credential report of an account: the newest one, as it was made."""

from typing import NamedTuple

from sqlalchemy import delete, insert, select

from keystead.database.engine import Connection, Transaction
from keystead.identities.store.tables import credential_reports as table


class Report(NamedTuple):
    """made_at  seconds since the epoch; `content` is CSV."""

    made_at: float
    content: str


async def of_account(connection: Connection, account: str) -> Report | None:
    row = (await connection.execute(select(table).where(table.c.account == account))).first()
    return Report(row.made_at, row.content) if row is not None else None


async def put(tx: Transaction, account: str, report: Report) -> None:
    """Nobody caches it."""
    await tx.execute(delete(table).where(table.c.account == account))
    await tx.execute(insert(table).values(account=account, made_at=report.made_at, content=report.content))
