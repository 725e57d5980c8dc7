"""Rotation: new material under the same key, on a schedule or on demand. Old material keeps opening what it sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, update

from keystead.access.request import Values
from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.keyholder.promise import Material
from keystead.keys import records
from keystead.keys.changes import admitted, again, change_all, check_primary, check_rotatable
from keystead.keys.errors import NothingPending, RotationInProgress, RotationsExhausted
from keystead.keys.key import AWS_KMS, DAY, EXTERNAL, Key, State, arn_of
from keystead.keys.making import insert_material
from keystead.keys.store import keys, materials
from keystead.keys.use import Keys
from keystead.trail import outbox
from keystead.trail.event import service_event

TOO_SOON: Final = 20 * 60.0
"""Seconds before an automatic rotation in which none on demand is begun (KMS API reference, RotateKeyOnDemand)."""
DEFAULT_PERIOD: Final = 365
AUTOMATIC: Final = "AUTOMATIC"
ON_DEMAND: Final = "ON_DEMAND"


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that was done to a key because it fell due, for the record."""

    account: str
    region: str
    key_id: str
    key_arn: str
    material_id: str


async def enable(room: Keys, call: Call, named: str, period: int | None, asked: Mapping[str, Values]) -> None:
    """From today, every so many days. Without a period an existing one is kept."""
    key = await admitted(room, call, "EnableKeyRotation", named, asked)
    check_rotatable(key)
    check_primary(key)
    async with room.database.write(call.id) as tx:
        now = await again(tx, key, "EnableKeyRotation")
        days = period or now.rotation.period or DEFAULT_PERIOD
        if days != now.rotation.period:
            await change_all(tx, now, rotation_period=days, rotation_next_at=room.clock() + days * DAY)


async def disable(room: Keys, call: Call, named: str) -> None:
    key = await admitted(room, call, "DisableKeyRotation", named)
    check_rotatable(key)
    check_primary(key)
    async with room.database.write(call.id) as tx:
        now = await again(tx, key, "DisableKeyRotation")
        if now.rotation.period is not None:
            await change_all(tx, now, rotation_period=None, rotation_next_at=None)


async def on_demand(room: Keys, call: Call, named: str) -> Key:
    """Raises NotRotatable, OriginWrong, RotationsExhausted, RotationInProgress, NothingPending."""
    key = await admitted(room, call, "RotateKeyOnDemand", named)
    check_rotatable(key, (AWS_KMS, EXTERNAL))
    check_primary(key)
    imported = key.origin == EXTERNAL
    material = None if imported else await room.keyholder.create_material(key.id, key.spec)
    async with room.database.write(call.id) as tx:
        now = await again(tx, key, "RotateKeyOnDemand")
        if now.rotation.on_demand >= room.quotas.on_demand_rotations:
            raise RotationsExhausted(key.arn)
        if now.rotation.next_at is not None and now.rotation.next_at - room.clock() < TOO_SOON:
            raise RotationInProgress(key.arn)
        if material is None:
            await promote(tx, now)
        else:
            await add_version(tx, now, material, ON_DEMAND)
            call.notes.additional["keyMaterialId"] = material.material_id
        await change_all(tx, now, on_demand_rotations=now.rotation.on_demand + 1)
    return key


async def add_version(tx: Transaction, key: Key, material: Material, rotation_type: str) -> None:
    """In every Region at once: none encrypts under what another cannot open."""
    for region in key.regions:
        await insert_material(tx, region, material, len(key.versions) + 1, rotation_type)
    await tell_replicas(tx, key, material.material_id)


async def tell_replicas(tx: Transaction, key: Key, material_id: str) -> None:
    """SynchronizeMultiRegionKey, in the Region of each (KMS developer guide, CloudTrail entries)."""
    for region in key.replicas:
        happened = Happened(key.account, region, key.id, arn_of(key.account, region, key.id), material_id)
        await outbox.put(tx, service_event("SynchronizeMultiRegionKey", happened, at=tx.at))


async def promote(tx: Transaction, key: Key) -> None:
    """Make the imported material that waits for it the current one. Raises NothingPending."""
    if key.pending is None or not key.pending_everywhere:
        raise NothingPending(key.arn)
    waiting = update(materials).filter_by(key_id=key.id, material_id=key.pending.id)
    await tx.execute(waiting.values(pending=False, made_at=tx.at, rotation_type=ON_DEMAND))
    await tell_replicas(tx, key, key.pending.id)


async def rotate_due(room: Keys, now: float) -> list[Happened]:
    """Rotate every enabled key whose time has come. Each is a transaction of its own, and may be run again."""
    due = (
        select(keys.c.region, keys.c.id)
        .where(keys.c.rotation_next_at <= now, keys.c.state == State.ENABLED.value)
        .where(keys.c.primary_region.is_(None) | (keys.c.primary_region == keys.c.region))
        .order_by(keys.c.rotation_next_at)
    )
    async with room.database.read() as connection:
        found = [(row.region, row.id) for row in await connection.execute(due)]
    happened = [await rotate_one(room, region, key_id, now) for region, key_id in found]
    return [one for one in happened if one is not None]


async def rotate_one(room: Keys, region: str, key_id: str, now: float) -> Happened | None:
    """None when it is no longer due: somebody else was here."""
    key = await room.known.key(region, key_id)
    if key is None:
        return None
    material = await room.keyholder.create_material(key.id, key.spec)
    async with room.database.write("rotation") as tx:
        current = await records.load(tx.connection, region, key_id)
        if current is None or current.is_replica or not current.enabled or current.rotation.period is None:
            return None
        if current.rotation.next_at is None or current.rotation.next_at > now:
            return None
        await add_version(tx, current, material, AUTOMATIC)
        await change_all(tx, current, rotation_next_at=now + current.rotation.period * DAY)
        happened = Happened(key.account, region, key_id, key.arn, material.material_id)
        await outbox.put(tx, service_event("RotateKey", happened, at=tx.at))
    return happened
