"""Users, roles and groups: found, made, renamed, removed. A new one of an old name is somebody else, by another unique id."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, select, update

from keystead.database.engine import Connection, Transaction
from keystead.identities import limits
from keystead.identities.errors import EntityExists, EntityInUse, EntityNotFound, QuotaExceeded
from keystead.identities.names import PREFIXES, Kind, entity_arn, fold, new_unique_id, parse_entity
from keystead.identities.store import history
from keystead.identities.store.tables import (
    KIND,
    access_keys,
    attachments,
    entities,
    group_members,
    inline_policies,
    instance_profiles,
    tags,
)

QUOTAS: Final = {"user": limits.USERS, "role": limits.ROLES, "group": limits.GROUPS}

AT_ONCE: Final = 500
"""Values of one query; engines bound them."""

OBSTACLES: Final = (
    # table             column                     what must be done first (recorded AWS answers)
    (attachments, attachments.c.entity_id, "detach all policies"),
    (inline_policies, inline_policies.c.entity_id, "delete policies"),
    (instance_profiles, instance_profiles.c.role_id, "remove roles from instance profile"),
    (access_keys, access_keys.c.user_id, "delete access keys"),
    (group_members, group_members.c.user_id, "remove users from group"),
    (group_members, group_members.c.group_id, "remove users from group"),
)


@dataclass(frozen=True, slots=True)
class Role:
    """What a role has beyond a user. `trust_ids`: user and role ARNs of the trust policy to their unique ids."""

    trust: str
    trust_ids: dict[str, str]
    max_session: int
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """A user, a group, or a role if `role` is there. `boundary` is the ARN of a managed policy."""

    id: str
    account: str
    kind: Kind
    name: str
    path: str
    created_at: float
    boundary: str | None = None
    role: Role | None = field(default=None)

    @property
    def arn(self) -> str:
        return entity_arn(self.account, self.kind, self.path, self.name)


def from_row(row: Row[Any]) -> Entity:
    role = Role(row.trust, row.trust_ids, row.max_session, row.description) if row.kind == "role" else None
    return Entity(row.id, row.account, row.kind, row.name, row.path, row.created_at, row.boundary, role)


async def find(connection: Connection, account: str, kind: Kind, name: str) -> Entity:
    """By name, without regard to case. Raises EntityNotFound."""
    found = await named(connection, account, kind, name)
    if found is None:
        raise EntityNotFound(kind, name)
    return found


async def named(connection: Connection, account: str, kind: str, name: str) -> Entity | None:
    wanted = (entities.c.account == account) & (entities.c.kind == kind) & (entities.c.folded == fold(name))
    row = (await connection.execute(select(entities).where(wanted))).first()
    return from_row(row) if row else None


async def by_id(connection: Connection, unique_id: str) -> Entity | None:
    row = (await connection.execute(select(entities).where(entities.c.id == unique_id))).first()
    return from_row(row) if row else None


async def by_arn(connection: Connection, arn: str) -> Entity | None:
    """The ARN must be right to the letter: ARNs are compared with regard to case."""
    parsed = parse_entity(arn)
    found = await named(connection, parsed.account, parsed.kind, parsed.name) if parsed else None
    return found if found is not None and found.arn == arn else None


async def arns(connection: Connection, unique_ids: Iterable[str]) -> dict[str, str]:
    """The ARNs of those who are alive, by unique id."""
    wanted, found = sorted(set(unique_ids)), dict[str, str]()
    for start in range(0, len(wanted), AT_ONCE):
        these = entities.c.id.in_(wanted[start : start + AT_ONCE])
        found |= {row.id: from_row(row).arn for row in await connection.execute(select(entities).where(these))}
    return found


async def of_account(connection: Connection, account: str, kind: Kind) -> Sequence[Entity]:
    wanted = (entities.c.account == account) & (entities.c.kind == kind)
    return [
        from_row(row) for row in await connection.execute(select(entities).where(wanted).order_by(entities.c.folded))
    ]


async def create(
    tx: Transaction, account: str, kind: Kind, name: str, path: str, *, boundary: str | None, role: Role | None = None
) -> Entity:
    """Raises EntityExists, QuotaExceeded."""
    if await named(tx.connection, account, kind, name) is not None:
        raise EntityExists(kind, name)
    of_kind = select(func.count()).where((entities.c.account == account) & (entities.c.kind == kind))
    quota, limit = QUOTAS[kind]
    if (await tx.execute(of_kind)).scalar_one() >= limit:
        raise QuotaExceeded(quota, limit)
    made = Entity(new_unique_id(PREFIXES[kind]), account, kind, name, path, float(int(tx.at)), boundary, role)
    row: dict[str, object] = {
        "id": made.id,
        "account": account,
        "kind": kind,
        "name": name,
        "folded": fold(name),
        "path": path,
        "boundary": boundary,
        "created_at": made.created_at,
    }
    if role is not None:
        row |= {"description": role.description, "trust": role.trust, "trust_ids": role.trust_ids}
        row |= {"max_session": role.max_session}
    await tx.execute(insert(entities).values(row))
    await history.note(tx, account, made.id, "entity", "", made.arn)
    if boundary is not None:
        await history.note(tx, account, made.id, "boundary", "", boundary)
    if role is not None:
        await history.note_trust(tx, account, made.id, role.trust, role.trust_ids)
    tx.changed(KIND, made.id)
    return made


async def change(tx: Transaction, entity: Entity, **columns: object) -> None:
    """Set columns of its row. Raises EntityNotFound when it has gone meanwhile."""
    done = await tx.execute(update(entities).where(entities.c.id == entity.id).values(**columns))
    if done.rowcount == 0:
        raise EntityNotFound(entity.kind, entity.name)
    tx.changed(KIND, entity.id)


async def present(tx: Transaction, entity: Entity) -> None:
    """Raises EntityNotFound when it has gone since it was found; in this transaction it can go no more."""
    if await by_id(tx.connection, entity.id) is None:
        raise EntityNotFound(entity.kind, entity.name)


async def rename(tx: Transaction, entity: Entity, name: str, path: str) -> None:
    """The unique id stays, and with it everything that was allowed. Raises EntityExists."""
    other = await named(tx.connection, entity.account, entity.kind, name)
    if other is not None and other.id != entity.id:
        raise EntityExists(entity.kind, name)
    await change(tx, entity, name=name, folded=fold(name), path=path)
    await history.note(tx, entity.account, entity.id, "entity", "", entity_arn(entity.account, entity.kind, path, name))


async def remove(tx: Transaction, entity: Entity) -> None:
    """Its sessions and tags go with it. Raises EntityInUse, EntityNotFound."""
    for table, column, first in OBSTACLES:
        in_the_way = select(func.count()).select_from(table).where(column == entity.id)
        if (await tx.execute(in_the_way)).scalar_one():
            raise EntityInUse(first)
    done = await tx.execute(delete(entities).where(entities.c.id == entity.id))
    if done.rowcount == 0:
        raise EntityNotFound(entity.kind, entity.name)
    await tx.execute(delete(tags).where(tags.c.subject == entity.id))
    await history.note(tx, entity.account, entity.id, "entity", "", None)
    tx.changed(KIND, entity.id)
