"""Whether a resource's policy lets in principals without bound: decided by looking at each statement that allows.

A statement is broad when everybody is its principal and no condition ties it to somebody who is known:

    key                                              with                          ties, where a value is
    aws:PrincipalArn, aws:SourceArn                  ArnEquals, ArnLike, String…   an ARN whose account is spelt out
    aws:PrincipalAccount, aws:SourceAccount,         StringEquals, StringLike      without * or ?
      aws:PrincipalOrgID, aws:userid,
      aws:SourceVpc, aws:SourceVpce, kms:CallerAccount, aws:SourceIdentity
    aws:PrincipalOrgPaths                            likewise, ForAnyValue         an organisation spelt out
    aws:SourceIp                                     IpAddress                     a network narrower than /8, or /16 of IPv6

Negated operators, …IfExists and ForAllValues tie nothing: a request without the key passes. All values of a condition must tie.
Service principals are known, and not broad. (IAM user guide, how a policy is found to be public; the rows are ours.)
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Final

from keystead.access.document import Document, Principals, Quantifier, Statement, Test

ARN: Final = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[^:]*:[0-9]{12}:.+")
ORGANISATION: Final = re.compile(r"o-[a-z0-9]{10,32}/.*")
NETWORKS: Final = {4: 8, 6: 16}
EQUAL: Final = frozenset({"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike"})


def is_literal(value: str) -> bool:
    return bool(value) and not set(value) & set("*?") and "${" not in value


def is_known_arn(value: str) -> bool:
    return ARN.fullmatch(value) is not None


def is_narrow(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= NETWORKS[network.version]


TIES: Final[dict[str, tuple[frozenset[str], Callable[[str], bool]]]] = {
    "aws:principalarn":      (EQUAL, is_known_arn),
    "aws:sourcearn":         (EQUAL, is_known_arn),
    "aws:principalaccount":  (EQUAL, is_literal),
    "aws:sourceaccount":     (EQUAL, is_literal),
    "kms:calleraccount":     (EQUAL, is_literal),
    "aws:principalorgid":    (EQUAL, is_literal),
    "aws:principalorgpaths": (EQUAL, lambda value: ORGANISATION.fullmatch(value) is not None),
    "aws:sourceidentity":    (EQUAL, is_literal),
    "aws:userid":            (EQUAL, is_literal),
    "aws:sourcevpc":         (EQUAL, is_literal),
    "aws:sourcevpce":        (EQUAL, is_literal),
    "aws:sourceip":          (frozenset({"IpAddress"}), is_narrow),
}  # fmt: skip  # a table


def broad(document: Document) -> list[str]:
    """One sentence for each statement that is broad, in the order of the document."""
    return [
        f"Statement {statement.sid or number} allows principals without bound."
        for number, statement in enumerate(document.statements, 1)
        if is_broad(statement)
    ]


def is_broad(statement: Statement) -> bool:
    return not statement.denies and everybody(statement.principals) and not any(map(ties, statement.tests))


def everybody(principals: Principals | None) -> bool:
    return principals is not None and (principals.negated or "*" in principals.aws)


def ties(test: Test) -> bool:
    row = TIES.get(test.key)
    if row is None or test.if_exists or test.quantifier is Quantifier.ALL:
        return False
    operators, known = row
    return test.operator in operators and all(map(known, test.values))
