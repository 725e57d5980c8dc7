"""A policy document as values: what was written, checked, and not yet compiled."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

VERSION: Final = "2012-10-17"
OLD_VERSION: Final = "2008-10-17"
"""The default; variables are literal text in it."""

NAMED_ENTITY: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:(?:user|role)/[!-~]+")
UNIQUE_ID: Final = re.compile(r"(?:AIDA|AROA)[A-Z0-9]{8,124}")


class Kind(Enum):
    """What a policy is attached to, which decides what it may say."""

    IDENTITY = "identity"
    SESSION = "session"
    KEY = "key"
    TRUST = "trust"
    RESOURCE = "resource"


class Quantifier(Enum):
    """How the values of a multi-valued key are taken."""

    ALL = "ForAllValues"
    ANY = "ForAnyValue"


@dataclass(frozen=True, slots=True)
class Test:
    """One key of one operator of a Condition block.

    operator  without prefix and suffix: StringEquals, NotIpAddress, Null
    key       folded to lower case
    values    as text: numbers and booleans as JSON writes them
    """

    operator: str
    quantifier: Quantifier | None
    if_exists: bool
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """Actions or resources: those listed, or with `negated` all but those."""

    patterns: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Principals:
    """Principal, or with `negated` NotPrincipal.

    aws        "*", 12 digits, ARNs and unique ids, as given
    services   DNS names
    federated  ARNs of OIDC providers; in trust policies only
    """

    aws: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    negated: bool = False
    federated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """`actions` or `resources` of None: the statement has no effect. A trust policy has no resources and needs none."""

    sid: str | None
    denies: bool
    principals: Principals | None
    actions: Listed | None
    resources: Listed | None
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A policy that may be kept."""

    kind: Kind
    version: str
    statements: tuple[Statement, ...]

    @property
    def variables(self) -> bool:
        """Whether `${…}` means anything."""
        return self.version == VERSION

    def principals(self) -> frozenset[str]:
        """User and role ARNs, and bare unique ids: whoever must exist when this is kept, and is then known by id."""
        return frozenset(name for name in self._named() if is_entity(name))

    def _named(self) -> Iterator[str]:
        for statement in self.statements:
            if statement.principals is not None:
                yield from statement.principals.aws


def is_entity(principal: str) -> bool:
    """Whether it names a user or a role, which live and die, and not an account, a session or everybody."""
    return bool(NAMED_ENTITY.fullmatch(principal) or UNIQUE_ID.fullmatch(principal))
