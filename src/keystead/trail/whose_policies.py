"""The records that made the policies of users and roles what they were: theirs, their groups', and those of managed policies.

                    its own record is of     and leads on to
    user, role      its name in its account  the groups it was put into, the policies attached or set as boundary, its other name
    group           likewise                 the policies attached, its other name
    managed policy  its ARN                  –

Calls name a user by name, and a name may have been borne by several, one after another: the records of all of them are taken.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from keystead.trail.attributes import Identity
from keystead.trail.search import Found

Subject = tuple[str, str, str]
"""(user, role or group; account; name in lower case), or (policy, "", ARN)."""
KINDS: Final = ("user", "role", "group")
CHANGES: Final = (
    #                                                                                             source: IAM API reference
    "CreateAccount", "CreateServiceLinkedRole",                                                   # Keystead's own
    *(f"{verb}{kind}" for verb in ("Create", "Update", "Delete") for kind in ("User", "Role", "Group")),
    *(f"{verb}{kind}Policy" for verb in ("Put", "Delete", "Attach", "Detach") for kind in ("User", "Role", "Group")),
    *(f"{verb}{kind}PermissionsBoundary" for verb in ("Put", "Delete") for kind in ("User", "Role")),
    "UpdateAssumeRolePolicy", "AddUserToGroup", "RemoveUserFromGroup",
    "CreatePolicy", "CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion", "DeletePolicy",
)  # fmt: skip  # a table


class Change(NamedTuple):
    """`of`: whose record it is; `leads`: who else's policies count because of it."""

    found: Found
    of: Subject
    leads: tuple[Subject, ...] = ()


class Told(msgspec.Struct, rename="camel"):
    """What of a record says whom it is about."""

    request_parameters: dict[str, Any] | None = None
    response_elements: dict[str, Any] | None = None
    service_event_details: dict[str, Any] | None = None


def people(found: Iterable[Found], asked: str | None = None) -> set[Subject]:
    """Whoever made these calls, and who was asked for by ARN."""
    arns = {one.seen.user_identity.principal for one in found} | {asked}
    named = {of_user(one.seen.user_identity) for one in found}
    return {subject for subject in (*map(of_arn, arns), *named) if subject is not None}


def of_user(identity: Identity) -> Subject | None:
    account = (identity.arn or "").split(":")[4:5]
    return ("user", account[0], identity.user_name.lower()) if identity.user_name and account else None


def of_arn(arn: str | None) -> Subject | None:
    """Of a user or a role; None of anything else, such as a session's."""
    parts = (arn or "").split(":", 5)
    kind, _, path = parts[-1].partition("/")
    if len(parts) < 6 or parts[2] != "iam" or kind not in {"user", "role"}:
        return None
    return kind, parts[4], path.rpartition("/")[2].lower()


def of(every: Iterable[Found], subjects: Collection[Subject]) -> list[Found]:
    changes = [change for one in every if one.seen.error_code is None for change in told(one)]
    reached, new = set[Subject](), set(subjects)
    while new:
        reached |= new
        new = {subject for change in changes if change.of in new for subject in change.leads} - reached
    return list({(one.found.node, one.found.number): one.found for one in changes if one.of in reached}.values())


def told(found: Found) -> Iterator[Change]:
    name, account = found.seen.event_name, found.seen.recipient_account_id
    if name not in CHANGES:
        return
    record = msgspec.json.decode(found.record, type=Told)
    told_ = {**(record.service_event_details or {}), **(record.request_parameters or {})}
    if name.endswith(("Policy", "PolicyVersion")) and not any(f"{kind}Name" in told_ for kind in KINDS):
        arn = told_.get("policyArn") or (record.response_elements or {}).get("policy", {}).get("arn", "")
        yield Change(found, ("policy", "", arn))
        return
    borne = {kind: (kind, account, str(told_[f"{kind}Name"]).lower()) for kind in KINDS if f"{kind}Name" in told_}
    policies = [told_[member] for member in ("policyArn", "permissionsBoundary") if told_.get(member)]
    leads = [("policy", "", arn) for arn in policies]
    if "user" in borne and "group" in borne:
        leads.append(borne.pop("group"))
    for kind, subject in borne.items():
        other = told_.get(f"new{kind.capitalize()}Name")
        more = [(kind, account, str(other).lower())] if other else []
        yield Change(found, subject, (*leads, *more))
        for renamed in more:
            yield Change(found, renamed, (subject,))
