"""Identities: the records that make and change them, and what the database shows of them.

kind               owner          part          value
account            id
user, role, group  unique id
trust policy       role           -             its text's digest
inline policy      entity         folded name   its text's digest
attached policy    entity         policy ARN
boundary           entity         -             policy ARN
member             group          user
policy version     policy ARN     v1, v2, …     its text's digest
default version    policy ARN     -             v1, v2, …
access key         its id         -             user
access key state   its id         -             Active; only such are looked at
principal          unique id      ARN

Records name entities by name; names are moved by UpdateUser and UpdateGroup, and used again after an end. So the replay keeps who bore
each name. Not looked at: tags.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any, Final

from sqlalchemy import select

from keystead.database.engine import Connection
from keystead.effects.event import Event
from keystead.effects.kms import principals
from keystead.effects.ledger import Ledger
from keystead.effects.slots import UNKNOWN, Fact, Slot, digest
from keystead.identities.names import entity_arn, fold
from keystead.identities.store import tables as t

Names = dict[tuple[str, str, str], tuple[str, str]]
"""(account, kind, folded name) to (unique id, path)."""
KINDS: Final = ("user", "role", "group")


class Identities:
    """The part of the replay that knows names. `borne`: as the database has them, for those that no record gave."""

    def __init__(self, borne: Names) -> None:
        self._borne = borne
        self._names: Names = {}

    def id(self, event: Event, kind: str) -> str:
        name = event.parameters.get(f"{kind}Name")
        if name is None:  # CreateAccessKey for oneself
            name = event.response.get("accessKey", {}).get("userName", "")
        place = event.account, kind, fold(name)
        return (self._names.get(place) or self._borne.get(place) or ("", ""))[0]

    def born(self, account: str, kind: str, name: str, path: str, id_: str, ledger: Ledger) -> None:
        self._names[account, kind, fold(name)] = id_, path
        ledger.put("principal", id_, entity_arn(account, kind, path, name))

    def created(self, kind: str, event: Event, ledger: Ledger) -> None:
        made = event.response.get(kind, {})
        id_ = made.get(f"{kind}Id", "")
        self.born(event.account, kind, made.get(f"{kind}Name", ""), made.get("path", "/"), id_, ledger)
        ledger.put(kind, id_)
        if kind == "role":
            ledger.put("trust policy", id_, value=digest(event.text("assumeRolePolicyDocument")))
        if boundary := event.parameters.get("permissionsBoundary"):
            ledger.put("boundary", id_, value=boundary)

    def renamed(self, kind: str, event: Event, ledger: Ledger) -> None:
        id_, told = self.id(event, kind), event.parameters
        old = told.get(f"{kind}Name", "")
        place = event.account, kind, fold(old)
        _, path = self._names.pop(place, self._borne.get(place, ("", "/")))
        new = told.get(f"new{kind.capitalize()}Name") or old
        self.born(event.account, kind, new, told.get("newPath") or path, id_, ledger)

    def removed(self, kind: str, event: Event, ledger: Ledger) -> None:
        id_ = self.id(event, kind)
        self._names.pop((event.account, kind, fold(event.parameters.get(f"{kind}Name", ""))), None)
        ledger.gone(kind, id_)
        for held in ("inline policy", "attached policy", "boundary"):
            ledger.end(held, id_)

    def account(self, event: Event, ledger: Ledger) -> None:
        """Keystead's own: the first user of an account, made by `keystead init` and `keystead account create`."""
        told = event.details
        id_ = told.get("userId", "")
        self.born(event.account, "user", told.get("userName", ""), "/", id_, ledger)
        ledger.put("account", event.account)
        ledger.put("user", id_)
        ledger.put("attached policy", id_, told.get("policyArn", ""))
        self.key_made(told.get("accessKeyId", ""), id_, ledger)

    def service_role(self, event: Event, ledger: Ledger) -> None:
        """Keystead's own: the role that rotates secrets (rotation/leave.py)."""
        told = event.details
        id_ = told.get("roleId", "")
        self.born(event.account, "role", told.get("roleName", ""), told.get("path", "/"), id_, ledger)
        ledger.put("role", id_)
        ledger.put("trust policy", id_, value=digest(told.get("assumeRolePolicyDocument")))
        ledger.put("inline policy", id_, fold(told.get("policyName", "")), digest(told.get("policyDocument")))

    def restored(self, event: Event, ledger: Ledger) -> None:
        """From a backup: whoever bears a name now does so as the database has it."""
        self._names.clear()
        ledger.restored(int(event.details.get("backupMade", 0) * 1e9))

    def key_created(self, event: Event, ledger: Ledger) -> None:
        self.key_made(event.response.get("accessKey", {}).get("accessKeyId", ""), self.id(event, "user"), ledger)

    def key_made(self, key: str, user: str, ledger: Ledger) -> None:
        ledger.put("access key", key, value=user)
        ledger.put("access key state", key, value="Active")

    def key_changed(self, event: Event, ledger: Ledger) -> None:
        key, status = event.parameters.get("accessKeyId", ""), event.parameters.get("status", UNKNOWN)
        ledger.put("access key state", key, value=status)

    def key_removed(self, event: Event, ledger: Ledger) -> None:
        ledger.gone("access key", event.parameters.get("accessKeyId", ""))

    def trusted(self, event: Event, ledger: Ledger) -> None:
        ledger.put("trust policy", self.id(event, "role"), value=digest(event.text("policyDocument")))

    def inline(self, kind: str, event: Event, ledger: Ledger) -> None:
        name = fold(event.parameters.get("policyName", ""))
        if event.name.startswith("Delete"):
            ledger.gone("inline policy", self.id(event, kind), name)
        else:
            ledger.put("inline policy", self.id(event, kind), name, digest(event.text("policyDocument")))

    def attached(self, kind: str, event: Event, ledger: Ledger) -> None:
        change = ledger.put if event.name.startswith("Attach") else ledger.gone
        change("attached policy", self.id(event, kind), event.parameters.get("policyArn", ""))

    def bounded(self, kind: str, event: Event, ledger: Ledger) -> None:
        if event.name.startswith("Delete"):
            ledger.gone("boundary", self.id(event, kind))
        else:
            ledger.put("boundary", self.id(event, kind), value=event.parameters.get("permissionsBoundary", UNKNOWN))

    def joined(self, event: Event, ledger: Ledger) -> None:
        change = ledger.put if event.name.startswith("Add") else ledger.gone
        change("member", self.id(event, "group"), self.id(event, "user"))

    def told(self) -> dict[tuple[str, str], Callable[[Event, Ledger], None]]:
        found: dict[tuple[str, str], Callable[[Event, Ledger], None]] = {
            ("keystead", "CreateAccount"): self.account,
            ("keystead", "CreateServiceLinkedRole"): self.service_role,
            ("keystead", "InstallationRestored"): self.restored,
            ("iam", "CreateAccessKey"): self.key_created,
            ("iam", "UpdateAccessKey"): self.key_changed,
            ("iam", "DeleteAccessKey"): self.key_removed,
            ("iam", "UpdateAssumeRolePolicy"): self.trusted,
            ("iam", "AddUserToGroup"): self.joined,
            ("iam", "RemoveUserFromGroup"): self.joined,
        }
        for kind in KINDS:
            name = kind.capitalize()
            found |= {
                ("iam", f"Create{name}"): partial(self.created, kind),
                ("iam", f"Update{name}"): partial(self.renamed, kind),
                ("iam", f"Delete{name}"): partial(self.removed, kind),
                ("iam", f"Put{name}Policy"): partial(self.inline, kind),
                ("iam", f"Delete{name}Policy"): partial(self.inline, kind),
                ("iam", f"Attach{name}Policy"): partial(self.attached, kind),
                ("iam", f"Detach{name}Policy"): partial(self.attached, kind),
                ("iam", f"Put{name}PermissionsBoundary"): partial(self.bounded, kind),
                ("iam", f"Delete{name}PermissionsBoundary"): partial(self.bounded, kind),
            }
        del found["iam", "UpdateRole"]  # of a role it changes nothing that counts here
        return found


