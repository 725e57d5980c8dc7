"""Replicas follow their primary, in the transaction that changes it: versions, labels, tags, description, policy, type.

A replica in another account follows in versions, labels, description and type; tags and policies are its own.

1. before the transaction: seal the value once more for each replica, under its own key, in the caller's name, or in that of
   the role that was given for it
2. inside it: every replica that has all labelled versions becomes what its primary is, and is InSync
3. one that lacks a version, because its key could not be used, stays what it was, and is Failed until a later write,
   which brings the versions that are missing too, or ReplicateSecretToRegions or AssociateCrossAccountReplica succeeds

A version that is still empty, and labels on it, are not copied: rotation runs in the primary only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import delete, update

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.secrets import acting, finding, records, sealing
from keystead.secrets.errors import KeyDenied, OpeningFailed, SealingFailed
from keystead.secrets.labels import Labels
from keystead.secrets.room import Secrets
from keystead.secrets.secret import Link, Replica, Sealed, Secret, Value, Version
from keystead.secrets.store import KIND, replicas, secrets, versions
from keystead.secrets.writing import insert_version, replace_tags, store_labels

IN_SYNC: Final = "InSync"
FAILED: Final = "Failed"
NOT_SEALED: Final = "The secret value could not be encrypted with the replica's KMS key."

Copies = Mapping[int, Mapping[str, Sealed]]
"""By the replica's id: version id to its value, sealed for the replica."""


async def sealed(room: Secrets, call: Call, primary: Secret, values: Mapping[str, Value]) -> Copies:
    """Step 1. What cannot be sealed is left out."""
    found: dict[int, dict[str, Sealed]] = {}
    for copy, failed in await copies_of(room, primary):
        late = await missing(room, call, primary, copy, primary.labels) if failed else {}
        found[copy.id] = await sealed_for(room, call, primary, copy, {**late, **values})
    return found


async def copies_of(room: Secrets, primary: Secret) -> list[tuple[Secret, bool]]:
    """Every copy that is there, and whether it lags behind."""
    listed: list[Replica | Link] = [*primary.replicas]
    if primary.leads and primary.link is not None:
        listed.append(primary.link)
    found = [(await room.known.secret(one.id), one.status == FAILED) for one in listed if one.id is not None]
    return [(copy, failed) for copy, failed in found if copy is not None]


async def sealed_for(
    room: Secrets, call: Call, primary: Secret, copy: Secret, values: Mapping[str, Value]
) -> dict[str, Sealed]:
    found: dict[str, Sealed] = {}
    if not values:
        return found
    try:
        writer = await acting.for_copy(room, call, primary, copy)
    except KeyDenied:
        return found
    for version_id, value in values.items():
        try:
            found[version_id] = await sealing.seal(room.keys, writer, copy, version_id, value)
        except (KeyDenied, SealingFailed):
            continue
    return found


async def lacking(room: Secrets, call: Call, primary: Secret, labelled: Labels) -> Copies:
    """Step 1 for labels that move: versions that will have a label, and that some replica does not have."""
    found: dict[int, dict[str, Sealed]] = {}
    for copy, _ in await copies_of(room, primary):
        values = await missing(room, call, primary, copy, labelled)
        found[copy.id] = await sealed_for(room, call, primary, copy, values)
    return found


async def missing(room: Secrets, call: Call, primary: Secret, copy: Secret, labelled: Labels) -> dict[str, Value]:
    """Versions with a label and a value that the copy does not have, as far as they open for the caller."""
    wanted = set(labelled.values())
    async with room.database.read() as connection:
        wanted -= {version.id for version in await records.versions_of(connection, copy.id, sorted(wanted))}
        there = await records.versions_of(connection, primary.id, sorted(wanted)) if wanted else []
    found: dict[str, Value] = {}
    for version in there:
        if version.sealed is not None:
            try:
                found[version.id] = await room.open(call, primary, version)
            except (KeyDenied, OpeningFailed):
                continue
    return found


