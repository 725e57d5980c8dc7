"""Moving staging labels between versions."""

from typing import Final

from keystead.identities.call import Call
from keystead.secrets import copying
from keystead.secrets.labels import Labels, after_move
from keystead.secrets.room import Secrets, again
from keystead.secrets.secret import Secret
from keystead.secrets.writing import store_labels, touch, version_ids

OPERATION: Final = "UpdateSecretVersionStage"


async def move(
    room: Secrets, call: Call, secret: Secret, label: str, move_to: str | None, remove_from: str | None
) -> None:
    """In one transaction with what rotation makes of it. THE CALLER HAS BEEN ADMITTED.

    Raises VersionNotFound, RemovalMissing, ParameterWrong, LimitReached.
    """
    copies = await copying.lacking(room, call, secret, to_be(secret, label, move_to))
    async with room.database.write(call.id) as tx:
        now = await again(tx, secret, OPERATION)
        after = after_move(now.labels, label, move_to, remove_from, await version_ids(tx, now.id))
        await store_labels(tx, now.id, now.labels, after)
        await touch(tx, now)
        if room.rotator is not None:
            await room.rotator.labels_moved(tx, call, now, after, None)
        await copying.follow(tx, now.id, copies)


def to_be(secret: Secret, label: str, move_to: str | None) -> Labels:
    """Labels after a move that is not checked yet."""
    return secret.labels if move_to is None else {**secret.labels, label: move_to}
