"""Deletion: after its window a key is destroyed, with its material, aliases, tags and grants."""

from contextlib import suppress

from sqlalchemy import delete, select, update

from keystead.database.engine import Transaction
from keystead.keyholder.errors import KeyholderError
from keystead.keys import records
from keystead.keys.key import Key, State
from keystead.keys.making import note_policy
from keystead.keys.replicas import release_primary
from keystead.keys.rotation import Happened
from keystead.keys.store import ALIAS_KIND, KIND, aliases, grants, keys, materials, tags, usage
from keystead.keys.use import Keys
from keystead.trail import outbox
from keystead.trail.event import service_event


async def delete_due(room: Keys, now: float) -> list[Happened]:
    """Destroy every key whose window has ended. Each is a transaction of its own, and may be run again."""
    due = select(keys.c.region, keys.c.id).where(
        keys.c.deletion_at <= now, keys.c.state == State.PENDING_DELETION.value
    )
    async with room.database.read() as connection:
        found = [(row.region, row.id) for row in await connection.execute(due.order_by(keys.c.deletion_at))]
    happened = [await delete_one(room, region, key_id, now) for region, key_id in found]
    return [one for one in happened if one is not None]


async def delete_one(room: Keys, region: str, key_id: str, now: float) -> Happened | None:
    """None when the deletion was cancelled, or somebody else was here."""
    async with room.database.write("deletion") as tx:
        key = await records.load(tx.connection, region, key_id)
        if key is None or key.state is not State.PENDING_DELETION:
            return None
        if key.deletion_at is None or key.deletion_at > now:
            return None
        await destroy(tx, key)
        await release_primary(tx, key, now)
        happened = Happened(key.account, region, key_id, key.arn, key.material_id)
        await outbox.put(tx, service_event("DeleteKey", happened, at=tx.at))
    await destroy_in_token(room, key)
    return happened


async def destroy_in_token(room: Keys, key: Key) -> None:
    """As far as that can be done now: what stays in the token is of no use without its record (KMS developer guide)."""
    if key.key_store is None or key.key_store.external:
        return
    for version in key.versions:
        with suppress(KeyholderError):
            await room.keyholder.destroy_hsm_material(version.material)


async def destroy(tx: Transaction, key: Key) -> None:
    """Grants keep their row, ended; everything else about the key goes. Nothing that it sealed opens ever again."""
    of_key = {"region": key.region, "key_id": key.id}
    live = grants.c.ended_at.is_(None)
    ended = update(grants).filter_by(**of_key).where(live).values(ended_at=tx.at, ended_by="deleted")
    await tx.execute(ended)
    for table in (materials, aliases, tags):
        await tx.execute(delete(table).filter_by(**of_key))
    await tx.execute(delete(usage).where(usage.c.key_arn == key.arn))
    await tx.execute(delete(keys).where(keys.c.region == key.region, keys.c.id == key.id))
    await note_policy(tx, key.region, key.id, None, {})
    tx.changed(KIND, f"{key.region}/{key.id}")
    for alias in key.aliases:
        tx.changed(ALIAS_KIND, f"{key.account}/{key.region}/{alias}")
