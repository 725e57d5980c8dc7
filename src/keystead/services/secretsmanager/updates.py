"""Changing what is known of a secret, and ending it."""

from collections.abc import Mapping, Sequence
from typing import Any

from keystead.identities.call import Call
from keystead.secrets import deleting, names, tags, updating
from keystead.secrets.conditions import asking, of_tags
from keystead.secrets.errors import ParameterWrong, SecretNotFound
from keystead.secrets.room import Secrets
from keystead.secrets.states import check as check_state
from keystead.services.secretsmanager.answers import identified
from keystead.services.secretsmanager.rotation import checked
from keystead.services.secretsmanager.values import key_asked, present, value_of

Answer = Mapping[str, Any]


async def update_secret(
    room: Secrets,
    call: Call,
    *,
    secret_id: str,
    client_request_token: str | None = None,
    description: str | None = None,
    kms_key_id: str | None = None,
    secret_binary: bytes | None = None,
    secret_string: str | None = None,
    type: str | None = None,  # noqa: A002  # AWS's name
) -> Answer:
    """SDKs send a token with every UpdateSecret; without a value it means nothing."""
    value = value_of(secret_string, secret_binary)
    asked = asking(Description=description, Type=type, **await key_asked(room, call, kms_key_id))
    secret = await room.admit(call, "UpdateSecret", secret_id, asked=asked)
    token = present(client_request_token) if value is not None else ""
    update = updating.Update(description, kms_key_id, type, value, token)
    version = await updating.apply(room, call, secret, update)
    return identified(secret, VersionId=version)


async def delete_secret(
    room: Secrets,
    call: Call,
    *,
    secret_id: str,
    recovery_window_in_days: int | None = None,
    force_delete_without_recovery: bool = False,
) -> Answer:
    """With force also what is not there is deleted, so that it can be asked for again (Secrets Manager API reference)."""
    days = window(recovery_window_in_days, force=force_delete_without_recovery)
    asked = asking(
        ForceDeleteWithoutRecovery=force_delete_without_recovery or None, RecoveryWindowInDays=recovery_window_in_days
    )
    place = names.read(call, secret_id)
    secret = await room.reach(call, place)
    room.decide(call, "DeleteSecret", place, secret_id, secret, asked)
    if secret is None:
        if not force_delete_without_recovery:
            raise SecretNotFound
        return {"ARN": place.arn, "Name": place.name, "DeletionDate": room.clock()}
    check_state(secret, "DeleteSecret")
    room.note(call, secret)
    if force_delete_without_recovery:
        at = await deleting.force(room, call, secret)
    else:
        at = await deleting.mark(room, call, secret, days)
    return identified(secret, DeletionDate=at)


def window(days: int | None, *, force: bool) -> int:
    """Raises ParameterWrong."""
    if days is not None and force:
        raise ParameterWrong("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
    least, most = deleting.WINDOW
    if days is not None and not least <= days <= most:
        raise ParameterWrong(f"RecoveryWindowInDays value must be between {least} and {most} days (inclusive).")
    return days if days is not None else most


async def restore_secret(room: Secrets, call: Call, *, secret_id: str) -> Answer:
    secret = await room.admit(call, "RestoreSecret", secret_id)
    await deleting.restore(room, call, secret)
    return identified(secret)


async def tag_resource(room: Secrets, call: Call, *, secret_id: str, tags: Sequence[Mapping[str, str]]) -> None:
    await put_tags(room, call, secret_id, tags)


async def put_tags(room: Secrets, call: Call, named: str, listed: Sequence[Mapping[str, str]]) -> None:
    given = checked(listed)
    await tags.put(room, call, named, given, of_tags(given))


async def untag_resource(room: Secrets, call: Call, *, secret_id: str, tag_keys: Sequence[str]) -> None:
    await tags.remove(room, call, secret_id, tag_keys, {"aws:tagkeys": tuple(tag_keys)} if tag_keys else {})
