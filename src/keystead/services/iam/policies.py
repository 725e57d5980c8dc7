"""Managed policies and their versions."""

from collections.abc import Sequence

from keystead.identities import documents
from keystead.identities.call import Call
from keystead.identities.names import fold
from keystead.identities.names import policy_arn as arn_of
from keystead.identities.room import Identities
from keystead.identities.store import managed
from keystead.identities.store.tags import condition_keys
from keystead.identities.store.tags import of as tags_of
from keystead.identities.store.tags import put as put_tags
from keystead.services.iam import door, shown
from keystead.services.iam.pages import Pages
from keystead.services.policy_warnings import warn
from keystead.services.service import Answer


async def create_policy(
    room: Identities,
    call: Call,
    *,
    policy_name: str,
    policy_document: str,
    path: str = "/",
    description: str | None = None,
    tags: Sequence[door.Tag] = (),
) -> Answer:
    pairs = door.pairs_of(tags)
    keys = door.tag_keys(pairs) | condition_keys("aws:resourcetag", pairs)
    door.permit(call, arn_of(call.account, path, policy_name), keys)
    documents.check_managed(policy_document)
    async with room.write(call) as tx:
        made = await managed.create(tx, call.account, policy_name, path, description, policy_document)
        await put_tags(tx, made, pairs)
    warn(call, policy_document)
    return {"Policy": shown.policy(made, (0, 0), pairs)}


async def get_policy(room: Identities, call: Call, *, policy_arn: str) -> Answer:
    found = await door.policy(room, call, policy_arn)
    async with room.database.read() as connection:
        uses, pairs = await managed.uses(connection, call.account, found.arn), await tags_of(connection, found.id)
    return {"Policy": shown.policy(found, uses, pairs)}


async def list_policies(
    room: Identities,
    call: Call,
    *,
    scope: str = "All",
    only_attached: bool = False,
    path_prefix: str = "/",
    policy_usage_filter: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Answer:
    door.permit(call, f"policy path {path_prefix}")
    async with room.database.read() as connection:
        local = await managed.of_account(connection, call.account) if scope != "AWS" else ()
        shipped = managed.SHIPPED if scope != "Local" else ()
        found = [policy for policy in (*shipped, *local) if policy.path.startswith(path_prefix)]
        uses = await managed.all_uses(connection, call.account, [policy.arn for policy in found])
    listed = [policy for policy in found if wanted(uses[policy.arn], policy_usage_filter, only_attached=only_attached)]
    filters = (scope, str(only_attached), path_prefix, policy_usage_filter or "")
    return await Pages(room, call, marker, max_items, *filters).cut(
        "Policies",
        listed,
        lambda policy: f"{fold(policy.name)} {policy.account}",
        lambda policy: shown.listed_policy(policy, uses[policy.arn]),
    )


def wanted(uses: tuple[int, int], usage: str | None, *, only_attached: bool) -> bool:
    attached, bounding = uses
    if usage == "PermissionsPolicy":
        return attached > 0
    if usage == "PermissionsBoundary":
        return bounding > 0
    return attached > 0 or not only_attached


async def delete_policy(room: Identities, call: Call, *, policy_arn: str) -> None:
    found = await door.own_policy(room, call, policy_arn)
    async with room.write(call) as tx:
        await managed.remove(tx, found)


async def create_policy_version(
    room: Identities, call: Call, *, policy_arn: str, policy_document: str, set_as_default: bool = False
) -> Answer:
    found = await door.own_policy(room, call, policy_arn)
    documents.check_managed(policy_document)
    async with room.write(call) as tx:
        made = await managed.add_version(tx, found, policy_document, default=set_as_default)
    warn(call, policy_document)
    return {"PolicyVersion": shown.version(made)}


async def get_policy_version(room: Identities, call: Call, *, policy_arn: str, version_id: str) -> Answer:
    found = await door.policy(room, call, policy_arn)
    async with room.database.read() as connection:
        version = await managed.version(connection, found, version_id)
    return {"PolicyVersion": shown.version(version) | {"Document": shown.document(version.text)}}


async def list_policy_versions(
    room: Identities, call: Call, *, policy_arn: str, marker: str | None = None, max_items: int | None = None
) -> Answer:
    found = await door.policy(room, call, policy_arn)
    async with room.database.read() as connection:
        versions = await managed.versions(connection, found)
    newest_first = {version.name: f"{10**9 - version.number}" for version in versions}
    pages = Pages(room, call, marker, max_items, found.id)
    return await pages.cut("Versions", versions, lambda version: newest_first[version.name], shown.version)


async def set_default_policy_version(room: Identities, call: Call, *, policy_arn: str, version_id: str) -> None:
    found = await door.own_policy(room, call, policy_arn)
    async with room.write(call) as tx:
        await managed.set_default(tx, found, version_id)


async def delete_policy_version(room: Identities, call: Call, *, policy_arn: str, version_id: str) -> None:
    found = await door.own_policy(room, call, policy_arn)
    async with room.write(call) as tx:
        await managed.remove_version(tx, found, version_id)
