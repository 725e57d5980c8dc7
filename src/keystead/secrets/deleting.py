"""Deletion: a secret is marked, waits for its window, can be restored, and is destroyed when the time has come.

Destroying takes versions with their wrapped data keys, labels, tags and words in one transaction: nothing opens any more.
Each version's way is on the record: StartSecretVersionDelete, EndSecretVersionDelete, CancelSecretVersionDelete.
"""

from typing import Final

from sqlalchemy import delete, select

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.secrets import policies, records
from keystead.secrets.errors import ParameterWrong, RequestWrong, SecretMarked
from keystead.secrets.room import Secrets, again
from keystead.secrets.secret import DAY, Secret
from keystead.secrets.store import KIND, labels, secrets, tags, versions, words
from keystead.secrets.writing import touch, version_ids
from keystead.trail import outbox
from keystead.trail.event import secret_event

WINDOW: Final = (7, 30)
"""Days (Secrets Manager API reference, RecoveryWindowInDays)."""
START: Final = "StartSecretVersionDelete"
END: Final = "EndSecretVersionDelete"
CANCEL: Final = "CancelSecretVersionDelete"


async def mark(room: Secrets, call: Call, secret: Secret, days: int) -> float:
    """When it will be destroyed, seconds since the epoch. THE CALLER HAS BEEN ADMITTED.

    Raises SecretMarked, ParameterWrong, RequestWrong.
    """
    async with room.database.write(call.id) as tx:
        now = await again(tx, secret, "DeleteSecret")
        if now.deleted_at is not None:
            raise SecretMarked
        check_replicas(now)
        deletion_at = tx.at + days * DAY
        await touch(tx, now, deleted_at=tx.at, deletion_at=deletion_at)
        await tell(tx, START, now)
        if room.rotator is not None:
            await room.rotator.removed(tx, now)
    return deletion_at


async def force(room: Secrets, call: Call, secret: Secret) -> float:
    """Destroyed at once, marked or not; the time. THE CALLER HAS BEEN ADMITTED. Raises ParameterWrong, RequestWrong."""
    async with room.database.write(call.id) as tx:
        now = await again(tx, secret, "DeleteSecret")
        check_replicas(now)
        if now.deleted_at is None:
            await tell(tx, START, now)
            if room.rotator is not None:
                await room.rotator.removed(tx, now)
        await destroy(tx, now)
        return tx.at


def check_replicas(secret: Secret) -> None:
    """Raises ParameterWrong, RequestWrong."""
    if secret.replicas:
        regions = ", ".join(replica.region for replica in secret.replicas)
        raise ParameterWrong(f"You can't delete secret {secret.name} that still has replica regions [{regions}].")
    if secret.follows:
        raise RequestWrong("You can't delete a cross-account replica secret. Call StopReplicationToReplica first.")
    if secret.leads:
        raise RequestWrong(
            "You can't delete a secret with a cross-account replica. Call DisassociateCrossAccountReplica first."
        )


async def restore(room: Secrets, call: Call, secret: Secret) -> None:
    """A secret that is not marked stays as it is. THE CALLER HAS BEEN ADMITTED."""
    async with room.database.write(call.id, announced=False) as tx:
        now = await again(tx, secret, "RestoreSecret")
        if now.deleted_at is None:
            return
        await touch(tx, now, deleted_at=None, deletion_at=None)
        await tell(tx, CANCEL, now)


async def delete_due(room: Secrets, now: float) -> list[str]:
    """Destroy every secret whose window has ended; their ARNs. Each is a transaction of its own, and may be run again."""
    due = select(secrets.c.id).where(secrets.c.deletion_at <= now).order_by(secrets.c.deletion_at)
    async with room.database.read() as connection:
        found = [row.id for row in await connection.execute(due)]
    destroyed = [await delete_one(room, secret_id, now) for secret_id in found]
    return [arn for arn in destroyed if arn is not None]


async def delete_one(room: Secrets, secret_id: int, now: float) -> str | None:
    """None when it was restored, or somebody else was here."""
    async with room.database.write("deletion", announced=False) as tx:
        secret = await records.load(tx.connection, secret_id)
        if secret is None or secret.deletion_at is None or secret.deletion_at > now:
            return None
        await destroy(tx, secret)
    return secret.arn


async def destroy(tx: Transaction, secret: Secret) -> None:
    await tell(tx, END, secret)
    await drop(tx, secret)


async def drop(tx: Transaction, secret: Secret) -> None:
    """Without a word about its versions: of a replica, which its primary still has."""
    for table in (labels, versions, tags, words):
        await tx.execute(delete(table).where(table.c.secret_id == secret.id))
    await tx.execute(delete(secrets).where(secrets.c.id == secret.id))
    if secret.policy_text is not None:
        await policies.note(tx, secret.arn, None, {})
    tx.changed(KIND, str(secret.id))


async def tell(tx: Transaction, name: str, secret: Secret) -> None:
    for version in sorted(await version_ids(tx, secret.id)):
        event = secret_event(name, secret.arn, at=tx.at, details={"SecretVersionId": version})
        await outbox.put(tx, event)
