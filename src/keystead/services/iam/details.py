"""Everybody and everything in an account that decides about access, in one listing: what auditors' tools live on."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from keystead.database.engine import Connection
from keystead.identities.call import Call
from keystead.identities.names import Kind, fold, parse_policy
from keystead.identities.room import Identities
from keystead.identities.store import entities, groups, instance_profiles, managed, permissions
from keystead.identities.store.entities import Entity
from keystead.identities.store.managed import Managed
from keystead.services.iam import door, profiles, shown
from keystead.services.iam.pages import Pages
from keystead.services.service import Answer

ENTITIES: Final[dict[str, tuple[Kind, str]]] = {
    #  filter    kind      list of the answer
    "User":    ("user",   "UserDetailList"),
    "Group":   ("group",  "GroupDetailList"),
    "Role":    ("role",   "RoleDetailList"),
}  # fmt: skip  # a table
LOCAL: Final = "LocalManagedPolicy"
SHIPPED: Final = "AWSManagedPolicy"
ALL: Final = (*ENTITIES, LOCAL, SHIPPED)


class Item(NamedTuple):
    """`kind` is a filter's name."""

    kind: str
    subject: Entity | Managed

    @property
    def place(self) -> str:
        return f"{ALL.index(self.kind)} {fold(self.subject.name)}"


async def get_account_authorization_details(
    room: Identities,
    call: Call,
    *,
    filter: Sequence[str] = (),  # noqa: A002  # AWS's name
    max_items: int | None = None,
    marker: str | None = None,
) -> Answer:
    door.permit(call, "*")
    kinds = set(filter) or set(ALL)
    async with room.database.read() as connection:
        items = await listed(connection, call.account, kinds)
    pages = Pages(room, call, marker, max_items, *sorted(kinds))
    page = await pages.cut("Items", items, lambda item: item.place, lambda item: item)
    answer: dict[str, Any] = {name: [] for _, name in ENTITIES.values()} | {"Policies": []}
    async with room.database.read() as connection:
        for item in page.pop("Items"):
            name = ENTITIES[item.kind][1] if item.kind in ENTITIES else "Policies"
            answer[name].append(await described(connection, call.account, item))
    return answer | page


async def listed(connection: Connection, account: str, kinds: set[str]) -> list[Item]:
    """Of the policies that are shipped only those in use, as AWS does."""
    items: list[Item] = []
    for name, (kind, _) in ENTITIES.items():
        if name in kinds:
            items += [Item(name, entity) for entity in await entities.of_account(connection, account, kind)]
    if LOCAL in kinds:
        items += [Item(LOCAL, policy) for policy in await managed.of_account(connection, account)]
    if SHIPPED in kinds:
        used = await managed.all_uses(connection, account, [policy.arn for policy in managed.SHIPPED])
        items += [Item(SHIPPED, policy) for policy in managed.SHIPPED if any(used[policy.arn])]
    return items


async def described(connection: Connection, account: str, item: Item) -> dict[str, Any]:
    subject = item.subject
    if isinstance(subject, Managed):
        return await policy(connection, account, subject)
    held = await policies_of(connection, subject)
    return await {"user": user, "group": group, "role": role}[subject.kind](connection, subject, *held)


Documents = list[dict[str, str]]


async def policies_of(connection: Connection, entity: Entity) -> tuple[Documents, Documents]:
    """(inline, attached)."""
    inline = [
        {"PolicyName": one.name, "PolicyDocument": shown.document(one.text)}
        for one in await permissions.inline(connection, entity)
    ]
    arns = await permissions.attached(connection, entity)
    named = [(parsed.name, arn) for arn in arns if (parsed := parse_policy(arn)) is not None]
    return inline, [{"PolicyName": name, "PolicyArn": arn} for name, arn in named]


async def user(connection: Connection, found: Entity, inline: Documents, attached: Documents) -> dict[str, Any]:
    return {
        **await shown.user(connection, found),
        "UserPolicyList": inline,
        "GroupList": [group.name for group in await groups.of_user(connection, found)],
        "AttachedManagedPolicies": attached,
    }


async def group(_: Connection, found: Entity, inline: Documents, attached: Documents) -> dict[str, Any]:
    return {**shown.group(found), "GroupPolicyList": inline, "AttachedManagedPolicies": attached}


async def role(connection: Connection, found: Entity, inline: Documents, attached: Documents) -> dict[str, Any]:
    answer = await shown.role(connection, found)
    held_by = await instance_profiles.of_role(connection, found)
    return {
        **{name: value for name, value in answer.items() if name not in {"MaxSessionDuration", "Description"}},
        "InstanceProfileList": [await profiles.described(connection, profile) for profile in held_by],
        "RolePolicyList": inline,
        "AttachedManagedPolicies": attached,
    }


async def policy(connection: Connection, account: str, found: Managed) -> dict[str, Any]:
    answer = shown.policy(found, await managed.uses(connection, account, found.arn), ())
    versions = await managed.versions(connection, found)
    texts = [shown.version(version) | {"Document": shown.document(version.text)} for version in versions]
    return answer | {"PolicyVersionList": texts}
