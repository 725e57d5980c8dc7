"""Copies of a secret in other Regions: begun, ended, and let go (Secrets Manager user guide, multi-Region secrets).

A replica has its primary's name and suffix, its own Region in the ARN, and every version sealed anew under a key of that Region.
It lies in the same database, and follows its primary in the same transactions (copying).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import delete, insert, update

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.secrets import copying, creation, deleting, records
from keystead.secrets.copying import FAILED, IN_SYNC, NOT_SEALED
from keystead.secrets.errors import ParameterWrong, RequestWrong
from keystead.secrets.room import Secrets, again
from keystead.secrets.sealing import normal
from keystead.secrets.secret import Sealed, Secret, Value
from keystead.secrets.store import KIND, replicas, secrets
from keystead.secrets.writing import insert_version, store_labels, touch

EXISTS: Final = "Secret with this name already exists in this region"
REPLICATED: Final = "Secret with this name in this region is replicated itself"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A Region, and the key there; None for its default key."""

    region: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A copy that is about to be made, with the values that could be sealed for it."""

    copy: Secret
    sealed: Mapping[str, Sealed]


def check(room: Secrets, region: str, wanted: Sequence[Wanted]) -> None:
    """Raises ParameterWrong."""
    named = [one.region for one in wanted]
    if len(set(named)) < len(named):
        raise ParameterWrong("A Region can be given only once.")
    for one in named:
        if one not in room.regions:
            raise ParameterWrong(f"Region {one} is not one that a secret can be replicated to.")
        if one == region:
            raise ParameterWrong(f"A secret can't be replicated to {one}, where it is.")


async def replicate(room: Secrets, call: Call, secret: Secret, wanted: Sequence[Wanted], *, force: bool) -> None:
    """Where it fails in a Region, that Region's status says so. THE CALLER HAS BEEN ADMITTED.

    1. open every version that has a label     3. in one transaction: the copies, and what is to be known of them
    2. seal each for every Region

    Raises ParameterWrong, KeyDenied, OpeningFailed.
    """
    check(room, secret.region, wanted)
    check_new(secret, wanted)
    values = await opened(room, call, secret)  # 1
    prepared = [await prepare(room, call, secret, one, values) for one in wanted]  # 2
    async with room.database.write(call.id) as tx:  # 3
        now = await again(tx, secret, "ReplicateSecretToRegions")
        check_new(now, wanted)
        await touch(tx, now, primary_region=now.region)
        for one in prepared:
            await store(tx, now, one, force=force)


def check_new(secret: Secret, wanted: Sequence[Wanted]) -> None:
    """A Region whose copy failed may be tried again."""
    for replica in secret.replicas:
        if replica.status == IN_SYNC and replica.region in {one.region for one in wanted}:
            raise ParameterWrong(f"The secret is already replicated to Region {replica.region}.")


async def opened(room: Secrets, call: Call, secret: Secret) -> dict[str, Value]:
    async with room.database.read() as connection:
        there = await records.versions_of(connection, secret.id, sorted(set(secret.labels.values())))
    return {one.id: await room.open(call, secret, one) for one in there if one.sealed is not None}


async def prepare(room: Secrets, call: Call, secret: Secret, wanted: Wanted, values: Mapping[str, Value]) -> Prepared:
    copy = replace(
        secret,
        id=0,
        region=wanted.region,
        key=None,
        primary_region=secret.region,
        primary_id=secret.id,
        replicas=(),
        link=None,
        accessed_on=None,
    )
    copy = replace(copy, key=normal(copy, wanted.key or ""))
    return Prepared(copy, await copying.sealed_for(room, call, secret, copy, values))


async def store(tx: Transaction, now: Secret, prepared: Prepared, *, force: bool) -> None:
    """The copy with its row at the primary; what stood there before, of the same primary, is replaced."""
    region = prepared.copy.region
    for former in now.replicas:
        if former.region == region:
            await drop(tx, now, former.region)
    message = await in_the_way(tx, prepared.copy, force=force)
    there = {one.id: one for one in await records.versions_of(tx.connection, now.id) if one.sealed is not None}
    labelled = {label: version for label, version in now.labels.items() if version in there}
    if message is None and set(labelled.values()) - set(prepared.sealed):
        message = NOT_SEALED
    replica_id = None
    if message is None:
        copy = replace(prepared.copy, labels={}, tags=now.tags, policy_text=now.policy_text, policy_ids=now.policy_ids)
        copy = await creation.insert_secret(tx, copy, "", None, primary_region=now.region, primary_id=now.id)
        for version_id, sealed in prepared.sealed.items():
            if version_id in there:
                await insert_version(tx, copy.id, version_id, sealed, created_at=there[version_id].created_at)
        await store_labels(tx, copy.id, {}, labelled)
        replica_id = copy.id
    row = {"secret_id": now.id, "region": region, "key": prepared.copy.key, "replica_id": replica_id}
    status = IN_SYNC if message is None else FAILED
    await tx.execute(insert(replicas).values(**row, status=status, message=message))


async def in_the_way(tx: Transaction, copy: Secret, *, force: bool) -> str | None:
    """Why there can be no copy; with `force`, a secret of its own that has the name there is destroyed."""
    found = await records.find(tx.connection, copy.account, copy.region, copy.name)
    there = await records.load(tx.connection, found) if found is not None else None
    if there is None:
        return None
    if not force:
        return EXISTS
    if there.primary_id is not None or there.replicas or there.link is not None:
        return REPLICATED
    await deleting.destroy(tx, there)
    return None


async def remove(room: Secrets, call: Call, secret: Secret, regions: Sequence[str]) -> None:
    """The copies are destroyed. THE CALLER HAS BEEN ADMITTED. Raises ParameterWrong."""
    async with room.database.write(call.id) as tx:
        now = await again(tx, secret, "RemoveRegionsFromReplication")
        known = {replica.region for replica in now.replicas}
        for region in dict.fromkeys(regions):
            if region not in known:
                raise ParameterWrong(f"The secret is not replicated to Region {region}.")
            await drop(tx, now, region)
        left = known - set(regions)
        await touch(tx, now, primary_region=now.region if left else None)


async def drop(tx: Transaction, primary: Secret, region: str) -> None:
    for replica in primary.replicas:
        if replica.region == region and replica.id is not None:
            copy = await records.load(tx.connection, replica.id)
            if copy is not None:
                await deleting.drop(tx, copy)
    await tx.execute(delete(replicas).where(replicas.c.secret_id == primary.id, replicas.c.region == region))


async def stop(room: Secrets, call: Call, secret: Secret) -> None:
    """The replica becomes a secret of its own. THE CALLER HAS BEEN ADMITTED. Raises RequestWrong."""
    async with room.database.write(call.id) as tx:
        now = await again(tx, secret, "StopReplicationToReplica")
        if now.primary_id is None:
            raise RequestWrong("The secret is not a replica.")
        await touch(tx, now, primary_id=None, primary_region=None)
        primary = await records.load(tx.connection, now.primary_id)
        if primary is None:
            return
        await tx.execute(delete(replicas).where(replicas.c.secret_id == primary.id, replicas.c.region == now.region))
        if len(primary.replicas) <= 1:
            await tx.execute(update(secrets).where(secrets.c.id == primary.id).values(primary_region=None))
        tx.changed(KIND, str(primary.id))
