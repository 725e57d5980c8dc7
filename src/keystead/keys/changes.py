"""Changes to a key's record: each reads the state again inside its transaction, so that none is lost between workers."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import update

from keystead.access.request import Values
from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.keys import records, states
from keystead.keys.errors import KeyNotFound, ManagedKeyImmutable, NotPrimary, NotRotatable, OriginWrong
from keystead.keys.key import AWS_KMS, DAY, Key, Manager, State
from keystead.keys.specs import SPECS
from keystead.keys.store import KIND, keys
from keystead.keys.use import NOTHING_ASKED, Keys


async def admitted(
    room: Keys, call: Call, operation: str, named: str, asked: Mapping[str, Values] = NOTHING_ASKED
) -> Key:
    """A customer managed key that this operation may change. Raises ManagedKeyImmutable."""
    key = await room.admit(call, operation, named, asked=asked)
    if key.manager is not Manager.CUSTOMER:
        raise ManagedKeyImmutable(key.arn)
    return key


async def again(tx: Transaction, key: Key, operation: str) -> Key:
    """The key as it is inside the transaction, whose state must still allow the operation."""
    now = await records.load(tx.connection, key.region, key.id)
    if now is None:
        raise KeyNotFound(key.arn)
    states.check(now, operation)
    return now


async def change(tx: Transaction, key: Key, **columns: Any) -> None:
    await tx.execute(update(keys).where(keys.c.region == key.region, keys.c.id == key.id).values(**columns))
    tx.changed(KIND, f"{key.region}/{key.id}")


async def change_all(tx: Transaction, key: Key, **columns: Any) -> None:
    """Likewise in every Region that the key is in; without columns, that it is seen there what others have become."""
    if columns:
        of_key = (keys.c.id == key.id) & keys.c.region.in_(key.regions)
        await tx.execute(update(keys).where(of_key).values(**columns))
    for region in key.regions:
        tx.changed(KIND, f"{region}/{key.id}")


async def set_state(
    room: Keys, call: Call, operation: str, named: str, state: State, asked: Mapping[str, Values] = NOTHING_ASKED
) -> None:
    key = await admitted(room, call, operation, named, asked)
    async with room.database.write(call.id) as tx:
        await change(tx, await again(tx, key, operation), state=state.value)
    if state is not State.ENABLED:
        await room.forget(key)


async def describe(room: Keys, call: Call, named: str, description: str) -> None:
    key = await admitted(room, call, "UpdateKeyDescription", named)
    async with room.database.write(call.id) as tx:
        await change(tx, await again(tx, key, "UpdateKeyDescription"), description=description)


async def schedule_deletion(room: Keys, call: Call, named: str, days: int, asked: Mapping[str, Values]) -> Key:
    """The key as it is then. A primary key outlives its replicas: its window begins when the last one is gone."""
    key = await admitted(room, call, "ScheduleKeyDeletion", named, asked)
    async with room.database.write(call.id) as tx:
        now = await again(tx, key, "ScheduleKeyDeletion")
        if now.replicas and not now.is_replica:
            await change(tx, now, state=State.PENDING_REPLICA_DELETION.value, pending_days=days)
        else:
            deletion_at = room.clock() + days * DAY
            await change(tx, now, state=State.PENDING_DELETION.value, deletion_at=deletion_at)
        after = await records.load(tx.connection, key.region, key.id)
    await room.forget(key)
    return after or key


async def cancel_deletion(room: Keys, call: Call, named: str) -> Key:
    """The key comes back disabled, or pending import where its material is away."""
    key = await admitted(room, call, "CancelKeyDeletion", named)
    async with room.database.write(call.id) as tx:
        now = await again(tx, key, "CancelKeyDeletion")
        state = State.DISABLED if now.complete else State.PENDING_IMPORT
        await change(tx, now, state=state.value, deletion_at=None, pending_days=None)
    return key


def check_primary(key: Key, *, strictly: bool = False) -> None:
    """Raises NotPrimary: for a replica, and strictly for a key of one Region, too."""
    if key.is_replica or (strictly and not key.multi_region):
        raise NotPrimary(key.arn)


def check_rotatable(key: Key, origins: Sequence[str] = (AWS_KMS,)) -> None:
    """Raises NotRotatable, OriginWrong."""
    if not SPECS[key.spec].rotates:
        raise NotRotatable
    if key.origin not in origins:
        raise OriginWrong(key.arn, key.origin)
