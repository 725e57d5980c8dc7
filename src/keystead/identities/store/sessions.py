"""Temporary credentials: a row per session, so that deleting the row ends the session at once."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from sqlalchemy import delete, insert, select

from keystead.database.engine import Connection, Transaction
from keystead.identities.store.tables import KIND
from keystead.identities.store.tables import sessions as table

KEPT_SECONDS: Final = 86_400
"""A session that has expired is kept so long, for its holder to be told that it expired and not that it is unknown."""


@dataclass(frozen=True, slots=True)
class Session:
    """entity_id     the user, or the role
    name          of a role session, or of a federated user
    token_hash    of the session token; `secret_token` is the wrapped secret access key
    tags          {key: value}, inherited ones included; `transitive` are keys of it
    chained       the role was assumed by a session of a role
    provider      ARN of the OIDC provider whose token it came of
    """

    access_key_id: str
    account: str
    entity_id: str
    name: str | None
    token_hash: bytes = field(repr=False)
    secret_token: bytes = field(repr=False)
    issued_at: float
    expires_at: float
    policy: str | None
    policy_arns: list[str]
    tags: dict[str, str]
    transitive: list[str]
    source_identity: str | None
    chained: bool
    provider: str | None


async def find(connection: Connection, access_key_id: str) -> Session | None:
    row = (await connection.execute(select(table).where(table.c.access_key_id == access_key_id))).mappings().first()
    return Session(**row) if row is not None else None


async def add(tx: Transaction, session: Session) -> None:
    """The one holding it must be present in this transaction. Nobody need hear of it: absence is not cached."""
    await tx.execute(insert(table).values(asdict(session)))


async def living(connection: Connection, now: float) -> Sequence[Session]:
    """All that have not expired, newest first."""
    rows = await connection.execute(select(table).where(table.c.expires_at > now).order_by(table.c.issued_at.desc()))
    return [Session(**row) for row in rows.mappings()]


async def revoke(tx: Transaction, access_key_ids: Sequence[str]) -> None:
    """They end with this transaction."""
    for access_key_id in access_key_ids:
        await tx.execute(delete(table).where(table.c.access_key_id == access_key_id))
        tx.changed(KIND, access_key_id)


async def sweep(tx: Transaction, now: float) -> int:
    """Delete what expired long enough ago; how many. Nobody need hear of it: the clock ended them already."""
    return (await tx.execute(delete(table).where(table.c.expires_at < now - KEPT_SECONDS))).rowcount
