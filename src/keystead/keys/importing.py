"""Imported key material: brought in, brought in again, deleted, expired (KMS developer guide, importing key material).

    first import            current at once
    further, symmetric      pending, until RotateKeyOnDemand makes it current; one at a time
    everything else         only the same bytes again: what they encrypted would be lost with any others

Material that something was encrypted under belongs to the key for good: while any of it is away, the key is pending import.
Pending material does not, and leaves no trace when it is deleted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, insert, select, update

from keystead.access.request import Values
from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.keyholder.promise import SYMMETRIC_DEFAULT, Material, WrappingKey
from keystead.keys import records, states
from keystead.keys.changes import again, change, change_all, check_primary
from keystead.keys.errors import AnotherPending, MaterialMismatch, MaterialUnknown, OriginWrong, ParameterWrong
from keystead.keys.key import DAY, EXTERNAL, Key, State, Version
from keystead.keys.making import material_row
from keystead.keys.rotation import Happened
from keystead.keys.store import materials
from keystead.keys.use import NOTHING_ASKED, Asked, Keys
from keystead.trail import outbox
from keystead.trail.event import service_event

NEW: Final = "NEW_KEY_MATERIAL"
EXISTING: Final = "EXISTING_KEY_MATERIAL"
EXPIRES: Final = "KEY_MATERIAL_EXPIRES"
DOES_NOT_EXPIRE: Final = "KEY_MATERIAL_DOES_NOT_EXPIRE"
LONGEST: Final = 365 * DAY
"""Seconds from an import to the end of its material at most (KMS API reference, ImportKeyMaterial)."""
DYING: Final = (State.PENDING_DELETION, State.PENDING_REPLICA_DELETION)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What ImportKeyMaterial asks besides the material itself.

    kind         NEW or EXISTING; None: NEW at first, EXISTING from then on
    expires_at   seconds since the epoch; None: never
    material_id  what the material's id must turn out to be
    """

    kind: str | None = None
    expires_at: float | None = None
    description: str | None = None
    material_id: str | None = None


