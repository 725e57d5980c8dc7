"""What an entity may do, or a group lets its members do: its inline policies, the managed ones attached to it, and the boundary around both."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update

from keystead.database.engine import Connection, Transaction
from keystead.identities import limits
from keystead.identities.errors import (
    BoundaryNotAttachable,
    BoundaryNotFound,
    InlinePolicyNotFound,
    NotAttached,
    PolicyNotAttachable,
    PolicyNotFound,
    PolicyTooLarge,
    QuotaExceeded,
)
from keystead.identities.names import fold
from keystead.identities.store import entities, history, managed
from keystead.identities.store.entities import Entity
from keystead.identities.store.tables import KIND, attachments, inline_policies


class Inline(NamedTuple):
    name: str
    text: str


async def inline(connection: Connection, entity: Entity) -> Sequence[Inline]:
    wanted = select(inline_policies).where(inline_policies.c.entity_id == entity.id)
    return [Inline(row.name, row.text) for row in await connection.execute(wanted.order_by(inline_policies.c.folded))]


async def one_inline(connection: Connection, entity: Entity, name: str) -> Inline:
    """Raises InlinePolicyNotFound."""
    for policy in await inline(connection, entity):
        if fold(policy.name) == fold(name):
            return policy
    raise InlinePolicyNotFound(entity.kind, name)


async def put_inline(tx: Transaction, entity: Entity, name: str, text: str) -> None:
    """Makes it or replaces it. Raises EntityNotFound, PolicyTooLarge. The text has been checked."""
    await entities.present(tx, entity)
    kept = await inline(tx.connection, entity)
    others = sum(limits.size(policy.text) for policy in kept if fold(policy.name) != fold(name))
    limit = limits.INLINE[entity.kind]
    if others + limits.size(text) > limit:
        raise PolicyTooLarge(limit, entity.kind, entity.name)
    this = (inline_policies.c.entity_id == entity.id) & (inline_policies.c.folded == fold(name))
    if (await tx.execute(update(inline_policies).where(this).values(name=name, text=text))).rowcount == 0:
        await tx.execute(insert(inline_policies).values(entity_id=entity.id, folded=fold(name), name=name, text=text))
    await history.note(tx, entity.account, entity.id, "inline", fold(name), text)
    tx.changed(KIND, entity.id)


async def remove_inline(tx: Transaction, entity: Entity, name: str) -> None:
    """Raises InlinePolicyNotFound."""
    this = (inline_policies.c.entity_id == entity.id) & (inline_policies.c.folded == fold(name))
    if (await tx.execute(delete(inline_policies).where(this))).rowcount == 0:
        raise InlinePolicyNotFound(entity.kind, name)
    await history.note(tx, entity.account, entity.id, "inline", fold(name), None)
    tx.changed(KIND, entity.id)


async def attached(connection: Connection, entity: Entity) -> Sequence[str]:
    """ARNs of the managed policies attached to it."""
    wanted = select(attachments.c.policy_arn).where(attachments.c.entity_id == entity.id)
    return list((await connection.execute(wanted.order_by(attachments.c.policy_arn))).scalars())


async def attach(tx: Transaction, entity: Entity, arn: str) -> None:
    """Once is as good as twice. Raises EntityNotFound, PolicyNotAttachable, QuotaExceeded."""
    await entities.present(tx, entity)
    await known(tx.connection, entity.account, arn, PolicyNotAttachable)
    already = await attached(tx.connection, entity)
    if arn in already:
        return
    quota, limit = limits.ATTACHED[entity.kind]
    if len(already) >= limit:
        raise QuotaExceeded(quota, limit)
    await tx.execute(insert(attachments).values(entity_id=entity.id, policy_arn=arn))
    await history.note(tx, entity.account, entity.id, "attached", arn, arn)
    tx.changed(KIND, entity.id)


async def detach(tx: Transaction, entity: Entity, arn: str) -> None:
    """Raises NotAttached."""
    this = (attachments.c.entity_id == entity.id) & (attachments.c.policy_arn == arn)
    if (await tx.execute(delete(attachments).where(this))).rowcount == 0:
        raise NotAttached(arn)
    await history.note(tx, entity.account, entity.id, "attached", arn, None)
    tx.changed(KIND, entity.id)


async def bound(tx: Transaction, entity: Entity, arn: str) -> None:
    """Raises BoundaryNotAttachable."""
    await known(tx.connection, entity.account, arn, BoundaryNotAttachable)
    await entities.change(tx, entity, boundary=arn)
    await history.note(tx, entity.account, entity.id, "boundary", "", arn)


async def unbound(tx: Transaction, entity: Entity) -> None:
    """Raises BoundaryNotFound."""
    if entity.boundary is None:
        raise BoundaryNotFound(entity.kind, entity.name)
    await entities.change(tx, entity, boundary=None)
    await history.note(tx, entity.account, entity.id, "boundary", "", None)


async def known(connection: Connection, account: str, arn: str, refusal: type[PolicyNotFound]) -> None:
    """Raises `refusal` unless the policy exists and is the account's own or shipped."""
    if await managed.known(connection, account, arn) is None:
        raise refusal(arn)