def policy_created(event: Event, ledger: Ledger) -> None:
    made = event.response.get("policy", {})
    version(ledger, made.get("arn", ""), made.get("defaultVersionId", "v1"), event, default=True)


def version_created(event: Event, ledger: Ledger) -> None:
    made = event.response.get("policyVersion", {})
    default = bool(event.parameters.get("setAsDefault"))
    version(ledger, event.parameters.get("policyArn", ""), made.get("versionId", ""), event, default=default)


def version(ledger: Ledger, arn: str, number: str, event: Event, *, default: bool) -> None:
    ledger.put("policy version", arn, number, digest(event.text("policyDocument")))
    if default:
        ledger.put("default version", arn, value=number)


def version_chosen(event: Event, ledger: Ledger) -> None:
    ledger.put(
        "default version", event.parameters.get("policyArn", ""), value=event.parameters.get("versionId", UNKNOWN)
    )


def version_removed(event: Event, ledger: Ledger) -> None:
    ledger.gone("policy version", event.parameters.get("policyArn", ""), event.parameters.get("versionId", ""))


def policy_removed(event: Event, ledger: Ledger) -> None:
    arn = event.parameters.get("policyArn", "")
    ledger.gone("default version", arn)
    ledger.end("policy version", arn)


TOLD: Final = {
    ("iam", "CreatePolicy"): policy_created,
    ("iam", "CreatePolicyVersion"): version_created,
    ("iam", "SetDefaultPolicyVersion"): version_chosen,
    ("iam", "DeletePolicyVersion"): version_removed,
    ("iam", "DeletePolicy"): policy_removed,
}


