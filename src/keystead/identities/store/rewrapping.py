"""Tokens of secret access keys, read and replaced page by page when they come under a new domain key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import Column, Table, bindparam, func, select, update

from keystead.database.engine import Connection, Transaction
from keystead.identities.store.tables import access_keys, sessions

PAGE: Final = 200
"""Tokens of one transaction: others wait for it a few milliseconds."""


class Held(NamedTuple):
    """A token, and the access key id that it lies at and is bound to."""

    place: str
    token: bytes

    @property
    def name(self) -> str:
        """For the operator."""
        return f"the secret of {self.place}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """One table that holds such tokens."""

    table: Table
    binding: Column[str]

    async def count(self, connection: Connection) -> int:
        return (await connection.execute(select(func.count()).select_from(self.table))).scalar_one()

    async def page(self, connection: Connection, after: str | None) -> list[Held]:
        query = select(self.binding, self.table.c.secret_token).order_by(self.binding).limit(PAGE)
        if after is not None:
            query = query.where(self.binding > after)
        return [Held(*row) for row in await connection.execute(query)]

    async def replace(self, tx: Transaction, moved: Sequence[tuple[Held, bytes]]) -> None:
        """Those that still are what they were. Nobody need hear of it: the token of before opens as well."""
        same = (self.binding == bindparam("at")) & (self.table.c.secret_token == bindparam("before"))
        rows = [{"at": held.place, "before": held.token, "after": token} for held, token in moved]
        await tx.execute(update(self.table).where(same).values(secret_token=bindparam("after")), rows)


ACCESS_KEYS: Final = Secrets(access_keys, access_keys.c.id)
SESSIONS: Final = Secrets(sessions, sessions.c.access_key_id)
