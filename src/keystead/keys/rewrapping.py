"""Tokens of key material, read and replaced page by page when they come under a new domain key."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import bindparam, func, select, tuple_, update

from keystead.database.engine import Connection, Transaction
from keystead.keyholder.promise import Material
from keystead.keys.store import keys, materials

PAGE: Final = 200
"""Tokens of one transaction: others wait for it a few milliseconds."""


class Held(NamedTuple):
    """A token and where it lies: Region, key id, version."""

    place: tuple[str, str, int]
    material: Material

    @property
    def token(self) -> bytes:
        return self.material.token

    @property
    def name(self) -> str:
        """For the operator."""
        return f"material {self.place[2]} of key {self.place[1]} in {self.place[0]}"


async def count(connection: Connection) -> int:
    there = select(func.count()).select_from(materials).where(materials.c.token.is_not(None))
    return (await connection.execute(there)).scalar_one()


async def page(connection: Connection, after: tuple[str, str, int] | None) -> list[Held]:
    place = (materials.c.region, materials.c.key_id, materials.c.version)
    query = select(*place, materials.c.material_id, materials.c.token, keys.c.spec, keys.c.usage).join(
        keys, (keys.c.region == materials.c.region) & (keys.c.id == materials.c.key_id)
    )
    query = query.where(materials.c.token.is_not(None))
    if after is not None:
        query = query.where(tuple_(*place) > after)
    rows = await connection.execute(query.order_by(*place).limit(PAGE))
    return [
        Held(
            (row.region, row.key_id, row.version),
            Material(row.key_id, row.material_id, row.spec, row.token, row.usage),
        )
        for row in rows
    ]


async def replace(tx: Transaction, moved: Sequence[tuple[Held, bytes]]) -> None:
    """Those that still are what they were. Nobody need hear of it: the token of before opens as well."""
    same = (
        (materials.c.region == bindparam("in_region"))
        & (materials.c.key_id == bindparam("of_key"))
        & (materials.c.version == bindparam("of_version"))
        & (materials.c.token == bindparam("before"))
    )
    rows = [
        {"in_region": held.place[0], "of_key": held.place[1], "of_version": held.place[2], "before": held.token, "after": token}
        for held, token in moved
    ]  # fmt: skip  # a row
    await tx.execute(update(materials).where(same).values(token=bindparam("after")), rows)
