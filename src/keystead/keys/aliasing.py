"""Aliases: names of keys in one account and Region. An alias holds the key's id, never the text a caller sent."""

import re
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, delete, select, update

from keystead.database.engine import Database
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keys import managed
from keystead.keys.changes import again
from keystead.keys.conditions import KeyContext
from keystead.keys.errors import (
    AliasExists,
    AliasNameInvalid,
    AliasNotFound,
    AliasReserved,
    AliasTypeMismatch,
    LimitReached,
    ManagedKeyImmutable,
)
from keystead.keys.key import Key, Manager, alias_arn
from keystead.keys.making import insert_alias
from keystead.keys.quotas import check_aliases
from keystead.keys.store import ALIAS_KIND, KIND, aliases
from keystead.keys.use import RESOURCE, Keys

NAME: Final = re.compile(r"alias/[a-zA-Z0-9/_-]+")


@dataclass(frozen=True, slots=True)
class Alias:
    name: str
    key_id: str
    created_at: float
    updated_at: float


def check_name(name: str) -> None:
    """Raises AliasNameInvalid, AliasReserved."""
    if name.startswith(managed.PREFIX):
        raise AliasReserved
    if not NAME.fullmatch(name):
        raise AliasNameInvalid


def may(call: Call, operation: str, arn: str) -> None:
    """The alias's own permission, which is IAM's alone."""
    call.notes.resource(call.account, RESOURCE, arn)
    authorize(call, f"kms:{operation}", arn, resource_account=call.account, extra=KeyContext(call, None))


async def target(room: Keys, call: Call, operation: str, named: str) -> Key:
    """A customer managed key of the caller's account."""
    key = await room.admit(call, operation, named)
    if key.manager is not Manager.CUSTOMER:
        raise ManagedKeyImmutable(key.arn)
    return key


async def create(room: Keys, call: Call, name: str, named: str) -> None:
    check_name(name)
    arn = alias_arn(call.account, call.region, name)
    may(call, "CreateAlias", arn)
    key = await target(room, call, "CreateAlias", named)
    async with room.database.write(call.id) as tx:
        now = await again(tx, key, "CreateAlias")
        if (await tx.execute(of_name(call, name))).first() is not None:
            raise AliasExists(arn)
        check_room(now, room.quotas.aliases_per_key)
        await check_aliases(tx, call.account, call.region, room.quotas.aliases)
        await insert_alias(tx, call.account, call.region, name, key.id)


def check_room(key: Key, most: int) -> None:
    """Raises LimitReached."""
    if len(key.aliases) >= most:
        raise LimitReached(f"A key cannot have more than {most} aliases.")


async def move(room: Keys, call: Call, name: str, named: str) -> None:
    """To another key of the same type and usage; the caller needs leave on both."""
    check_name(name)
    arn = alias_arn(call.account, call.region, name)
    may(call, "UpdateAlias", arn)
    old = await room.find(call, "UpdateAlias", name, aliases=True)
    await room.decide(call, "UpdateAlias", old)
    new = await target(room, call, "UpdateAlias", named)
    if (old.kind, old.usage) != (new.kind, new.usage):
        raise AliasTypeMismatch
    async with room.database.write(call.id) as tx:
        now = await again(tx, new, "UpdateAlias")
        row = (await tx.execute(of_name(call, name))).first()
        if row is None:
            raise AliasNotFound(arn)
        if row.key_id != new.id:
            check_room(now, room.quotas.aliases_per_key)
        changed = update(aliases).filter_by(account=call.account, region=call.region, name=name)
        await tx.execute(changed.values(key_id=new.id, updated_at=tx.at))
        tx.changed(ALIAS_KIND, f"{call.account}/{call.region}/{name}")
        for key_id in (row.key_id, new.id):
            tx.changed(KIND, f"{call.region}/{key_id}")


async def remove(room: Keys, call: Call, name: str) -> None:
    check_name(name)
    arn = alias_arn(call.account, call.region, name)
    may(call, "DeleteAlias", arn)
    key = await room.find(call, "DeleteAlias", name, aliases=True)
    await room.decide(call, "DeleteAlias", key)
    async with room.database.write(call.id) as tx:
        row = (await tx.execute(of_name(call, name))).first()
        if row is None:
            raise AliasNotFound(arn)
        await tx.execute(delete(aliases).filter_by(account=call.account, region=call.region, name=name))
        tx.changed(ALIAS_KIND, f"{call.account}/{call.region}/{name}")
        tx.changed(KIND, f"{call.region}/{row.key_id}")


def of_name(call: Call, name: str) -> Select[Any]:
    return select(aliases).filter_by(account=call.account, region=call.region, name=name)


async def page(room: Keys, call: Call, key_id: str | None, after: str, limit: int) -> list[Alias]:
    """By name, one more than `limit` where there are more. THE CALLER HAS DECIDED."""
    query = select(aliases).filter_by(account=call.account, region=call.region).where(aliases.c.name > after)
    if key_id is not None:
        query = query.where(aliases.c.key_id == key_id)
    async with room.database.read() as connection:
        found = await connection.execute(query.order_by(aliases.c.name).limit(limit + 1))
        return [Alias(row.name, row.key_id, row.created_at, row.updated_at) for row in found]


async def everywhere(database: Database, name: str) -> list[tuple[str, str, str]]:
    """(account, Region, key id) of every alias of this name, for the operator."""
    async with database.read() as connection:
        rows = await connection.execute(select(aliases).where(aliases.c.name == name))
        return [(row.account, row.region, row.key_id) for row in rows]
