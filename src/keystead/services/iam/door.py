"""How every operation of IAM begins: find what it is about, and decide. The missing is denied before it is not found.

The resource of an operation is the ARN of its user, role, group or policy; which condition keys it has is a table, too
(Service Authorization Reference, IAM). Lists have the path that they are asked for, as recorded denials show.
"""

from collections.abc import Iterable, Mapping
from typing import Final

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

NONE: Final[Keys] = {}
BOUNDED: Final = frozenset(
    (
        "AttachRolePolicy", "AttachUserPolicy", "CreateRole", "CreateUser", "DeleteRole",
        "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DeleteUserPermissionsBoundary", "DeleteUserPolicy",
        "DetachRolePolicy", "DetachUserPolicy", "GetRole", "PutRolePermissionsBoundary", "PutRolePolicy",
        "PutUserPermissionsBoundary", "PutUserPolicy", "UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription",
    )
)  # fmt: skip  # a table
"""Operations with the key iam:PermissionsBoundary. Elsewhere it is absent, whatever bounds the user or role."""


async def user(room: Identities, call: Call, name: str | None, extra: Keys = NONE) -> Entity:
    """The named user, or the caller. Raises AccessDenied, EntityNotFound, UserNameNeeded."""
    return await (entity(room, call, "user", name, extra) if name is not None else own(room, call, extra))


async def role(room: Identities, call: Call, name: str, extra: Keys = NONE) -> Entity:
    """Raises AccessDenied, EntityNotFound."""
    return await entity(room, call, "role", name, extra)


async def group(room: Identities, call: Call, name: str, extra: Keys = NONE) -> Entity:
    """Raises AccessDenied, EntityNotFound."""
    return await entity(room, call, "group", name, extra)


async def entity(room: Identities, call: Call, kind: Kind, name: str, extra: Keys) -> Entity:
    async with room.database.read() as connection:
        found = await entities.named(connection, call.account, kind, name)
        pairs = await tags.of(connection, found.id) if found is not None else ()
    return permitted(call, found, kind, name, pairs, extra)


async def own(room: Identities, call: Call, extra: Keys) -> Entity:
    """By its unique id: a name may have become somebody else's since the caller was authenticated."""
    name, unique_id = call.caller.user_name, call.caller.principal.unique_id
    if name is None:
        raise UserNameNeeded
    async with room.database.read() as connection:
        found = await entities.by_id(connection, unique_id)
        pairs = await tags.of(connection, unique_id)
    return permitted(call, found, "user", name, pairs, extra)


def permitted(call: Call, found: Entity | None, kind: Kind, name: str, pairs: tags.Pairs, extra: Keys) -> Entity:
    arn = found.arn if found is not None else entity_arn(call.account, kind, "/", name)
    permit(call, arn, resource_keys(pairs), boundary_keys(found.boundary if found is not None else None), extra)
    if found is None:
        raise EntityNotFound(kind, name)
    return found


async def policy(room: Identities, call: Call, arn: str, extra: Keys = NONE) -> Managed:
    """The account's own or a shipped one. Raises AccessDenied, PolicyNotFound."""
    async with room.database.read() as connection:
        found = await managed.known(connection, call.account, arn)
        pairs = await tags.of(connection, found.id) if found is not None else ()
    permit(call, arn, tags.condition_keys("aws:resourcetag", pairs), extra)
    if found is None:
        raise PolicyNotFound(arn)
    return found


async def own_policy(room: Identities, call: Call, arn: str, extra: Keys = NONE) -> Managed:
    """One that may be changed. Raises AccessDenied, PolicyNotFound, PolicyShipped."""
    found = await policy(room, call, arn, extra)
    if found.shipped:
        raise PolicyShipped(arn)
    return found


def permit(call: Call, resource: str, *keys: Keys) -> None:
    """Raises AccessDenied, SessionForbidden."""
    extra: dict[str, tuple[str, ...]] = {}
    for some in keys:
        extra |= some
    if call.action not in BOUNDED:
        extra.pop("iam:permissionsboundary", None)
    authorize(call, f"iam:{call.action}", resource, extra=extra)


def resource_keys(pairs: tags.Pairs) -> dict[str, tuple[str, ...]]:
    """Of a user or role with these tags."""
    return tags.condition_keys("aws:resourcetag", pairs) | tags.condition_keys("iam:resourcetag", pairs)


def boundary_keys(arn: str | None) -> dict[str, tuple[str, ...]]:
    return {"iam:permissionsboundary": (arn,)} if arn is not None else {}


def tag_keys(pairs: tags.Pairs) -> dict[str, tuple[str, ...]]:
    """Of a request that carries tags."""
    if not pairs:
        return {}
    return tags.condition_keys("aws:requesttag", pairs) | {"aws:tagkeys": tuple(key for key, _ in pairs)}


def pairs_of(given: Iterable[Tag]) -> tags.Pairs:
    """Raises DuplicateTags, TagRefused."""
    return tags.checked((tag["Key"], tag["Value"]) for tag in given)
