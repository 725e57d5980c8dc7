"""Principals whom no list of the account's users and roles has: those that a policy or a grant names by itself.

session of a role, federated user     of this account, by their own ARNs
other accounts, and their principals  what their own policies say is theirs to know: it stays a condition
services                              by their DNS names
"""

from collections.abc import Iterator, Sequence
from typing import Final

from keystead.access.decision import Labels, Standing
from keystead.access.paths import Way
from keystead.access.policy import Policy
from keystead.access.possible import limits
from keystead.access.request import Principal, PrincipalKind
from keystead.explain.escalation import EVERYTHING
from keystead.explain.holders import Account, Holder
from keystead.explain.questions import Asking
from keystead.explain.rows import Row, row
from keystead.identities.names import ACCOUNT, ROOT, SESSION, parse_entity

ACCOUNT_KEYS: Final = ("kms:calleraccount", "aws:principalaccount")
FEDERATED: Final = ":federated-user/"


Grantees = Sequence[tuple[str, str]]
"""(ARN, unique id)."""


def rows(question: Asking, account: Account, policies: Sequence[Policy], grantees: Grantees) -> Iterator[Row]:
    for principal in sorted(named(account, policies, grantees), key=lambda one: one.arn):
        of_role = role_of(account, principal)
        known = {way.steps for way in question.ways(of_role)} if of_role is not None else set()
        standing = of_role.standing if of_role is not None else standing_of(principal, account)
        for way in question.ways_of(principal, standing):
            if way.steps not in known and is_theirs(principal, account, way):
                yield told(principal, account, way)


def named(account: Account, policies: Sequence[Policy], grantees: Grantees) -> set[Principal]:
    found = {principal_of(account, arn, unique_id) for arn, unique_id in grantees}
    for policy in policies:
        for principals in (one.principals for one in policy.document.statements if not one.denies):
            if principals is None:
                continue
            found |= {principal_of(account, name, policy.ids.get(name, "")) for name in principals.aws}
            found |= {Principal(PrincipalKind.SERVICE, name, "", name, name) for name in principals.services}
    return {one for one in found if one is not None}


def principal_of(account: Account, name: str, unique_id: str) -> Principal | None:
    """None for a user or role of the account, which is looked at anyway, and for the account itself."""
    if name == "*":
        return Principal(PrincipalKind.USER, "*", "*", "*", "")
    root = ROOT.fullmatch(name)
    owner = name if ACCOUNT.fullmatch(name) else root["account"] if root is not None else None
    if owner is not None:
        arn = f"arn:aws:iam::{owner}:root"
        return Principal(PrincipalKind.USER, arn, owner, "", "") if owner != account.id else None
    session = SESSION.fullmatch(name)
    if session is not None:
        return session_of(account, name, session["account"], session["role"])
    if FEDERATED in name:
        return Principal(PrincipalKind.FEDERATED_USER, name, name.split(":")[4], "", name)
    entity = parse_entity(name)
    if entity is None or entity.account == account.id:
        return None
    kind = PrincipalKind.USER if entity.kind == "user" else PrincipalKind.ROLE_SESSION
    return Principal(kind, name, entity.account, unique_id, name)


def session_of(account: Account, arn: str, owner: str, role: str) -> Principal | None:
    """None for a session of a role that is not there."""
    if owner != account.id:
        return Principal(PrincipalKind.ROLE_SESSION, arn, owner, "", "")
    found = next((one for one in account.holders if one.is_role and one.entity.name == role), None)
    return Principal(PrincipalKind.ROLE_SESSION, arn, owner, found.entity.id, found.arn) if found else None


def role_of(account: Account, principal: Principal) -> Holder | None:
    """Behind a session: what the role may is told of the role."""
    if principal.kind is not PrincipalKind.ROLE_SESSION:
        return None
    return next((one for one in account.holders if one.entity.id == principal.unique_id), None)


def standing_of(principal: Principal, account: Account) -> Standing:
    """Of another account's, whatever its policies may be."""
    if principal.account in {account.id, ""}:
        return Standing()
    return Standing((EVERYTHING,), labels=Labels(("its own account's policies",)))


def is_theirs(principal: Principal, account: Account, way: Way) -> bool:
    """What everybody may is a stranger's only if it is not kept to the account."""
    if principal.account != "*":
        return True
    kept = (limits(need) for need in way.needs if need.test is not None and need.test.key in ACCOUNT_KEYS)
    return all(only is None or bool(only - {account.id}) for only in kept)


def told(principal: Principal, account: Account, way: Way) -> Row:
    made = row(principal.arn, way)
    if principal.kind is PrincipalKind.SERVICE or principal.account == account.id:
        return made
    whose = "its account" if principal.account == "*" else f"account {principal.account}"
    return Row(made.principal, made.kind, made.path, (f"the policies of {whose} allow it", *made.conditions))