async def borne(connection: Connection) -> Names:
    rows = await connection.execute(select(t.entities))
    return {(row.account, row.kind, row.folded): (row.id, row.path) for row in rows}


async def shown(connection: Connection) -> AsyncIterator[Fact]:
    for row in await connection.execute(select(t.accounts)):
        yield Fact(Slot("account", row.id), "", f"account {row.id}", row.created_at)
    arns: dict[str, str] = {}
    for row in await connection.execute(select(t.entities)):
        arns[row.id] = arn = entity_arn(row.account, row.kind, row.path, row.name)
        for fact in of_entity(row, arn):
            yield fact
    for part in (
        of_entities(connection, arns),
        of_access_keys(connection, arns),
        of_policies(connection),
    ):
        async for fact in part:
            yield fact


async def of_entities(connection: Connection, arns: Mapping[str, str]) -> AsyncIterator[Fact]:
    for row in await connection.execute(select(t.inline_policies)):
        what = f"inline policy {row.name} of {arns.get(row.entity_id, row.entity_id)}"
        yield Fact(Slot("inline policy", row.entity_id, row.folded), digest(row.text), what)
    for row in await connection.execute(select(t.attachments)):
        what = f"policy {row.policy_arn}, attached to {arns.get(row.entity_id, row.entity_id)},"
        yield Fact(Slot("attached policy", row.entity_id, row.policy_arn), "", what)
    for row in await connection.execute(select(t.group_members)):
        what = f"{arns.get(row.user_id, row.user_id)} as a member of {arns.get(row.group_id, row.group_id)}"
        yield Fact(Slot("member", row.group_id, row.user_id), "", what)


async def of_access_keys(connection: Connection, arns: Mapping[str, str]) -> AsyncIterator[Fact]:
    for row in await connection.execute(select(t.access_keys)):
        what = f"access key {row.id} of {arns.get(row.user_id, row.user_id)}"
        yield Fact(Slot("access key", row.id), row.user_id, what, row.created_at)
        if row.status == "Active":
            yield Fact(Slot("access key state", row.id), row.status, f"state Active of {what}")


def of_entity(row: Any, arn: str) -> list[Fact]:
    found = [Fact(Slot(row.kind, row.id), "", f"{row.kind} {arn}, {row.id},", row.created_at)]
    found.append(Fact(Slot("principal", row.id, arn), "", f"{row.id} under the name of {arn}"))
    if row.boundary is not None:
        found.append(Fact(Slot("boundary", row.id), row.boundary, f"the permissions boundary of {arn}"))
    if row.trust is not None:
        what = f"the trust policy of {arn}"
        found += [Fact(Slot("trust policy", row.id), digest(row.trust), what), *principals(row.trust_ids, what)]
    return found


async def of_policies(connection: Connection) -> AsyncIterator[Fact]:
    arns: dict[str, str] = {}
    for row in await connection.execute(select(t.policies)):
        arns[row.id] = arn = f"arn:aws:iam::{row.account}:policy{row.path}{row.name}"
        what = f"the default version of policy {arn}"
        yield Fact(Slot("default version", arn), f"v{row.default_version}", what, row.updated_at)
    for row in await connection.execute(select(t.policy_versions)):
        arn = arns.get(row.policy_id, row.policy_id)
        what = f"version v{row.version} of policy {arn}"
        yield Fact(Slot("policy version", arn, f"v{row.version}"), digest(row.text), what, row.created_at)
