"""Lists: of secrets, of a secret's versions, and of several values at once."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from keystead.access.errors import AccessDenied
from keystead.identities.call import Call
from keystead.identities.errors import SessionForbidden
from keystead.keys.pages import Pages
from keystead.secrets import history, listing
from keystead.secrets.errors import ParameterWrong, SecretFault
from keystead.secrets.history import Listed
from keystead.secrets.listing import Filter, Listing
from keystead.secrets.room import Secrets
from keystead.secrets.secret import Secret
from keystead.services.secretsmanager import values
from keystead.services.secretsmanager.answers import described, identified
from keystead.services.secretsmanager.errors import worded
from keystead.trail.event import id_at

Answer = Mapping[str, Any]
Filters = Sequence[Mapping[str, Any]]
PAGE: Final = 100
BATCH: Final = 20
DEFAULT_KEY: Final = "DefaultEncryptionKey"
NOWHERE: Final = ()


async def list_secrets(
    room: Secrets,
    call: Call,
    *,
    include_planned_deletion: bool = False,
    max_results: int = PAGE,
    next_token: str | None = None,
    filters: Filters = (),
    sort_order: str = "asc",
    sort_by: str = "created-date",
) -> Answer:
    room.decide_alone(call, "ListSecrets")
    asked = Listing(
        call.account, call.region, filters_of(filters), include_planned_deletion, sort_by, sort_order == "desc"
    )
    found, further = await page(room, call, asked, next_token, max_results)
    return {"SecretList": [entry(secret) for secret in found]} | further


def filters_of(given: Filters) -> tuple[Filter, ...]:
    """Raises ParameterWrong."""
    if not all(one.get("Key") and one.get("Values") for one in given):
        raise ParameterWrong("A filter must have a key and values.")
    return tuple(Filter(one["Key"], tuple(one["Values"])) for one in given)


async def page(
    room: Secrets, call: Call, asked: Listing, token: str | None, limit: int
) -> tuple[list[Secret], dict[str, str]]:
    """The next secrets, and NextToken where there may be more."""
    pages = Pages(room.keyholder, call, asked=msgspec.json.encode(asked).decode())
    place = await pages.place(token, NOWHERE)
    async with room.database.read() as connection:
        found, after = await listing.page(connection, asked, tuple(place) or None, limit)
    return found, {"NextToken": await pages.marker(after)} if after is not None else {}


def entry(secret: Secret) -> Answer:
    return described(secret) | ({"SecretVersionsToStages": secret.stages} if secret.labels else {})


async def list_secret_version_ids(
    room: Secrets,
    call: Call,
    *,
    secret_id: str,
    max_results: int = PAGE,
    next_token: str | None = None,
    include_deprecated: bool = False,
) -> Answer:
    secret = await room.admit(call, "ListSecretVersionIds", secret_id)
    pages = Pages(room.keyholder, call, secret=secret.arn, deprecated=str(include_deprecated))
    place = await pages.place(next_token, NOWHERE)
    async with room.database.read() as connection:
        found = await history.page(connection, secret, tuple(place) or None, max_results, deprecated=include_deprecated)
    answer = identified(secret, Versions=[version_entry(secret, one) for one in found[:max_results]])
    if len(found) > max_results:
        answer["NextToken"] = await pages.marker(found[max_results - 1].place)
    return answer


def version_entry(secret: Secret, version: Listed) -> dict[str, Any]:
    found: dict[str, Any] = {
        "VersionId": version.id,
        "VersionStages": secret.stages.get(version.id),
        "LastAccessedDate": version.accessed_on,
        "CreatedDate": version.created_at,
        "KmsKeyIds": [version.key or DEFAULT_KEY],
    }
    return {name: value for name, value in found.items() if value is not None}


async def batch_get_secret_value(
    room: Secrets,
    call: Call,
    *,
    secret_id_list: Sequence[str] | None = None,
    filters: Filters | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Each secret is decided about, read and recorded by itself."""
    room.decide_alone(call, "BatchGetSecretValue")
    if (secret_id_list is None) == (filters is None):
        raise ParameterWrong("You must provide either SecretIdList or Filters, and not both.")
    further: dict[str, str] = {}
    if filters is not None:
        room.decide_alone(call, "ListSecrets")
        asked = Listing(call.account, call.region, filters_of(filters))
        found, further = await page(room, call, asked, next_token, max_results or BATCH)
        secret_id_list = [secret.arn for secret in found]
    elif max_results is not None or next_token is not None:
        raise ParameterWrong("You can use MaxResults and NextToken only with Filters.")
    answers = await asyncio.gather(*(one_of(room, call, secret_id) for secret_id in secret_id_list or ()))
    return {
        "SecretValues": [answer for answer in answers if "ErrorCode" not in answer],
        "Errors": [answer for answer in answers if "ErrorCode" in answer],
    } | further


async def one_of(room: Secrets, call: Call, secret_id: str) -> Answer:
    """The value, or the entry that says why not."""
    part = call.part(id_at(call.at), "GetSecretValue", {"secret_id": secret_id})
    try:
        with part:
            return await values.get_secret_value(room, part, secret_id=secret_id)
    except (SecretFault, AccessDenied, SessionForbidden) as error:
        code, text = worded(error)
        return {"SecretId": secret_id, "ErrorCode": code} | ({} if text is None else {"Message": text})
