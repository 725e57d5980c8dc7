"""Managed policies: an account's own, with their versions, and those that everybody finds under the account "aws"."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, delete, func, insert, select, update

from keystead.database.engine import Connection, Transaction
from keystead.identities import aws_managed, limits
from keystead.identities.errors import (
    DefaultVersion,
    EntityInUse,
    PolicyExists,
    PolicyNotFound,
    QuotaExceeded,
    TooManyVersions,
    VersionNotFound,
)
from keystead.identities.names import fold, new_unique_id, parse_policy, policy_arn
from keystead.identities.store import history
from keystead.identities.store.entities import Entity
from keystead.identities.store.entities import from_row as entity_of
from keystead.identities.store.tables import KIND, attachments, entities, policies, policy_versions, tags


@dataclass(frozen=True, slots=True)
class Managed:
    """account  "aws" for one that is shipped."""

    id: str
    account: str
    name: str
    path: str
    description: str | None
    default_version: int
    created_at: float
    updated_at: float

    @property
    def arn(self) -> str:
        return policy_arn(self.account, self.path, self.name)

    @property
    def shipped(self) -> bool:
        return self.account == aws_managed.ACCOUNT


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    text: str
    created_at: float
    default: bool

    @property
    def name(self) -> str:
        return f"v{self.number}"


def from_row(row: Row[Any]) -> Managed:
    return Managed(
        row.id, row.account, row.name, row.path, row.description, row.default_version, row.created_at, row.updated_at
    )


def shipped(policy: aws_managed.Shipped) -> Managed:
    return Managed(
        policy.id, aws_managed.ACCOUNT, policy.name, policy.path, policy.description, 1, policy.date, policy.date
    )


SHIPPED = tuple(shipped(policy) for policy in aws_managed.SHIPPED)


async def known(connection: Connection, account: str, arn: str) -> Managed | None:
    """The policy if it is the account's own or a shipped one: others see nothing of an account's policies."""
    for policy in SHIPPED:
        if policy.arn == arn:
            return policy
    parsed = parse_policy(arn)
    if parsed is None or parsed.account != account:
        return None
    wanted = (policies.c.account == account) & (policies.c.folded == fold(parsed.name))
    row = (await connection.execute(select(policies).where(wanted))).first()
    return from_row(row) if row is not None and from_row(row).arn == arn else None


async def of_account(connection: Connection, account: str) -> Sequence[Managed]:
    rows = await connection.execute(select(policies).where(policies.c.account == account).order_by(policies.c.folded))
    return [from_row(row) for row in rows]


async def versions(connection: Connection, policy: Managed) -> Sequence[Version]:
    """Newest first."""
    if policy.shipped:
        return [Version(1, aws_managed.TEXTS[policy.arn], policy.created_at, default=True)]
    wanted = select(policy_versions).where(policy_versions.c.policy_id == policy.id)
    rows = await connection.execute(wanted.order_by(policy_versions.c.version.desc()))
    return [Version(row.version, row.text, row.created_at, row.version == policy.default_version) for row in rows]


async def version(connection: Connection, policy: Managed, name: str) -> Version:
    """Raises VersionNotFound."""
    for known in await versions(connection, policy):
        if known.name == name:
            return known
    raise VersionNotFound(policy.arn, name)


async def texts(connection: Connection, arns: Iterable[str]) -> dict[str, str]:
    """The default versions' texts of those policies that exist, by ARN."""
    wanted = set(arns)
    found = {arn: aws_managed.TEXTS[arn] for arn in wanted if arn in aws_managed.TEXTS}
    names = [parsed for arn in wanted - found.keys() if (parsed := parse_policy(arn)) is not None]
    if not names:
        return found
    default = and_(
        policy_versions.c.policy_id == policies.c.id, policy_versions.c.version == policies.c.default_version
    )
    accounts, folded = {name.account for name in names}, {fold(name.name) for name in names}
    of_these = policies.c.account.in_(accounts) & policies.c.folded.in_(folded)
    rows = await connection.execute(
        select(policies, policy_versions.c.text).join(policy_versions, default).where(of_these)
    )
    for row in rows:
        arn = from_row(row).arn
        if arn in wanted:
            found[arn] = row.text
    return found


async def create(tx: Transaction, account: str, name: str, path: str, description: str | None, text: str) -> Managed:
    """Raises PolicyExists, QuotaExceeded. The text has been checked."""
    mine = policies.c.account == account
    if (await tx.execute(select(policies.c.id).where(mine & (policies.c.folded == fold(name))))).first():
        raise PolicyExists(name)
    if (await tx.execute(select(func.count()).where(mine))).scalar_one() >= limits.POLICIES[1]:
        raise QuotaExceeded(*limits.POLICIES)
    at = float(int(tx.at))
    made = Managed(new_unique_id("ANPA"), account, name, path, description, 1, at, at)
    row: dict[str, object] = {"id": made.id, "account": account, "name": name, "folded": fold(name), "path": path}
    row |= {"description": description, "default_version": 1, "next_version": 2, "created_at": at, "updated_at": at}
    await tx.execute(insert(policies).values(row))
    await tx.execute(insert(policy_versions).values(policy_id=made.id, version=1, text=text, created_at=at))
    await history.note(tx, account, made.id, "entity", "", made.arn)
    await history.note(tx, account, made.id, "version", "v1", text)
    await history.note(tx, account, made.id, "default", "", "v1")
    tx.changed(KIND, made.id)
    return made


