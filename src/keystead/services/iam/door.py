"""How every operation of IAM begins: find what it is about, and decide. What is missing is denied before it is not found.

The resource of an operation is the ARN of its user, role or policy (Service Authorization Reference, IAM).
"""

from collections.abc import Iterable, Mapping

from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.identities.errors import EntityNotFound, PolicyNotFound
from keystead.identities.names import Kind, entity_arn
from keystead.identities.room import Identities
from keystead.identities.store import entities, managed, tags
from keystead.identities.store.entities import Entity
from keystead.identities.store.managed import Managed
from keystead.services.iam.errors import PolicyShipped, UserNameNeeded

Keys = Mapping[str, tuple[str, ...]]
Tag = Mapping[str, str]

NONE: Keys = {}


async def user(room: Identities, call: Call, name: str | None, extra: Keys = NONE) -> Entity:
    """The named user, or the caller. Raises AccessDenied, EntityNotFound, UserNameNeeded."""
    return await entity(room, call, "user", name or own_name(call), extra)


async def role(room: Identities, call: Call, name: str, extra: Keys = NONE) -> Entity:
    """Raises AccessDenied, EntityNotFound."""
    return await entity(room, call, "role", name, extra)


async def entity(room: Identities, call: Call, kind: Kind, name: str, extra: Keys) -> Entity:
    async with room.database.read() as connection:
        found = await entities.named(connection, call.account, kind, name)
        pairs = await tags.of(connection, found.id) if found is not None else ()
    permit(call, found.arn if found else entity_arn(call.account, kind, "/", name), entity_keys(found, pairs), extra)
    if found is None:
        raise EntityNotFound(kind, name)
    return found


async def policy(room: Identities, call: Call, arn: str) -> Managed:
    """The account's own or a shipped one. Raises AccessDenied, PolicyNotFound."""
    permit(call, arn)
    async with room.database.read() as connection:
        found = await managed.find(connection, arn)
    if not found.shipped and found.account != call.account:
        raise PolicyNotFound(arn)
    return found


async def own_policy(room: Identities, call: Call, arn: str) -> Managed:
    """One that may be changed. Raises AccessDenied, PolicyNotFound, PolicyShipped."""
    found = await policy(room, call, arn)
    if found.shipped:
        raise PolicyShipped(arn)
    return found


def permit(call: Call, resource: str = "*", *keys: Keys) -> None:
    """Raises AccessDenied, SessionForbidden."""
    extra: dict[str, tuple[str, ...]] = {}
    for some in keys:
        extra |= some
    authorize(call, f"iam:{call.action}", resource, extra=extra)


def own_name(call: Call) -> str:
    if call.caller.user_name is None:
        raise UserNameNeeded
    return call.caller.user_name


def entity_keys(found: Entity | None, pairs: tags.Pairs) -> Keys:
    return resource_keys(pairs) | boundary_keys(found.boundary if found else None)


def resource_keys(pairs: tags.Pairs) -> dict[str, tuple[str, ...]]:
    return tags.condition_keys("aws:resourcetag", pairs) | tags.condition_keys("iam:resourcetag", pairs)


def boundary_keys(arn: str | None) -> dict[str, tuple[str, ...]]:
    return {"iam:permissionsboundary": (arn,)} if arn is not None else {}


def tag_keys(pairs: tags.Pairs, *, resource: bool = False) -> Keys:
    """Of a request that carries tags; `resource` when it makes what they will belong to."""
    if not pairs:
        return NONE
    keys = tags.condition_keys("aws:requesttag", pairs) | {"aws:tagkeys": tuple(key for key, _ in pairs)}
    return keys | resource_keys(pairs) if resource else keys


def pairs_of(given: Iterable[Tag]) -> tags.Pairs:
    """Raises DuplicateTags, TagRefused."""
    return tags.checked((tag["Key"], tag["Value"]) for tag in given)