def check_expiry(model: str, valid_to: float | None, now: float) -> None:
    """Raises ParameterWrong."""
    if model == DOES_NOT_EXPIRE and valid_to is not None:
        raise ParameterWrong("A validTo date cannot be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")
    if model == DOES_NOT_EXPIRE:
        return
    if valid_to is None:
        raise ParameterWrong("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
    if not now < valid_to <= now + LONGEST:
        raise ParameterWrong("The validTo date must be in the future, and at most 365 days away.")


def check_wanted(wanted: Wanted, spec: str) -> None:
    """Raises ParameterWrong."""
    if spec != SYMMETRIC_DEFAULT and (wanted.kind, wanted.description, wanted.material_id) != (None, None, None):
        raise ParameterWrong(
            "ImportType, KeyMaterialDescription and KeyMaterialId are only for symmetric encryption keys."
        )
    if wanted.kind == NEW and wanted.material_id is not None:
        raise ParameterWrong("KeyMaterialId cannot be specified when ImportType is NEW_KEY_MATERIAL.")


async def admitted(
    room: Keys, call: Call, operation: str, named: str, asked: Mapping[str, Values] = NOTHING_ASKED
) -> Key:
    """A key that material can be imported into. Any other is refused for what it is, whatever its state."""
    key = await room.find(call, operation, named)
    await room.decide(call, operation, key, Asked(conditions=asked))
    if key.origin != EXTERNAL:
        raise OriginWrong(key.arn, key.origin)
    states.check(key, operation)
    return key


async def parameters(room: Keys, key: Key, wrapping_spec: str, algorithm: str) -> WrappingKey:
    """A wrapping key for one key. THE CALLER HAS ADMITTED."""
    return await room.keyholder.wrapping_key(key.arn, key.spec, wrapping_spec, algorithm)


async def bring(room: Keys, call: Call, key: Key, token: bytes, wrapped: bytes, wanted: Wanted) -> str:
    """The id of the imported material. THE CALLER HAS ADMITTED.

    Raises ImportTokenInvalid, ImportTokenExpired, CiphertextInvalid, MaterialWrong, MaterialMismatch, AnotherPending,
    NotPrimary.
    """
    material = await room.keyholder.import_material(key.arn, key.id, key.spec, key.usage, token, wrapped)
    if wanted.material_id not in {None, material.material_id}:
        raise MaterialMismatch
    async with room.database.write(call.id) as tx:
        now = await again(tx, key, "ImportKeyMaterial")
        if (wanted.kind or (EXISTING if now.versions else NEW)) == NEW:
            check_primary(now)
            await add(tx, now, material, wanted)
        else:
            await restore(tx, now, material, wanted)
        await enable_if_complete(tx, key)
        await change_all(tx, now)
    return material.material_id


async def add(tx: Transaction, key: Key, material: Material, wanted: Wanted) -> None:
    """Raises MaterialMismatch, AnotherPending."""
    if key.version(material.material_id) is not None or (key.versions and key.spec != SYMMETRIC_DEFAULT):
        raise MaterialMismatch
    if key.pending is not None:
        raise AnotherPending(key.arn, material.material_id, key.pending.id)
    row = material_row(key.region, material, len(key.versions) + 1, tx.at)
    extra = {"expires_at": wanted.expires_at, "description": wanted.description, "pending": bool(key.versions)}
    await tx.execute(insert(materials).values(**row, **extra))
    for region in key.replicas:  # they wait for the same bytes
        there = {**row, "region": region, "token": None, "pending": bool(key.versions)}
        await tx.execute(insert(materials).values(**there))


async def restore(tx: Transaction, key: Key, material: Material, wanted: Wanted) -> None:
    """The same bytes as before, for a while of their own. Raises MaterialMismatch."""
    known = key.version(material.material_id)
    if known is None:
        raise MaterialMismatch
    described = known.description if wanted.description is None else wanted.description
    await set_material(tx, key, known.id, token=material.token, expires_at=wanted.expires_at, description=described)


async def enable_if_complete(tx: Transaction, key: Key) -> None:
    """The key can be used once nothing of what it needs is away."""
    now = await records.load(tx.connection, key.region, key.id)
    if now is not None:
        enabled = now.state is State.PENDING_IMPORT and now.complete
        await change(tx, now, state=State.ENABLED.value if enabled else now.state.value)


async def discard(room: Keys, call: Call, key: Key, material_id: str | None) -> str:
    """Delete imported material, the current one unless another is named; its id. THE CALLER HAS ADMITTED.

    What is away already is left away. Raises MaterialUnknown.
    """
    async with room.database.write(call.id) as tx:
        now = await again(tx, key, "DeleteImportedKeyMaterial")
        wanted = material_id or now.material_id
        version = now.version(wanted)
        if version is None and material_id is not None:
            raise MaterialUnknown(key.arn, material_id)
        if version is not None:
            await remove(tx, now, version)
    await room.forget(key)
    return wanted


async def remove(tx: Transaction, key: Key, version: Version) -> None:
    """Pending material goes everywhere with the primary key's, and leaves a replica to wait for it again."""
    if version == key.pending and not key.is_replica:
        await tx.execute(delete(materials).filter_by(key_id=key.id, material_id=version.id))
    else:
        await set_material(tx, key, version.id, token=None, expires_at=None)
    if version != key.pending and key.state not in DYING:
        await change(tx, key, state=State.PENDING_IMPORT.value)
    await change_all(tx, key)


async def expire_due(room: Keys, now: float) -> list[Happened]:
    """Delete all material whose time is over. Each is a transaction of its own, and may be run again."""
    due = (
        select(materials.c.region, materials.c.key_id, materials.c.material_id)
        .where(materials.c.expires_at <= now)
        .order_by(materials.c.expires_at)
    )
    async with room.database.read() as connection:
        found = [tuple(row) for row in await connection.execute(due)]
    happened = [await expire_one(room, *place, now=now) for place in found]
    return [one for one in happened if one is not None]


async def expire_one(room: Keys, region: str, key_id: str, material_id: str, *, now: float) -> Happened | None:
    """None when it was imported again meanwhile, or somebody else was here."""
    async with room.database.write("expiry") as tx:
        key = await records.load(tx.connection, region, key_id)
        version = key.version(material_id) if key is not None else None
        if key is None or version is None or version.expires_at is None or version.expires_at > now:
            return None
        await remove(tx, key, version)
        happened = Happened(key.account, region, key_id, key.arn, material_id)
        await outbox.put(tx, service_event("DeleteExpiredKeyMaterial", happened, at=tx.at))
    await room.forget(key)
    return happened


async def set_material(tx: Transaction, key: Key, material_id: str, **columns: Any) -> None:
    await tx.execute(update(materials).where(of_material(key, material_id)).values(**columns))


def of_material(key: Key, material_id: str) -> Any:
    return (
        (materials.c.region == key.region) & (materials.c.key_id == key.id) & (materials.c.material_id == material_id)
    )
