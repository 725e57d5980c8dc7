"""Writing a version of a secret's value: once, under a token that makes a repetition harmless.

1. has the token's version its value already? then it must be the same, and nothing happens
2. seal, through KMS, before the transaction; for each replica too
3. in one transaction: the version, its labels, what rotation makes of it, old versions collected, replicas
4. somebody else wrote that version meanwhile: begin again
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.secrets import copying, records, sealing
from keystead.secrets.errors import TokenTaken
from keystead.secrets.labels import Labels, after_put
from keystead.secrets.room import Secrets, again
from keystead.secrets.secret import Sealed, Secret, Value
from keystead.secrets.writing import collect, fill_version, insert_version, store_labels, touch


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
        copies = await copying.sealed(room, call, secret, {token: value})
        async with room.database.write(call.id) as tx:  # 3
            now = await again(tx, secret, operation)
            after = await store(room, tx, call, now, token, sealed, stages)
            if after is not None:
                await copying.follow(tx, now.id, copies)
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
    room: Secrets,
    tx: Transaction,
    call: Call,
    now: Secret,
    token: str,
    sealed: Sealed,
    stages: Sequence[str] | None,
    **columns: Any,
) -> Labels | None:
    """The labels after it; None when somebody else has written that version. Raises LimitReached."""
    there = await records.version(tx.connection, now.id, token)
    if there is not None and there.sealed is not None:
        return None
    after: Mapping[str, str] = after_put(now.labels, token, stages)
    await (insert_version if there is None else fill_version)(tx, now.id, token, sealed)
    await store_labels(tx, now.id, now.labels, after)
    await collect(tx, now.id, after)
    await touch(tx, now, **columns)
    if room.rotator is not None:
        await room.rotator.labels_moved(tx, call, now, after, token)
    return after
