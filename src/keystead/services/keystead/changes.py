"""ListChangedVersions: which of the versions that a client keeps are no longer what it would be given; it may wait for one.

A cache asks with what it holds. Nothing is remembered between two calls, so that nothing is lost between them: what changed in
the meantime is answered at once. Whoever may not describe the secret, or read the parameter, is told that, and nothing of it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from keystead.access.errors import AccessDenied
from keystead.explain.room import Explain
from keystead.identities.call import Call
from keystead.parameters import names as parameter_names
from keystead.parameters.errors import ParameterFault
from keystead.parameters.parameter import Parameter
from keystead.parameters.store import KIND as PARAMETER
from keystead.secrets import names as secret_names
from keystead.secrets.errors import SecretFault, SecretNotFound
from keystead.secrets.secret import Secret
from keystead.secrets.store import KIND as SECRET
from keystead.services.keystead.requests import given
from keystead.services.service import Answer

Item = Mapping[str, Any]
CHANGED: Final = "Changed"
DENIED: Final = "AccessDenied"
NOT_FOUND: Final = "NotFound"
"""Reasons. NOT_FOUND is told to those alone who may know."""
DECIDED: Final = "DescribeSecret"
READ: Final = "GetParameter"


@dataclass(frozen=True, slots=True)
class Held:
    """What one item is about. `reason`: why it is no longer to be believed; None while it is."""

    kind: str
    id: int
    reason: Callable[[], Awaitable[str | None]]


async def list_changed_versions(
    room: Explain,
    call: Call,
    *,
    secrets: Sequence[Item] = (),
    parameters: Sequence[Item] = (),
    wait_seconds: int = 0,
) -> Answer:
    """Each is decided about once, when the call begins."""
    call.decided = True  # of no items there is nothing to decide
    found = [(item, await secret_of(room, call, item)) for item in secrets]
    split = len(found)
    found += [(item, await parameter_of(room, call, item)) for item in parameters]
    watched = frozenset((held.kind, str(held.id)) for _, held in found if isinstance(held, Held))

    async def look() -> list[str | None] | None:
        reasons = [await held.reason() if isinstance(held, Held) else held for _, held in found]
        return reasons if any(reasons) else None

    reasons = await room.waiting.first(watched, look, wait_seconds) if found else None
    told = [
        {**item, "Reason": reason} if reason else None for (item, _), reason in zip(found, reasons or (), strict=False)
    ]
    return given(
        Secrets=[one for one in told[:split] if one is not None],
        Parameters=[one for one in told[split:] if one is not None],
    )


async def secret_of(room: Explain, call: Call, item: Item) -> Held | str:
    """The secret, or the reason why it is not watched."""
    try:
        place = secret_names.read(call, item["SecretId"])
        secret = await room.secrets.reach(call, place)
        room.secrets.decide(call, DECIDED, place, item["SecretId"], secret)
        if secret is None:
            raise SecretNotFound
    except AccessDenied:
        return DENIED
    except SecretFault:
        return NOT_FOUND
    room.secrets.note(call, secret)
    secret_id, version, stage = secret.id, item["VersionId"], item.get("VersionStage")

    async def reason() -> str | None:
        now = await room.secrets.known.secret(secret_id)
        return None if now is not None and carries(now, version, stage) else CHANGED

    return Held(SECRET, secret_id, reason)


def carries(secret: Secret, version: str, stage: str | None) -> bool:
    """Whether GetSecretValue would still answer with that version; asked for without a label, one that has any."""
    if secret.deleted_at is not None:
        return False
    return version in secret.labels.values() if stage is None else secret.labels.get(stage) == version


async def parameter_of(room: Explain, call: Call, item: Item) -> Held | str:
    try:
        place = parameter_names.read(call, item["Name"])
        parameter = await room.parameters.decided(call, READ, place)
    except AccessDenied:
        return DENIED
    except ParameterFault:
        return NOT_FOUND
    if parameter is None:
        return NOT_FOUND
    parameter_id, version, at = parameter.id, item["Version"], item.get("LastModifiedDate")

    async def reason() -> str | None:
        now = await room.parameters.known.parameter(parameter_id)
        return None if now is not None and stands_for(now, place.selector, version, at) else CHANGED

    return Held(PARAMETER, parameter_id, reason)


def stands_for(parameter: Parameter, selector: str | None, version: int, at: float | None) -> bool:
    """Whether GetParameter would still answer with that version. A parameter that was made anew counts from 1 again: `at`, in
    whole seconds, tells its first version from the former one's.
    """
    newest = parameter.latest
    if selector is None:
        return newest.number == version and (at is None or int(newest.at) == int(at))
    return selector.isdecimal() or parameter.labels.get(selector) == version
