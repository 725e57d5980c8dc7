"""Reads custom key stores."""

from typing import Any

from sqlalchemy import select

from keystead.database.engine import Connection
from keystead.stores.key_store import Address, KeyStore, State, Type
from keystead.stores.store import key_stores


async def load(connection: Connection, store_id: str) -> KeyStore | None:
    row = (await connection.execute(select(key_stores).filter_by(id=store_id))).first()
    return of_row(row) if row is not None else None


async def of_account(connection: Connection, account: str, region: str) -> list[KeyStore]:
    """All of them, which are few, in the order of their ids."""
    query = select(key_stores).filter_by(account=account, region=region).order_by(key_stores.c.id)
    return [of_row(row) for row in await connection.execute(query)]


async def connecting(connection: Connection) -> list[KeyStore]:
    query = select(key_stores).filter_by(state=State.CONNECTING.value).order_by(key_stores.c.id)
    return [of_row(row) for row in await connection.execute(query)]


def of_row(row: Any) -> KeyStore:
    proxy = None
    if row.proxy_endpoint is not None:
        proxy = Address(row.proxy_endpoint, row.proxy_path, row.proxy_access_key_id)
    return KeyStore(
        account=row.account,
        region=row.region,
        id=row.id,
        name=row.name,
        type=Type(row.type),
        state=State(row.state),
        error=row.error,
        created_at=row.created_at,
        secret=row.secret_token,
        cluster=row.cluster,
        anchor=row.anchor,
        proxy=proxy,
    )
