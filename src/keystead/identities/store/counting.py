"""How much of everything an account has."""

from typing import Any

from sqlalchemy import ColumnElement, Table, func, select

from keystead.database.engine import Connection
from keystead.identities.names import Kind
from keystead.identities.store.tables import entities, instance_profiles, oidc_providers, policies, policy_versions


async def entities_of(connection: Connection, account: str, kind: Kind) -> int:
    return await count(connection, entities, (entities.c.account == account) & (entities.c.kind == kind))


async def policies_of(connection: Connection, account: str) -> int:
    return await count(connection, policies, policies.c.account == account)


async def versions_of(connection: Connection, account: str) -> int:
    mine = select(policies.c.id).where(policies.c.account == account)
    return await count(connection, policy_versions, policy_versions.c.policy_id.in_(mine))


async def profiles_of(connection: Connection, account: str) -> int:
    return await count(connection, instance_profiles, instance_profiles.c.account == account)


async def providers_of(connection: Connection, account: str) -> int:
    return await count(connection, oidc_providers, oidc_providers.c.account == account)


async def count(connection: Connection, table: Table, which: ColumnElement[bool]) -> int:
    counted: Any = (await connection.execute(select(func.count()).select_from(table).where(which))).scalar_one()
    return int(counted)
