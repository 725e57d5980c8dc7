"""How a statement names a caller: not at all, through its account, as its role, or itself.

Users and roles match by unique id alone, so that a new principal of an old name gets nothing. One whose id is not known
matches no Allow, and matches a Deny by its ARN (ours: neither way more is allowed).

NotPrincipal (of Deny only) spares those whom it lists with everything they come from: the account and the user; or the account,
the role and the session (IAM user guide, NotPrincipal).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from keystead.access.document import Principals, is_entity
from keystead.access.request import Principal, PrincipalKind

ACCOUNT: Final = re.compile(r"[0-9]{12}")
ROOT: Final = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):root")
WITHOUT_ACCOUNT: Final = (PrincipalKind.SERVICE, PrincipalKind.ANONYMOUS, PrincipalKind.WEB_IDENTITY)


class Named(IntEnum):
    """From least to most: each may do what the one before may.

    ACCOUNT   the account decides, by the caller's own policies
    LIMITED   the caller's role, or the user behind a federated session: boundary and session policy still count
    DIRECTLY  the caller itself, or everybody
    """

    NOT = 0
    ACCOUNT = 1
    LIMITED = 2
    DIRECTLY = 3


Names = Callable[[Principal], Named]


@dataclass(frozen=True, slots=True)
class Listing:
    """The principals of a statement, by what they match. `strangers`: everybody includes who is not signed in yet."""

    everybody: bool
    strangers: bool
    accounts: frozenset[str]
    ids: frozenset[str]
    arns: frozenset[str]
    entities: frozenset[str]


def compiled(principals: Principals, ids: Mapping[str, str], *, denies: bool) -> Names:
    listing = listed(principals, ids, denies=denies)
    if principals.negated:
        return lambda principal: Named.NOT if spared(listing, principal) else Named.DIRECTLY
    return lambda principal: named(listing, principal)


def listed(principals: Principals, ids: Mapping[str, str], *, denies: bool) -> Listing:
    entities = [name for name in principals.aws if is_entity(name)]
    accounts = {name: account for name in principals.aws if (account := account_of(name)) is not None}
    others = {*principals.aws} - {*entities} - accounts.keys() - {"*"}
    unknown = [name for name in entities if name not in ids]
    return Listing(
        everybody="*" in principals.aws,
        strangers=denies,
        accounts=frozenset(accounts.values()),
        ids=frozenset(ids[name] for name in entities if name in ids),
        arns=frozenset(others) | {*principals.services, *principals.federated},
        entities=frozenset(unknown) if denies and not principals.negated else frozenset(),
    )


def account_of(name: str) -> str | None:
    """The account of `123456789012` or its root's ARN, which mean the same."""
    if ACCOUNT.fullmatch(name):
        return name
    root = ROOT.fullmatch(name)
    return root[1] if root is not None else None


def named(listing: Listing, principal: Principal) -> Named:
    if principal.arn in listing.arns:
        return Named.DIRECTLY
    if listing.everybody:  # a token of any provider is not what somebody means who writes "*" (ours)
        return Named.DIRECTLY if listing.strangers or principal.kind is not PrincipalKind.WEB_IDENTITY else Named.NOT
    if principal.unique_id in listing.ids or principal.entity_arn in listing.entities:
        return Named.DIRECTLY if principal.kind is PrincipalKind.USER else Named.LIMITED
    if principal.account in listing.accounts and principal.kind not in WITHOUT_ACCOUNT:
        return Named.ACCOUNT
    return Named.NOT


def spared(listing: Listing, principal: Principal) -> bool:
    if listing.everybody:
        return True
    if principal.kind in WITHOUT_ACCOUNT:
        return principal.arn in listing.arns
    if principal.account not in listing.accounts:
        return False
    if principal.kind is PrincipalKind.ROOT:
        return True
    known = principal.unique_id in listing.ids
    return known and (principal.kind is PrincipalKind.USER or principal.arn in listing.arns)
