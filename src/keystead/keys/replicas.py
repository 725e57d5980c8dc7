"""Multi-Region keys: one key, its material and its rotation in several Regions; everything else is each Region's own.

    primary   leads: only it is replicated, rotated, given new material
    replica   follows; any replica can be made the primary

Every Region's record lies in the same database, so that what is shared changes everywhere in one transaction.
(KMS developer guide, multi-Region keys.)
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import insert

from keystead.access.request import Values
from keystead.database.engine import Transaction
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keys import policies, records, states
from keystead.keys.changes import again, change, change_all, check_primary
from keystead.keys.conditions import KeyContext, of_tags
from keystead.keys.errors import KeyNotFound, NotServed, ReplicaExists
from keystead.keys.key import DAY, EXTERNAL, Key, State, arn_of
from keystead.keys.making import Plan, insert_key, material_row
from keystead.keys.quotas import check_keys
from keystead.keys.store import materials
from keystead.keys.use import RESOURCE, Asked, Keys
from keystead.trail.event import id_at

REPLICA: Final = "REPLICA"


async def admitted(room: Keys, call: Call, operation: str, named: str, asked: Mapping[str, Values]) -> Key:
    """A primary key. Any other is refused for what it is, whatever its state."""
    key = await room.find(call, operation, named)
    await room.decide(call, operation, key, Asked(conditions=asked))
    check_primary(key, strictly=True)
    states.check(key, operation)
    return key


def check_region(room: Keys, region: str) -> None:
    """Raises NotServed."""
    if region not in room.regions:
        raise NotServed(f"Region {region} is not served here.")


async def replicate(
    room: Keys,
    call: Call,
    key: Key,
    region: str,
    *,
    policy: str | None,
    description: str,
    tags: Mapping[str, str],
    bypass: bool,
    asked: Mapping[str, Values],
) -> Key:
    """The replica, as it is while it comes into being. THE CALLER HAS ADMITTED the primary.

    1. look whether the Region can take one    3. check the policy that it will have
    2. decide whether the caller may there     4. copy what is shared

    Raises ReplicaExists, PolicyMalformed, PolicyTooLarge, LockedOut.
    """
    if region in key.regions:  # 1
        raise ReplicaExists(arn_of(key.account, region, key.id))
    there = call.part(id_at(call.at), "CreateKey", {"description": description, "multi_region": True}, region=region)
    with there:
        decide(there, key, tags, asked)  # 2
        limit = room.quotas.policy_bytes
        checked = await policies.check(room.identities, policy or policies.default(key.account), limit)  # 3
        plan = planned(key, region, checked, room.clock(), description, tags)
        if policy is not None and not bypass:
            policies.check_lockout(there, plan.key(), checked.policy, asked)
        async with room.database.write(call.id) as tx:
            now = await again(tx, key, "ReplicateKey")
            check_primary(now, strictly=True)
            await check_keys(tx, key.account, region, room.quotas.keys)
            await copy(tx, now, plan)  # 4
        made = await room.known.key(region, key.id)
        if made is None:
            raise KeyNotFound(plan.key().arn)
        there.notes.resource(made.account, RESOURCE, made.arn)
    return replace(made, state=State.CREATING)


def decide(there: Call, key: Key, tags: Mapping[str, str], asked: Mapping[str, Values]) -> None:
    """Whether the caller may make this key in the other Region. Raises AccessDenied."""
    known: dict[str, Values] = {
        "kms:keyspec": (key.spec,),
        "kms:customermasterkeyspec": (key.spec,),
        "kms:keyusage": (key.usage,),
        "kms:customermasterkeyusage": (key.usage,),
        "kms:keyorigin": (key.origin,),
        "kms:multiregion": ("true",),
        "kms:multiregionkeytype": (REPLICA,),
    }
    context = KeyContext(there, None, asked={**asked, **known, **of_tags(tags)})
    authorize(there, "kms:CreateKey", resource_account=there.account, extra=context)
    if tags:
        authorize(there, "kms:TagResource", resource_account=there.account, extra=context)


def planned(
    key: Key, region: str, policy: policies.Checked, now: float, description: str, tags: Mapping[str, str]
) -> Plan:
    return Plan(
        account=key.account,
        region=region,
        policy=policy,
        created_at=now,
        spec=key.spec,
        usage=key.usage,
        origin=key.origin,
        description=description,
        rotation=key.rotation,
        tags=tags,
        primary_region=key.primary_region,
        id=key.id,
    )


async def copy(tx: Transaction, key: Key, plan: Plan) -> None:
    """Raises ReplicaExists. Imported material does not go along: it is imported into each Region."""
    if plan.region in key.regions:
        raise ReplicaExists(plan.key().arn)
    await insert_key(tx, plan, None)
    for number, version in enumerate(key.every_version, 1):
        row = material_row(plan.region, version.material, number, version.made_at)
        extra: dict[str, Any] = {"rotation_type": version.rotation_type, "pending": version == key.pending}
        if key.origin == EXTERNAL:
            extra["token"] = None
        await tx.execute(insert(materials).values(**{**row, **extra}))
    await change_all(tx, key)


async def move_primary(room: Keys, call: Call, key: Key, region: str, asked: Mapping[str, Values]) -> None:
    """Let the replica in another Region lead from now on. THE CALLER HAS ADMITTED the primary.

    Raises KeyNotFound where there is no replica.
    """
    there = call.part(
        id_at(call.at), "UpdatePrimaryRegion", {"key_id": key.id, "primary_region": region}, region=region
    )
    with there:
        replica = await room.known.key(region, key.id) if region in key.replicas else None
        if replica is None:
            raise KeyNotFound(arn_of(key.account, region, key.id))
        await room.decide(there, "UpdatePrimaryRegion", replica, Asked(conditions=asked))
        states.check(replica, "UpdatePrimaryRegion")
        async with room.database.write(call.id) as tx:
            now = await again(tx, key, "UpdatePrimaryRegion")
            check_primary(now, strictly=True)
            await again(tx, replica, "UpdatePrimaryRegion")
            await change_all(tx, now, primary_region=region)


async def release_primary(tx: Transaction, gone: Key, now: float) -> None:
    """The window of a primary that waited for its replicas to go begins with the end of the last one."""
    if gone.primary_region in {None, gone.region}:
        return
    primary = await records.load(tx.connection, gone.primary_region or "", gone.id)
    if primary is None:
        return
    if primary.state is State.PENDING_REPLICA_DELETION and not primary.replicas:
        at = now + (primary.pending_days or 0) * DAY
        await change(tx, primary, state=State.PENDING_DELETION.value, deletion_at=at, pending_days=None)
    await change_all(tx, primary)
