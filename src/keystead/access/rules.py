"""What each kind of policy may say, beyond being a policy."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from keystead.access import actions, resources, shared_issuers
from keystead.access.document import Document, Kind, Listed, Quantifier, Statement, is_entity
from keystead.access.refusals import Fault, refusal

SID: Final = re.compile(r"[0-9A-Za-z]*")
SERVICE: Final = re.compile(r"[a-z0-9][a-z0-9.-]*\.amazonaws\.com(?:\.cn)?")
PRINCIPAL: Final = re.compile(
    r"\*|[0-9]{12}"
    r"|arn:aws[a-z-]*:iam::[0-9]{12}:root"
    r"|arn:aws[a-z-]*:sts::[0-9]{12}:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+"
    r"|arn:aws[a-z-]*:sts::[0-9]{12}:federated-user/[\w+=,.@-]+",
    re.ASCII,
)
"""Beside users, roles and unique ids. A wildcard stands only alone (IAM user guide, Principal)."""
PROVIDER: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/[!-)+-~]+")
SINGLE_VALUED: Final = {"kms:encryptioncontext:": "encryption context", "aws:requesttag/": "tag"}
"""Keys for which KMS refuses ForAllValues in a key policy (KMS developer guide, condition keys)."""

Check = Callable[[Document], None]


def check(document: Document) -> None:
    """Raises PolicyMalformed for the first rule that is broken."""
    for rule in RULES[document.kind]:
        rule(document)


def no_legacy_resources(document: Document) -> None:
    for found in wrong_resources(document):
        if found[0] in {Fault.LEGACY, Fault.SYNTAX}:
            raise refusal(document.kind, found[0])


def sids_unique(document: Document) -> None:
    sids = [statement.sid for statement in document.statements if statement.sid]
    if len(set(sids)) < len(sids):
        raise refusal(document.kind, Fault.SID_REPEATED)


def sids_alphanumeric(document: Document) -> None:
    if not all(SID.fullmatch(statement.sid or "") for statement in document.statements):
        raise refusal(document.kind, Fault.SID)


def has_actions(document: Document) -> None:
    if any(is_empty(statement.actions) for statement in document.statements):
        raise refusal(document.kind, Fault.NO_ACTION)


def has_resources(document: Document) -> None:
    if any(is_empty(statement.resources) for statement in document.statements):
        raise refusal(document.kind, Fault.NO_RESOURCE)


def is_empty(listed: Listed | None) -> bool:
    return listed is None or not listed.patterns


def no_resources(document: Document) -> None:
    if any(statement.resources is not None for statement in document.statements):
        raise refusal(document.kind, Fault.RESOURCE_FORBIDDEN)


def nothing_empty(document: Document) -> None:
    """KMS takes a statement without Action or Resource, which then has no effect; NotAction of nothing would have one."""
    for statement in document.statements:
        if any(listed is not None and not listed.patterns for listed in (statement.actions, statement.resources)):
            raise refusal(document.kind, Fault.SYNTAX)


def good_resources(document: Document) -> None:
    for fault, facts in wrong_resources(document):
        raise refusal(document.kind, fault, **facts)


def wrong_resources(document: Document) -> Iterator[resources.Wrong]:
    for statement in document.statements:
        for resource in statement.resources.patterns if statement.resources else ():
            found = resources.wrong(resource, variables=document.variables)
            if found is not None:
                yield found


def good_actions(document: Document) -> None:
    for action in all_actions(document):
        found = actions.wrong(action)
        if found is not None:
            raise refusal(document.kind, found[0], **found[1])


def actions_of_sts(document: Document) -> None:
    if not all(actions.TRUST.fullmatch(action) for action in all_actions(document)):
        raise refusal(document.kind, Fault.NOT_ASSUME_ROLE)


def all_actions(document: Document) -> Iterator[str]:
    for statement in document.statements:
        yield from statement.actions.patterns if statement.actions else ()


def good_principals(document: Document) -> None:
    for statement in document.statements:
        check_principals(document.kind, statement)


def check_principals(kind: Kind, statement: Statement) -> None:
    principals = statement.principals
    if principals is None:
        raise refusal(kind, Fault.NO_PRINCIPAL)
    if principals.negated and not statement.denies:
        raise refusal(kind, Fault.NOT_PRINCIPAL_ALLOWS)
    for name in principals.aws:
        if not is_principal(name):
            raise refusal(kind, Fault.PRINCIPAL, type="AWS", principal=name)
    for name in principals.services:
        if not SERVICE.fullmatch(name):
            raise refusal(kind, Fault.PRINCIPAL, type="SERVICE", principal=name)
    for name in principals.federated:
        if not PROVIDER.fullmatch(name):  # there is no sign-in through SAML
            raise refusal(kind, Fault.PRINCIPAL, type="FEDERATED", principal=name)


def is_principal(name: str) -> bool:
    if is_entity(name):
        return "*" not in name and "?" not in name
    return PRINCIPAL.fullmatch(name) is not None


def no_not_principal(document: Document) -> None:
    if any(statement.principals and statement.principals.negated for statement in document.statements):
        raise refusal(document.kind, Fault.NOT_PRINCIPAL)


def scoped_issuers(document: Document) -> None:
    for statement in document.statements:
        found = shared_issuers.unscoped(statement)
        if found is not None:
            raise refusal(document.kind, Fault.UNSCOPED, provider=found[0], keys=found[1])


def not_overly_permissive(document: Document) -> None:
    for statement in document.statements:
        for test in statement.tests:
            what = next((what for key, what in SINGLE_VALUED.items() if test.key.startswith(key)), None)
            if what is not None and test.quantifier is Quantifier.ALL:
                raise refusal(document.kind, Fault.OVERLY_PERMISSIVE, what=what)


OF_IAM: Final[tuple[Check, ...]] = (
    no_legacy_resources,
    sids_unique,
    sids_alphanumeric,
    has_actions,
    has_resources,
    good_resources,
    good_actions,
)
RULES: Final[dict[Kind, tuple[Check, ...]]] = {
    Kind.IDENTITY: OF_IAM,
    Kind.SESSION: OF_IAM,
    Kind.TRUST: (
        sids_unique,
        good_principals,
        no_not_principal,
        has_actions,
        no_resources,
        actions_of_sts,
        scoped_issuers,
    ),
    Kind.KEY: (good_principals, nothing_empty, sids_unique, good_resources, good_actions, not_overly_permissive),
    Kind.RESOURCE: (good_principals, has_actions, has_resources, sids_unique, good_resources, good_actions),
}
"""In this order."""