async def follow(tx: Transaction, primary_id: int, copies: Copies) -> None:
    """Steps 2 and 3, for a secret that is as it will be."""
    primary = await records.load(tx.connection, primary_id)
    if primary is None or not (primary.replicas or primary.leads):
        return
    there = await records.versions_of(tx.connection, primary_id)
    for replica in primary.replicas:
        copy = await records.load(tx.connection, replica.id) if replica.id is not None else None
        if copy is not None:
            await follow_one(tx, primary, there, replica, copy, copies.get(copy.id, {}))
    await follow_link(tx, primary, there, copies)


async def follow_one(
    tx: Transaction,
    primary: Secret,
    there: list[Version],
    replica: Replica,
    copy: Secret,
    copies: Mapping[str, Sealed],
) -> None:
    if await follow_versions(tx, primary, there, copy, copies):
        await follow_record(tx, primary, copy)
        await note_status(tx, primary.id, replica.region, IN_SYNC, None)
    else:
        await note_status(tx, primary.id, replica.region, FAILED, NOT_SEALED)


async def follow_link(tx: Transaction, primary: Secret, there: list[Version], copies: Copies) -> None:
    """The replica in another account, if one is associated."""
    link = primary.link
    copy = await records.load(tx.connection, link.id) if link is not None and link.id is not None else None
    if copy is None or not copy.follows:
        return
    if not await follow_versions(tx, primary, there, copy, copies.get(copy.id, {})):
        await note_link(tx, (primary, copy), FAILED, NOT_SEALED)
        return
    now = await records.load(tx.connection, copy.id) or copy
    after = replace(now, description=primary.description, type=primary.type)
    if copies.get(copy.id) or said(after) != said(copy):
        columns = {"description": after.description, "type": after.type, "changed_at": primary.changed_at}
        await tx.execute(update(secrets).where(secrets.c.id == copy.id).values(**columns))
    if after.description != copy.description:
        await finding.store_words(tx, after)
    await note_link(tx, (primary, copy), IN_SYNC, None)


def said(secret: Secret) -> tuple[Labels, str | None, str | None]:
    """What a replica in another account has from its primary, besides values."""
    return secret.labels, secret.description, secret.type


async def follow_versions(
    tx: Transaction, primary: Secret, there: list[Version], copy: Secret, copies: Mapping[str, Sealed]
) -> bool:
    """Versions and labels of the copy become the primary's; False, and nothing is done, while a version is missing."""
    made_at = {version.id: version.created_at for version in there if version.sealed is not None}
    labelled = {label: version for label, version in primary.labels.items() if version in made_at}
    has = {version.id for version in await records.versions_of(tx.connection, copy.id)}
    if set(labelled.values()) - has - set(copies):
        return False
    for version_id in sorted(set(copies) - has):
        if version_id in made_at:
            await insert_version(tx, copy.id, version_id, copies[version_id], created_at=made_at[version_id])
    await store_labels(tx, copy.id, copy.labels, labelled)
    gone = has - set(made_at)
    if gone:
        await tx.execute(delete(versions).where(versions.c.secret_id == copy.id, versions.c.id.in_(gone)))
    return True


async def follow_record(tx: Transaction, primary: Secret, copy: Secret) -> None:
    values = {
        "description": primary.description,
        "type": primary.type,
        "policy": primary.policy_text,
        "policy_ids": dict(primary.policy_ids),
        "tagged": primary.tags is not None,
        "changed_at": primary.changed_at,
    }
    await tx.execute(update(secrets).where(secrets.c.id == copy.id).values(**values))
    if primary.tags != copy.tags:
        await replace_tags(tx, copy.id, primary.tags)
    after = await records.load(tx.connection, copy.id)
    if after is not None and (after.tags, after.description) != (copy.tags, copy.description):
        await finding.store_words(tx, after)
    tx.changed(KIND, str(copy.id))


async def note_status(tx: Transaction, primary_id: int, region: str, status: str, message: str | None) -> None:
    this = (replicas.c.secret_id == primary_id) & (replicas.c.region == region)
    await tx.execute(update(replicas).where(this).values(status=status, message=message))
    tx.changed(KIND, str(primary_id))


async def note_link(tx: Transaction, ends: Sequence[Secret], status: str, message: str | None) -> None:
    """Both ends say the same of it."""
    these = secrets.c.id.in_([one.id for one in ends])
    await tx.execute(update(secrets).where(these).values(link_status=status, link_message=message))
    for one in ends:
        tx.changed(KIND, str(one.id))
