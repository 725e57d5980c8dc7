"""Reads a key with everything about it, as one value."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from keystead.access.policy import Kind, Policy, compile, parse  # noqa: A004  # the rules' own verb
from keystead.keyholder.promise import Material
from keystead.keys.grants import Constraint, Grant
from keystead.keys.key import Key, Manager, Rotation, State, Version
from keystead.keys.store import aliases, grant_tokens, grants, keys, materials, tags


async def load(connection: AsyncConnection, region: str, key_id: str) -> Key | None:
    """The key as it is now, or None."""
    of_key = {"region": region, "key_id": key_id}
    row = (await connection.execute(select(keys).where(keys.c.region == region, keys.c.id == key_id))).first()
    if row is None:
        return None
    versions = await connection.execute(select(materials).filter_by(**of_key).order_by(materials.c.version))
    tagged = await connection.execute(select(tags.c.name, tags.c.value).filter_by(**of_key).order_by(tags.c.name))
    named = await connection.execute(select(aliases.c.name).filter_by(**of_key).order_by(aliases.c.name))
    return Key(
        account=row.account,
        region=region,
        id=key_id,
        spec=row.spec,
        usage=row.usage,
        origin=row.origin,
        manager=Manager(row.manager),
        state=State(row.state),
        description=row.description,
        created_at=row.created_at,
        versions=tuple(
            Version(Material(key_id, v.material_id, row.spec, v.token), v.made_at, v.rotation_type) for v in versions
        ),
        rotation=Rotation(row.rotation_period, row.rotation_next_at, row.on_demand_rotations),
        policy=compiled(row.policy, row.policy_ids),
        policy_text=row.policy,
        policy_ids=row.policy_ids,
        tags={tag.name: tag.value for tag in tagged},
        aliases=tuple(alias.name for alias in named),
        grants=await load_grants(connection, region, key_id),
        deletion_at=row.deletion_at,
        multi_region=row.multi_region,
    )


def compiled(text: str, ids: Mapping[str, str]) -> Policy:
    return compile(parse(text, Kind.KEY), ids)


async def load_grants(connection: AsyncConnection, region: str, key_id: str) -> tuple[Grant, ...]:
    """Live ones, oldest first."""
    live = (grants.c.region == region) & (grants.c.key_id == key_id) & grants.c.ended_at.is_(None)
    found = list(await connection.execute(select(grants).where(live).order_by(grants.c.created_at, grants.c.id)))
    given: dict[str, set[str]] = {}
    joined = select(grant_tokens).join(grants, grants.c.id == grant_tokens.c.grant_id).where(live)
    for token in await connection.execute(joined):
        given.setdefault(token.grant_id, set()).add(token.digest)
    return tuple(grant_of(row, frozenset(given.get(row.id, ()))) for row in found)


def grant_of(row: Any, tokens: frozenset[str] = frozenset()) -> Grant:
    return Grant(
        id=row.id,
        name=row.name,
        grantee=row.grantee,
        grantee_id=row.grantee_id,
        retiring=row.retiring,
        retiring_id=row.retiring_id,
        operations=frozenset(row.operations),
        constraints={Constraint(kind): pairs for kind, pairs in row.constraints.items()},
        source_arn=row.source_arn,
        issuing_account=row.issuing_account,
        created_at=row.created_at,
        tokens=tokens,
    )
