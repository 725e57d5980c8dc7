"""IAM roles and whom they trust."""

from collections.abc import Sequence

from keystead.access.policy import Kind
from keystead.identities import documents, limits
from keystead.identities.call import Call
from keystead.identities.errors import BoundaryNotAttachable
from keystead.identities.names import entity_arn, fold
from keystead.identities.room import Identities
from keystead.identities.store import entities, history, permissions
from keystead.identities.store.entities import Role
from keystead.identities.store.tags import put as put_tags
from keystead.services.iam import door, shown
from keystead.services.iam.pages import Pages
from keystead.services.policy_warnings import warn
from keystead.services.service import Answer


async def create_role(
    room: Identities,
    call: Call,
    *,
    role_name: str,
    assume_role_policy_document: str,
    path: str = "/",
    description: str | None = None,
    max_session_duration: int = limits.SESSION_SECONDS,
    permissions_boundary: str | None = None,
    tags: Sequence[door.Tag] = (),
) -> Answer:
    pairs = door.pairs_of(tags)
    keys = door.boundary_keys(permissions_boundary) | door.tag_keys(pairs) | door.resource_keys(pairs)
    door.permit(call, entity_arn(call.account, "role", path, role_name), keys)
    async with room.write(call) as tx:
        ids = await documents.check_trust(tx.connection, assume_role_policy_document)
        if permissions_boundary is not None:
            await permissions.known(tx.connection, call.account, permissions_boundary, BoundaryNotAttachable)
        role = Role(assume_role_policy_document, ids, max_session_duration, description)
        made = await entities.create(
            tx, call.account, "role", role_name, path, boundary=permissions_boundary, role=role
        )
        await put_tags(tx, made, pairs)
        answer = {"Role": await shown.role(tx.connection, made)}
    warn(call, assume_role_policy_document, Kind.TRUST)
    return answer


async def get_role(room: Identities, call: Call, *, role_name: str) -> Answer:
    found = await door.role(room, call, role_name)
    async with room.database.read() as connection:
        return {"Role": await shown.role(connection, found)}


async def list_roles(
    room: Identities, call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Answer:
    door.permit(call, entity_arn(call.account, "role", path_prefix, ""))
    async with room.database.read() as connection:
        found = await entities.of_account(connection, call.account, "role")
    listed = [role for role in found if role.path.startswith(path_prefix)]
    pages = Pages(room, call, marker, max_items, path_prefix)
    page = await pages.cut("Roles", listed, lambda role: fold(role.name), lambda role: role)
    trusted = [unique_id for role in page["Roles"] if role.role for unique_id in role.role.trust_ids.values()]
    async with room.database.read() as connection:
        arns = await entities.arns(connection, trusted)
    return page | {"Roles": [shown.listed_role(role, shown.trust(role, arns)) for role in page["Roles"]]}


async def update_role(
    room: Identities,
    call: Call,
    *,
    role_name: str,
    description: str | None = None,
    max_session_duration: int | None = None,
) -> Answer:
    found = await door.role(room, call, role_name)
    columns: dict[str, object] = {}
    if description is not None:
        columns["description"] = description
    if max_session_duration is not None:
        columns["max_session"] = max_session_duration
    if columns:
        async with room.write(call) as tx:
            await entities.change(tx, found, **columns)
    return {}


async def update_role_description(room: Identities, call: Call, *, role_name: str, description: str) -> Answer:
    found = await door.role(room, call, role_name)
    async with room.write(call) as tx:
        await entities.change(tx, found, description=description)
        changed = await entities.find(tx.connection, call.account, "role", found.name)
        return {"Role": await shown.role(tx.connection, changed)}


async def update_assume_role_policy(room: Identities, call: Call, *, role_name: str, policy_document: str) -> None:
    found = await door.role(room, call, role_name)
    async with room.write(call) as tx:
        ids = await documents.check_trust(tx.connection, policy_document)
        await entities.change(tx, found, trust=policy_document, trust_ids=ids)
        await history.note_trust(tx, found.account, found.id, policy_document, ids)
    warn(call, policy_document, Kind.TRUST)


async def delete_role(room: Identities, call: Call, *, role_name: str) -> None:
    found = await door.role(room, call, role_name)
    async with room.write(call) as tx:
        await entities.remove(tx, found)