async def add_version(tx: Transaction, policy: Managed, text: str, *, default: bool) -> Version:
    """Raises PolicyNotFound, TooManyVersions. The text has been checked."""
    number = (await tx.execute(select(policies.c.next_version).where(policies.c.id == policy.id))).scalar()
    if number is None:
        raise PolicyNotFound(policy.arn)
    if len(await versions(tx.connection, policy)) >= limits.VERSIONS:
        raise TooManyVersions
    at = float(int(tx.at))
    await tx.execute(insert(policy_versions).values(policy_id=policy.id, version=number, text=text, created_at=at))
    await tx.execute(update(policies).where(policies.c.id == policy.id).values(next_version=number + 1, updated_at=at))
    made = Version(number, text, at, default)
    await history.note(tx, policy.account, policy.id, "version", made.name, text)
    if default:
        await set_default(tx, policy, made.name)
    tx.changed(KIND, policy.account)
    return made


async def set_default(tx: Transaction, policy: Managed, name: str) -> None:
    """Raises PolicyNotFound, VersionNotFound."""
    chosen = await version(tx.connection, await current(tx, policy), name)
    at = float(int(tx.at))
    mine = policies.c.id == policy.id
    await tx.execute(update(policies).where(mine).values(default_version=chosen.number, updated_at=at))
    await history.note(tx, policy.account, policy.id, "default", "", chosen.name)
    tx.changed(KIND, policy.account)


async def remove_version(tx: Transaction, policy: Managed, name: str) -> None:
    """Raises PolicyNotFound, VersionNotFound, DefaultVersion."""
    unwanted = await version(tx.connection, await current(tx, policy), name)
    if unwanted.default:
        raise DefaultVersion
    this = (policy_versions.c.policy_id == policy.id) & (policy_versions.c.version == unwanted.number)
    await tx.execute(delete(policy_versions).where(this))
    await history.note(tx, policy.account, policy.id, "version", unwanted.name, None)
    tx.changed(KIND, policy.account)


async def current(tx: Transaction, policy: Managed) -> Managed:
    """As it is in this transaction. Raises PolicyNotFound when it has gone since it was found."""
    row = (await tx.execute(select(policies).where(policies.c.id == policy.id))).first()
    if row is None:
        raise PolicyNotFound(policy.arn)
    return from_row(row)


async def remove(tx: Transaction, policy: Managed) -> None:
    """Raises EntityInUse, PolicyNotFound."""
    attached, bounding = await uses(tx.connection, policy.account, policy.arn)
    if attached or bounding:
        raise EntityInUse("detach this policy from all entities")
    if len(await versions(tx.connection, policy)) > 1:
        raise EntityInUse("delete all policy versions but the default one")
    if (await tx.execute(delete(policies).where(policies.c.id == policy.id))).rowcount == 0:
        raise PolicyNotFound(policy.arn)
    await tx.execute(delete(tags).where(tags.c.subject == policy.id))
    await history.note(tx, policy.account, policy.id, "entity", "", None)
    tx.changed(KIND, policy.account)


async def uses(connection: Connection, account: str, arn: str) -> tuple[int, int]:
    """(entities of the account it is attached to, entities it bounds)."""
    return (await all_uses(connection, account, (arn,)))[arn]


async def all_uses(connection: Connection, account: str, arns: Iterable[str]) -> dict[str, tuple[int, int]]:
    mine = entities.c.account == account
    attached = select(attachments.c.policy_arn, func.count()).join(entities, entities.c.id == attachments.c.entity_id)
    bounding = select(entities.c.boundary, func.count()).where(mine & entities.c.boundary.is_not(None))
    attachment_counts = await counts(connection, attached.where(mine).group_by(attachments.c.policy_arn))
    boundary_counts = await counts(connection, bounding.group_by(entities.c.boundary))
    return {arn: (attachment_counts.get(arn, 0), boundary_counts.get(arn, 0)) for arn in arns}


async def attached_to(connection: Connection, account: str, arn: str) -> Sequence[Entity]:
    """Users and roles of the account."""
    mine = (entities.c.account == account) & (attachments.c.policy_arn == arn)
    joined = select(entities).join(attachments, attachments.c.entity_id == entities.c.id).where(mine)
    return [entity_of(row) for row in await connection.execute(joined)]


async def bounded_by(connection: Connection, account: str, arn: str) -> Sequence[Entity]:
    """Likewise."""
    mine = (entities.c.account == account) & (entities.c.boundary == arn)
    return [entity_of(row) for row in await connection.execute(select(entities).where(mine))]


async def counts(connection: Connection, query: Select[Any]) -> dict[str, int]:
    return {row[0]: row[1] for row in await connection.execute(query)}
