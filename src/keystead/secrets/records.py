"""Reads secrets and their versions, each as one value."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from keystead.access.policy import Kind, Policy, compile, parse  # noqa: A004  # the rules' own verb
from keystead.secrets import managed
from keystead.secrets.secret import Link, Replica, Rotation, Sealed, Secret, Version
from keystead.secrets.store import REPLICA, labels, replicas, secrets, tags, versions


async def load(connection: AsyncConnection, secret_id: int) -> Secret | None:
    """The secret as it is now, or None."""
    row = (await connection.execute(select(secrets).where(secrets.c.id == secret_id))).first()
    if row is None:
        return None
    labelled = await connection.execute(select(labels.c.label, labels.c.version_id).filter_by(secret_id=secret_id))
    tagged = copied = None
    if row.tagged:
        query = select(tags.c.name, tags.c.value).filter_by(secret_id=secret_id).order_by(tags.c.place)
        tagged = await connection.execute(query)
    if row.primary_region == row.region:
        query = select(replicas).filter_by(secret_id=secret_id).order_by(replicas.c.region)
        copied = await connection.execute(query)
    return secret_of(
        row,
        {one.label: one.version_id for one in labelled},
        {one.name: one.value for one in tagged} if tagged else None,
        tuple(map(replica_of, copied)) if copied else (),
    )


async def find(connection: AsyncConnection, account: str, region: str, name: str) -> int | None:
    """The id of the secret of this name."""
    query = select(secrets.c.id).filter_by(account=account, region=region, name=name)
    found: int | None = (await connection.execute(query)).scalar()
    return found


def secret_of(row: Any, labelled: Mapping[str, str], tagged: Mapping[str, str] | None, copies: Any = ()) -> Secret:
    return Secret(
        id=row.id,
        account=row.account,
        region=row.region,
        name=row.name,
        suffix=row.suffix,
        created_at=row.created_at,
        changed_at=row.changed_at,
        description=row.description,
        key=row.key,
        type=row.type,
        labels=labelled,
        tags=tagged,
        policy=policy_of(row),
        policy_text=row.policy,
        policy_ids=row.policy_ids,
        rotation=Rotation(
            row.rotation_enabled,
            row.rotation_function,
            row.rotation_rules,
            row.rotated_at,
            row.rotation_next_at,
            row.rotation_external,
            row.rotation_external_role,
        ),
        accessed_on=row.accessed_on or None,
        deleted_at=row.deleted_at,
        deletion_at=row.deletion_at,
        primary_region=row.primary_region,
        primary_id=row.primary_id,
        replicas=copies,
        link=link_of(row),
    )


def replica_of(row: Any) -> Replica:
    return Replica(row.region, row.key, row.status, row.message, row.replica_id)


def link_of(row: Any) -> Link | None:
    if row.linked_as is None:
        return None
    replica = row.linked_as == REPLICA
    return Link(replica, row.linked_arn, row.link_status, row.link_message, row.linked_id, row.linked_role)


def policy_of(row: Any) -> Policy | None:
    """What counts: the policy that was put, with the one that a replica has by being one."""
    if row.linked_as != REPLICA:
        return compiled(row.policy, row.policy_ids) if row.policy is not None else None
    return compile(managed.joined(row.policy, row.linked_arn), row.policy_ids)


def compiled(text: str, ids: Mapping[str, str]) -> Policy:
    return compile(parse(text, Kind.RESOURCE), ids)


async def version(connection: AsyncConnection, secret_id: int, version_id: str) -> Version | None:
    query = select(versions).where(versions.c.secret_id == secret_id, versions.c.id == version_id)
    row = (await connection.execute(query)).first()
    return version_of(row) if row is not None else None


async def versions_of(connection: AsyncConnection, secret_id: int, ids: Sequence[str] | None = None) -> list[Version]:
    """All of a secret's, or those named, oldest first."""
    query = select(versions).where(versions.c.secret_id == secret_id)
    if ids is not None:
        query = query.where(versions.c.id.in_(ids))
    return [version_of(row) for row in await connection.execute(query.order_by(versions.c.created_at, versions.c.id))]


def version_of(row: Any) -> Version:
    sealed = None
    if row.kind is not None:
        sealed = Sealed(row.kind, row.sealed, row.data_key, row.key_arn, row.default_key)
    return Version(row.id, row.created_at, sealed, row.accessed_on)
