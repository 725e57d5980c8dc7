"""What a decision is asked about: a principal, an action, a resource and the context of the request."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

Values = tuple[str, ...]


class PrincipalKind(Enum):
    """The value is what aws:PrincipalType says."""

    ROOT = "Account"
    USER = "User"
    ROLE_SESSION = "AssumedRole"
    FEDERATED_USER = "FederatedUser"
    WEB_IDENTITY = "WebIdentityUser"
    SERVICE = "Service"
    ANONYMOUS = "Anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    arn         as answers name the caller: user ARN, `arn:aws:sts::A:assumed-role/ROLE/SESSION`, `arn:aws:iam::A:root`;
                of who signs in with a token the provider's ARN, of a service its DNS name
    account     12 digits
    unique_id   what stored policies hold: AIDA… of a user, AROA… of the role behind a session, the account id of root
    entity_arn  what aws:PrincipalArn says: for a role session the ARN of the role, with its path
    """

    kind: PrincipalKind
    arn: str
    account: str
    unique_id: str
    entity_arn: str


class Context(Protocol):
    """The condition keys of one request. Keys are asked for in lower case; None means absent, never empty or false."""

    def get(self, key: str, /) -> Values | None: ...


@dataclass(frozen=True, slots=True)
class Request:
    principal: Principal
    action: str
    resource: str
    context: Context
