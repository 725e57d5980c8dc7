"""OIDC providers: the issuers whose tokens an account's roles may trust, and who the tokens must be made for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from keystead.database.engine import Connection, Transaction
from keystead.identities import limits
from keystead.identities.errors import ProviderExists, ProviderNotFound, QuotaExceeded
from keystead.identities.names import new_unique_id, parse_provider, provider_arn
from keystead.identities.store.tables import KIND, tags
from keystead.identities.store.tables import oidc_providers as table


@dataclass(frozen=True, slots=True)
class Provider:
    """id      ours, for its tags: AWS's providers have none
    issuer  without its `https://`
    """

    id: str
    account: str
    issuer: str
    client_ids: Sequence[str]
    thumbprints: Sequence[str]
    created_at: float

    @property
    def arn(self) -> str:
        return provider_arn(self.account, self.issuer)

    @property
    def url(self) -> str:
        return f"https://{self.issuer}"


def from_row(row: Row[Any]) -> Provider:
    return Provider(row.id, row.account, row.issuer, row.client_ids, row.thumbprints, row.created_at)


async def of_issuer(connection: Connection, account: str, issuer: str) -> Provider | None:
    """To the letter: an issuer is what its tokens say it is."""
    wanted = (table.c.account == account) & (table.c.issuer == issuer)
    row = (await connection.execute(select(table).where(wanted))).first()
    return from_row(row) if row is not None else None


async def by_arn(connection: Connection, account: str, arn: str) -> Provider | None:
    """One of the account's own."""
    parsed = parse_provider(arn)
    return await of_issuer(connection, account, parsed[1]) if parsed and parsed[0] == account else None


async def of_account(connection: Connection, account: str) -> Sequence[Provider]:
    rows = await connection.execute(select(table).where(table.c.account == account).order_by(table.c.issuer))
    return [from_row(row) for row in rows]


async def create(
    tx: Transaction, account: str, issuer: str, client_ids: Sequence[str], thumbprints: Sequence[str]
) -> Provider:
    """Raises ProviderExists, QuotaExceeded."""
    check(client_ids, thumbprints)
    if await of_issuer(tx.connection, account, issuer) is not None:
        raise ProviderExists(f"https://{issuer}")
    mine = select(func.count()).select_from(table).where(table.c.account == account)
    if (await tx.execute(mine)).scalar_one() >= limits.PROVIDERS[1]:
        raise QuotaExceeded(*limits.PROVIDERS)
    made = Provider(new_unique_id("OIDC"), account, issuer, client_ids, thumbprints, float(int(tx.at)))
    row = {"id": made.id, "account": account, "issuer": issuer, "created_at": made.created_at}
    await tx.execute(insert(table).values(**row, client_ids=list(client_ids), thumbprints=list(thumbprints)))
    tx.changed(KIND, made.id)
    return made


async def change(
    tx: Transaction,
    provider: Provider,
    *,
    add: str | None = None,
    drop: str | None = None,
    thumbprints: Sequence[str] | None = None,
) -> None:
    """Clients are added and dropped by name. Raises ProviderNotFound, QuotaExceeded."""
    current = await of_issuer(tx.connection, provider.account, provider.issuer)
    if current is None or current.id != provider.id:
        raise ProviderNotFound(provider.arn)
    clients = [name for name in current.client_ids if name != drop]
    clients += [add] if add is not None and add not in clients else []
    prints = list(current.thumbprints if thumbprints is None else thumbprints)
    check(clients, prints)
    await tx.execute(update(table).where(table.c.id == provider.id).values(client_ids=clients, thumbprints=prints))
    tx.changed(KIND, provider.id)


async def remove(tx: Transaction, provider: Provider) -> None:
    """Its tags go with it. Sessions that came of its tokens live on, as in AWS."""
    await tx.execute(delete(table).where(table.c.id == provider.id))
    await tx.execute(delete(tags).where(tags.c.subject == provider.id))
    tx.changed(KIND, provider.id)


def check(client_ids: Sequence[str], thumbprints: Sequence[str]) -> None:
    for listed, quota in ((client_ids, limits.CLIENT_IDS), (thumbprints, limits.THUMBPRINTS)):
        if len(listed) > quota[1]:
            raise QuotaExceeded(*quota)
