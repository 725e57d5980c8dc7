"""What the secrets' room asks of whoever rotates: the promise, and nothing of how it is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from keystead.database.engine import Transaction
from keystead.identities.call import Call
from keystead.secrets.secret import Secret


@dataclass(frozen=True, slots=True)
class RotationAsked:
    """RotateSecret's members; None for what was not given, which keeps what is stored.

    token  ClientRequestToken, the id of the version that the rotation makes
    """

    token: str
    function: str | None = None
    rules: Mapping[str, Any] | None = None
    external: Sequence[Mapping[str, str]] | None = None
    external_role: str | None = None
    immediately: bool = True


class Rotator(Protocol):
    """Given to secrets.room.Secrets when the house is built. Whoever calls `rotate` and `cancel` has been let in already."""

    async def rotate(self, call: Call, secret: Secret, asked: RotationAsked) -> str:
        """Store the configuration, begin; the id of the new version. The secret is as it was when the caller was let in:
        read it again inside the transaction (room.again).

        Raises RequestWrong, ParameterWrong, RotationDenied, TokenTaken.
        """

    async def cancel(self, call: Call, secret: Secret) -> str | None:
        """Turn rotation off and stop a run; the id of the version that it was making. AWSPENDING stays. Raises RequestWrong."""

    async def check_token(self, call: Call, secret: Secret, version: str, stages: Sequence[str], token: str) -> None:
        """RotationToken of PutSecretValue: returns only when it allows this call to write this version with these labels,
        which then needs no permission of the caller's for it. Raises AccessDenied.
        """

    async def labels_moved(
        self, tx: Transaction, call: Call, before: Secret, labels: Mapping[str, str], written: str | None
    ) -> None:
        """Inside every transaction that moves labels, or writes a value: where a run of this secret stands after it.

        call     whose it is: a rotation function's may move labels in one of its steps only, and is refused otherwise
        before   the secret as it was
        labels   as they are now, stored already; what this wants different it stores itself (writing.store_labels)
        written  the version that has just got its value, None where labels alone moved

        Raises AccessDenied, which undoes the transaction.
        """

    async def removed(self, tx: Transaction, secret: Secret) -> None:
        """Inside the transaction that marks a secret for deletion, or deletes it: its run ends."""
