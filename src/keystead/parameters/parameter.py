"""The record of a parameter, and of one version of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from keystead.access.policy import Policy

STRING: Final = "String"
STRING_LIST: Final = "StringList"
SECURE_STRING: Final = "SecureString"
STANDARD: Final = "Standard"
ADVANCED: Final = "Advanced"
INTELLIGENT: Final = "Intelligent-Tiering"
TEXT: Final = "text"

DEFAULT_KEY: Final = "alias/aws/ssm"
DAY: Final = 86_400.0

PLAIN: Final = "plain"
BLOB: Final = "blob"
MESSAGE: Final = "message"
"""How a value lies: as it is, as a ciphertext of KMS, as a message of the AWS Encryption SDK (parameters.sealing)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A value as it lies in the database.

    encoding  PLAIN, BLOB or MESSAGE; each version remembers its own
    key_arn   of the key that sealed it; None for PLAIN
    """

    encoding: str
    content: bytes = field(repr=False)
    key_arn: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One version, with everything that was true of the parameter while it was the newest.

    at        seconds since the epoch
    by        ARN of who put it
    key       as the caller named it; None where nothing is sealed
    policies  the text of each parameter policy
    """

    number: int
    at: float
    by: str
    type: str
    tier: str
    stored: Stored
    data_type: str = TEXT
    key: str | None = None
    description: str | None = None
    pattern: str | None = None
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Enforced:
    """A parameter policy that is in force, and how far it has come. `due_at`: when it acts next; None: never again."""

    type: str
    text: str
    status: str
    due_at: float | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as one moment knows it: immutable, cached, and replaced when anything about it changes.

    name        a path: `x` and `/x` are one parameter, and `/x` here
    slashed     its owner created it with the slash
    latest      the newest version
    labels      to version numbers
    tags        in the order of their first putting
    policy_id   of its resource policy, with policy_text
    policy_ids  user and role ARNs of that policy to the unique ids they had when it was put
    """

    id: int
    account: str
    region: str
    name: str
    slashed: bool
    latest: Version
    created_at: float
    labels: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    enforced: tuple[Enforced, ...] = ()
    policy: Policy | None = field(default=None, repr=False)
    policy_id: str | None = None
    policy_text: str | None = field(default=None, repr=False)
    policy_ids: Mapping[str, str] = field(default_factory=dict, repr=False)
    arn: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arn", arn_of(self.account, self.region, self.name))

    @property
    def shown(self) -> str:
        """As it was created."""
        return self.name if self.slashed else self.name[1:]

    def labels_of(self, number: int) -> list[str]:
        return sorted(label for label, version in self.labels.items() if version == number)


def arn_of(account: str, region: str, name: str) -> str:
    """Expects a path: it begins with the slash that separates it from the resource's type."""
    return f"arn:aws:ssm:{region}:{account}:parameter{name}"
