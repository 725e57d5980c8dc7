"""How every operation but CreateSession begins: find what it is about, and decide. The missing is denied before it is not found."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.identities.errors import ObjectNotFound
from keystead.identities.pages import Pages
from keystead.identities.room import Identities
from keystead.identities.store import anywhere, tags
from keystead.identities.store.anywhere import Kept
from keystead.services.service import Answer

Keys = Mapping[str, tuple[str, ...]]
Tag = Mapping[str, str]

NONE: Final[Keys] = {}
PAGE: Final = 100
LARGEST: Final = 1000
ARN: Final = re.compile(
    r"arn:aws:rolesanywhere:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):(?P<kind>trust-anchor|profile|crl)/(?P<uuid>[^/]+)"
)
SERVICE: Final = "rolesanywhere.amazonaws.com"


async def own(room: Identities, call: Call, kind: str, named: str, extra: Keys = NONE) -> Kept:
    """By its id or ARN, in the account and Region of the call. Raises AccessDenied, ObjectNotFound."""
    parsed = ARN.fullmatch(named)
    uuid = parsed["uuid"] if parsed is not None else named
    arn = anywhere.arn_of(kind, call.account, call.region, uuid)
    async with room.database.read() as connection:
        found = None
        if parsed is None or named == arn:
            found = await anywhere.find(connection, kind, call.account, call.region, uuid)
        pairs = await tags.of(connection, found.id) if found is not None else ()
    permit(call, arn, tags.condition_keys("aws:resourcetag", pairs), extra)
    if found is None:
        raise ObjectNotFound(named[:256])
    return found


def permit(call: Call, resource: str, *keys: Keys) -> None:
    """Raises AccessDenied, SessionForbidden."""
    extra: dict[str, tuple[str, ...]] = {}
    for some in keys:
        extra |= some
    authorize(call, f"rolesanywhere:{call.action}", resource, extra=extra)


def tag_keys(pairs: tags.Pairs) -> dict[str, tuple[str, ...]]:
    """Of a request that carries tags."""
    if not pairs:
        return {}
    return tags.condition_keys("aws:requesttag", pairs) | {"aws:tagkeys": tuple(key for key, _ in pairs)}


def pairs_of(given: Iterable[Tag]) -> tags.Pairs:
    """Raises DuplicateTags, TagRefused."""
    return tags.checked((tag["key"], tag["value"]) for tag in given)


async def create(
    room: Identities,
    call: Call,
    kind: str,
    name: str,
    content: Mapping[str, Any],
    given: Sequence[Tag],
    *,
    enabled: bool,
) -> Kept:
    """THE CALLER HAS DECIDED. Raises QuotaExceeded."""
    async with room.write(call) as tx:
        made = await anywhere.create(tx, kind, call.account, call.region, name, content, enabled=enabled)
        await tags.put(tx, made, pairs_of(given))
        return made


async def change(room: Identities, call: Call, kept: Kept, **columns: object) -> Kept:
    async with room.write(call) as tx:
        return await anywhere.change(tx, kept, **columns)


async def remove(room: Identities, call: Call, kept: Kept) -> None:
    async with room.write(call) as tx:
        await anywhere.remove(tx, kept)


async def page(
    room: Identities,
    call: Call,
    kind: str,
    member: str,
    show: Callable[[Kept], dict[str, Any]],
    next_token: str | None,
    page_size: int | None,
) -> Answer:
    """Raises AccessDenied, MarkerInvalid."""
    permit(call, "*")
    async with room.database.read() as connection:
        found = await anywhere.listed(connection, kind, call.account, call.region)
    size = min(max(page_size or PAGE, 1), LARGEST)
    shown, marker = await Pages(room, call, next_token, size, kind, call.region).page(found, lambda kept: kept.uuid)
    answer: dict[str, Any] = {member: [show(kept) for kept in shown]}
    return answer if marker is None else answer | {"nextToken": marker}
