"""Reads a key with everything about it, as one value."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from keystead.access.policy import Kind, Policy, compile, parse  # noqa: A004  # the rules' own verb
from keystead.access.request import Principal
from keystead.keyholder.promise import Material
from keystead.keys.grants import Constraint, Grant
from keystead.keys.key import Key, Manager, Rotation, State, Version, effective
from keystead.keys.store import aliases, grants, keys, materials, tags
from keystead.stores import records as store_records


async def load(connection: AsyncConnection, region: str, key_id: str) -> Key | None:
    """The key as it is now, or None."""
    of_key = {"region": region, "key_id": key_id}
    row = (await connection.execute(select(keys).where(keys.c.region == region, keys.c.id == key_id))).first()
    if row is None:
        return None
    versions = await connection.execute(select(materials).filter_by(**of_key).order_by(materials.c.version))
    tagged = await connection.execute(select(tags.c.name, tags.c.value).filter_by(**of_key).order_by(tags.c.name))
    named = await connection.execute(select(aliases.c.name).filter_by(**of_key).order_by(aliases.c.name))
    known = [version_of(v, row.spec, row.usage) for v in versions]
    pending = known.pop()[1] if known and known[-1][0] else None
    key_store = await store_records.load(connection, row.store_id) if row.store_id is not None else None
    everywhere = await regions_of(connection, row) if row.primary_region is not None else ()
    return Key(
        account=row.account,
        region=region,
        id=key_id,
        spec=row.spec,
        usage=row.usage,
        origin=row.origin,
        manager=Manager(row.manager),
        state=effective(State(row.state), key_store),
        description=row.description,
        created_at=row.created_at,
        versions=tuple(version for _, version in known),
        rotation=Rotation(row.rotation_period, row.rotation_next_at, row.on_demand_rotations),
        policy=compiled(row.policy, row.policy_ids),
        policy_text=row.policy,
        policy_ids=row.policy_ids,
        tags={tag.name: tag.value for tag in tagged},
        aliases=tuple(alias.name for alias in named),
        granted=bool(
            (await connection.execute(select(exists(select(grants.c.id).where(live(region, key_id)))))).scalar()
        ),
        deletion_at=row.deletion_at,
        primary_region=row.primary_region,
        replicas=tuple(name for name in everywhere if name != row.primary_region),
        pending_everywhere=pending is not None and await is_everywhere(connection, pending.material),
        pending_days=row.pending_days,
        pending=pending,
        key_store=key_store,
        external_key_id=row.external_key_id,
        expires_at=min((v.expires_at for _, v in known if v.expires_at is not None), default=None),
    )


async def regions_of(connection: AsyncConnection, row: Any) -> tuple[str, ...]:
    """Where a multi-Region key is."""
    same = select(keys.c.region).where(keys.c.id == row.id, keys.c.account == row.account).order_by(keys.c.region)
    return tuple(other.region for other in await connection.execute(same))


async def is_everywhere(connection: AsyncConnection, material: Material) -> bool:
    """Whether imported material has come to every Region of its key."""
    away = select(materials.c.region).filter_by(key_id=material.key_id, material_id=material.material_id)
    return (await connection.execute(away.where(materials.c.token.is_(None)))).first() is None


def version_of(row: Any, spec: str, usage: str) -> tuple[bool, Version]:
    """Whether it is pending, and the version."""
    material = Material(row.key_id, row.material_id, spec, row.token or b"", usage)
    return row.pending, Version(material, row.made_at, row.rotation_type, row.expires_at, row.description)


def compiled(text: str, ids: Mapping[str, str]) -> Policy:
    """Keys with the same policy, such as the default one, share what was made of it."""
    return compiled_once(text, tuple(ids.items()))


@lru_cache(maxsize=1024)
def compiled_once(text: str, ids: tuple[tuple[str, str], ...]) -> Policy:
    return compile(parse(text, Kind.KEY), dict(ids))


def live(region: str, key_id: str) -> ColumnElement[bool]:
    return (grants.c.region == region) & (grants.c.key_id == key_id) & grants.c.ended_at.is_(None)


async def grants_to(connection: AsyncConnection, region: str, key_id: str, principal: Principal) -> tuple[Grant, ...]:
    """Live grants on a key to one principal: a user or role is known by its unique id, others by their ARN."""
    to = or_(
        grants.c.grantee_id == principal.unique_id, (grants.c.grantee_id == "") & (grants.c.grantee == principal.arn)
    )
    found = await connection.execute(select(grants).where(live(region, key_id), to).order_by(grants.c.created_at))
    return tuple(grant_of(row) for row in found)


async def live_grants(connection: AsyncConnection, region: str, key_id: str) -> tuple[Grant, ...]:
    """All of a key's, oldest first."""
    found = await connection.execute(select(grants).where(live(region, key_id)).order_by(grants.c.created_at))
    return tuple(grant_of(row) for row in found)


async def grant(connection: AsyncConnection, region: str, key_id: str, grant_id: str) -> Grant | None:
    """A live grant on a key."""
    found = await connection.execute(select(grants).where(live(region, key_id), grants.c.id == grant_id))
    row = found.first()
    return grant_of(row) if row is not None else None


def grant_of(row: Any) -> Grant:
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
    )
