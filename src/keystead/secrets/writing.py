"""Writing a version of a secret's value: once, under a token that makes a repetition harmless.

1. has the token's version its value already? then it must be the same, and nothing happens
2. seal, through KMS, before the transaction
3. in one transaction: the version, its labels, what rotation makes of it, and old versions collected
4. somebody else wrote that version meanwhile: begin again
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.secrets import records, sealing
from keystead.secrets.errors import LimitReached, TokenTaken
from keystead.secrets.labels import Labels, after_put
from keystead.secrets.room import Secrets, again
from keystead.secrets.secret import DAY, Sealed, Secret, Value
from keystead.secrets.store import KIND, labels, secrets, versions

VERSIONS: Final = 100
"""Of a secret (Secrets Manager user guide, quotas)."""


@dataclass(frozen=True, slots=True)
class Written:
    """version  its id; stages  the labels it has now."""

    version: str
    stages: Sequence[str]


async def write(
    room: Secrets, call: Call, operation: str, secret: Secret, token: str, value: Value, stages: Sequence[str] | None
) -> Written:
    """THE CALLER HAS BEEN ADMITTED. Raises TokenTaken, LimitReached, KeyDenied, SealingFailed, OpeningFailed."""
    while True:
        if await is_written(room, call, secret, token, value):  # 1
            return Written(token, secret.stages.get(token, ()))
        sealed = await sealing.seal(room.keys, call, secret, token, value)  # 2
        async with room.database.write(call.id) as tx:  # 3
            now = await again(tx, secret, operation)
            after = await store(room, tx, now, token, sealed, stages)
        if after is not None:
            return Written(token, sorted(label for label, version in after.items() if version == token))
        secret = now  # 4


async def is_written(room: Secrets, call: Call, secret: Secret, token: str, value: Value) -> bool:
    """Whether the token's version has this value already. Raises TokenTaken when it has another."""
    async with room.database.read() as connection:
        there = await records.version(connection, secret.id, token)
    if there is None or there.sealed is None:
        return False
    if await sealing.open_(room.keys, call, secret, token, there.sealed) != value:
        raise TokenTaken(token, secret.arn)
    return True


async def store(
    room: Secrets, tx: Transaction, now: Secret, token: str, sealed: Sealed, stages: Sequence[str] | None
) -> Labels | None:
    """The labels after it; None when somebody else has written that version. Raises LimitReached."""
    there = await records.version(tx.connection, now.id, token)
    if there is not None and there.sealed is not None:
        return None
    after = after_put(now.labels, token, stages)
    await (insert_version if there is None else fill_version)(tx, now.id, token, sealed)
    await store_labels(tx, now.id, now.labels, after)
    await collect(tx, now.id, after)
    await touch(tx, now)
    if room.rotator is not None:
        await room.rotator.labels_moved(tx, now, after, token)
    return after


async def insert_version(tx: Transaction, secret_id: int, version_id: str, sealed: Sealed | None) -> None:
    """With None: an empty one, for a rotation to fill. The label that keeps it is the caller's to store."""
    row = {"secret_id": secret_id, "id": version_id, "created_at": tx.at}
    await tx.execute(insert(versions).values(**row, **columns(sealed)))


async def fill_version(tx: Transaction, secret_id: int, version_id: str, sealed: Sealed) -> None:
    empty = versions.c.kind.is_(None)
    this = update(versions).where(versions.c.secret_id == secret_id, versions.c.id == version_id, empty)
    await tx.execute(this.values(**columns(sealed)))


def columns(sealed: Sealed | None) -> dict[str, Any]:
    if sealed is None:
        return {}
    return {
        "kind": sealed.kind,
        "sealed": sealed.content,
        "data_key": sealed.data_key,
        "key_arn": sealed.key_arn,
        "default_key": sealed.default,
    }


async def store_labels(tx: Transaction, secret_id: int, before: Labels, after: Labels) -> None:
    """Only what differs."""
    gone = [label for label, version in before.items() if after.get(label) != version]
    come = [label for label, version in after.items() if before.get(label) != version]
    if gone:
        await tx.execute(delete(labels).where(labels.c.secret_id == secret_id, labels.c.label.in_(gone)))
    if come:
        rows = [{"secret_id": secret_id, "label": label, "version_id": after[label]} for label in come]
        await tx.execute(insert(labels), rows)
    tx.changed(KIND, str(secret_id))


async def collect(tx: Transaction, secret_id: int, labelled: Labels) -> None:
    """Drop versions without a label beyond the newest hundred, but none younger than a day. Raises LimitReached."""
    counted = select(func.count()).select_from(versions).where(versions.c.secret_id == secret_id)
    too_many = (await tx.execute(counted)).scalar_one() - VERSIONS
    if too_many <= 0:
        return
    old = versions.c.created_at < tx.at - DAY
    unlabelled = versions.c.id.not_in(set(labelled.values()))
    query = select(versions.c.id).where(versions.c.secret_id == secret_id, old, unlabelled)
    found = await tx.execute(query.order_by(versions.c.created_at, versions.c.id).limit(too_many))
    gone = [row.id for row in found]
    if len(gone) < too_many:
        raise LimitReached(f"You've exceeded the quota of {VERSIONS} versions of a secret.")
    await tx.execute(delete(versions).where(versions.c.secret_id == secret_id, versions.c.id.in_(gone)))


async def touch(tx: Transaction, secret: Secret, **values: Any) -> None:
    """Change columns of the secret, and its LastChangedDate."""
    await tx.execute(update(secrets).where(secrets.c.id == secret.id).values(changed_at=tx.at, **values))
    tx.changed(KIND, str(secret.id))


async def version_ids(tx: Transaction, secret_id: int) -> Mapping[str, bool]:
    """Every version of a secret, and whether it has a value."""
    query = select(versions.c.id, versions.c.kind).where(versions.c.secret_id == secret_id)
    return {row.id: row.kind is not None for row in await tx.execute(query)}
