"""UpdateSecret: what is said about a secret, the key it is sealed under, and, where one is given, its next value.

    key changed      may the caller use it? then the versions labelled AWSCURRENT, AWSPENDING and AWSPREVIOUS come under it,
                     by their data keys; none of them when the caller may not encrypt with it (Secrets Manager API reference),
                     and not one whose former key cannot be used now
    value given      as PutSecretValue without labels, under the new key

Everything happens in one transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import update

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.secrets import copying, finding, putting, records, sealing
from keystead.secrets.errors import OpeningFailed, ReplicaRefuses, RewrapDenied
from keystead.secrets.room import Secrets, again
from keystead.secrets.secret import CURRENT, PENDING, PREVIOUS, Sealed, Secret, Value, Version
from keystead.secrets.states import ACCOUNT
from keystead.secrets.store import versions
from keystead.secrets.writing import touch

OPERATION: Final = "UpdateSecret"
REWRAPPED: Final = (CURRENT, PENDING, PREVIOUS)


@dataclass(frozen=True, slots=True)
class Update:
    """What is to be changed; None for what is not. `key`: "" for the default one."""

    description: str | None = None
    key: str | None = None
    type: str | None = None
    value: Value | None = None
    token: str = ""

    def applied(self, secret: Secret) -> Secret:
        changed = secret
        if self.description is not None:
            changed = replace(changed, description=self.description or None)
        if self.key is not None:
            changed = replace(changed, key=sealing.normal(secret, self.key))
        if self.type is not None:
            changed = replace(changed, type=self.type)
        return changed


Rewrapped = Mapping[str, tuple[Sealed, Sealed]]
"""By version: how it was sealed, and how it will be."""


async def apply(room: Secrets, call: Call, secret: Secret, asked: Update) -> str | None:
    """The id of the version that was made, or was there already. THE CALLER HAS BEEN ADMITTED.

    Raises TokenTaken, LimitReached, ReplicaRefuses, ParameterWrong, KeyDenied, SealingFailed, OpeningFailed.
    """
    while True:
        changed = asked.applied(secret)
        check_follower(changed, asked)
        rewrapped: Rewrapped = {}
        if changed.key_arn != secret.key_arn:
            key = await sealing.probe(room.keys, call, changed)
            if changed.follows:
                sealing.check_customers(key)
            rewrapped = await rewrap(room, call, secret, changed)
        sealed: Sealed | None = None
        copies: copying.Copies = {}
        if asked.value is not None and not await putting.is_written(room, call, secret, asked.token, asked.value):
            sealed = await sealing.seal(room.keys, call, changed, asked.token, asked.value)
            copies = await copying.sealed(room, call, secret, {asked.token: asked.value})
        async with room.database.write(call.id) as tx:
            now = await again(tx, secret, OPERATION)
            check_follower(asked.applied(now), asked)
            done = now.key == secret.key and await store(room, tx, call, now, asked, sealed)
            if done:
                await store_rewrapped(tx, now.id, rewrapped)
                await copying.follow(tx, now.id, copies)
        if done:
            return asked.token if asked.value is not None else None
        secret = now  # somebody else changed the key, or wrote that version, meanwhile


def check_follower(changed: Secret, asked: Update) -> None:
    """A replica of another account's secret has its key alone for itself. Raises ReplicaRefuses, ParameterWrong."""
    if not changed.follows:
        return
    if asked.value is not None or asked.description is not None or asked.type is not None:
        raise ReplicaRefuses(ACCOUNT)
    sealing.check_named(changed)


async def store(room: Secrets, tx: Transaction, call: Call, now: Secret, asked: Update, sealed: Sealed | None) -> bool:
    changed = asked.applied(now)
    columns: dict[str, Any] = {"description": changed.description, "key": changed.key, "type": changed.type}
    if sealed is None:
        await touch(tx, now, **columns)
    elif await putting.store(room, tx, call, now, asked.token, sealed, None, **columns) is None:
        return False
    if changed.description != now.description:
        await finding.store_words(tx, changed)
    return True


async def rewrap(room: Secrets, call: Call, secret: Secret, changed: Secret) -> Rewrapped:
    """Raises KeyDenied for a former key that the caller may not use."""
    found: dict[str, tuple[Sealed, Sealed]] = {}
    for version in await labelled(room, secret):
        if version.sealed is None:
            continue
        try:
            made = await sealing.rewrap(room.keys, call, changed, version.id, version.sealed)
        except RewrapDenied:
            return {}
        except OpeningFailed:
            continue
        found[version.id] = (version.sealed, made)
    return found


async def labelled(room: Secrets, secret: Secret) -> list[Version]:
    wanted = {secret.labels[label] for label in REWRAPPED if label in secret.labels}
    async with room.database.read() as connection:
        return await records.versions_of(connection, secret.id, sorted(wanted))


async def store_rewrapped(tx: Transaction, secret_id: int, rewrapped: Rewrapped) -> None:
    """Those that still are what they were."""
    for version_id, (before, after) in rewrapped.items():
        this = (versions.c.secret_id == secret_id) & (versions.c.id == version_id)
        same = versions.c.data_key == before.data_key
        columns = {"data_key": after.data_key, "key_arn": after.key_arn, "default_key": after.default}
        await tx.execute(update(versions).where(this, same).values(**columns))
