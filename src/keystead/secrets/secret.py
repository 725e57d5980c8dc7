"""The record of a secret, and of one version of its value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from keystead.access.policy import Policy

CURRENT: Final = "AWSCURRENT"
PREVIOUS: Final = "AWSPREVIOUS"
PENDING: Final = "AWSPENDING"
DAY: Final = 86_400.0

DEFAULT_KEY: Final = "alias/aws/secretsmanager"


@dataclass(frozen=True, slots=True)
class Value:
    """What a secret holds, in the clear. A text and bytes are different values even where their bytes agree."""

    binary: bool
    content: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        return "binary" if self.binary else "string"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value as it lies in the database.

    kind      "string" or "binary", bound to it
    content   keyholder.values
    data_key  the blob that GenerateDataKey made for it
    key_arn   of the key that sealed it
    default   that key was the default one
    """

    kind: str
    content: bytes = field(repr=False)
    data_key: bytes = field(repr=False)
    key_arn: str
    default: bool


@dataclass(frozen=True, slots=True)
class Version:
    """`sealed` is None while a rotation has not made its value yet. `accessed_on`: start of the UTC day of the last read."""

    id: str
    created_at: float
    sealed: Sealed | None
    accessed_on: float | None = None


@dataclass(frozen=True, slots=True)
class Rotation:
    """What RotateSecret keeps with a secret; `enabled` of None: never configured.

    function  ARN
    rules     AWS's RotationRules
    last_at   of the last rotation that succeeded
    next_at   the latest moment of the next one
    external  metadata of a managed external secret, with the ARN of its role
    """

    enabled: bool | None = None
    function: str | None = None
    rules: Mapping[str, Any] | None = None
    last_at: float | None = None
    next_at: float | None = None
    external: Any = None
    external_role: str | None = None


@dataclass(frozen=True, slots=True)
class Replica:
    """A copy in another Region, as its primary knows it. `id` of None: none could be made."""

    region: str
    key: str | None
    status: str
    message: str | None
    id: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """With a secret of another account, which is this one's primary or its replica.

    replica  whether this is the replica
    arn      of the other
    id       likewise, while they are associated; None before and after
    role     ARN, of a primary: who replicates; None for whoever writes
    """

    replica: bool
    arn: str
    status: str
    message: str | None = None
    id: int | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as one moment knows it: immutable, cached, and replaced when anything about it changes.

    suffix       six characters that tell secrets of the same name apart
    key          as its owner named it; None for the default key
    labels       staging label to version id
    tags         in the order of their first putting; None: never tagged
    policy_ids   user and role ARNs of the policy to the unique ids they had when it was put
    deleted_at   when its deletion was asked for, with deletion_at, when it will be done
    primary      Region of the primary, of a replica; and its id
    link         with another account: a secret is a primary there, or a replica, or neither
    """

    id: int
    account: str
    region: str
    name: str
    suffix: str
    created_at: float
    changed_at: float
    description: str | None = None
    key: str | None = None
    type: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] | None = None
    policy: Policy | None = field(default=None, repr=False)
    policy_text: str | None = field(default=None, repr=False)
    policy_ids: Mapping[str, str] = field(default_factory=dict, repr=False)
    rotation: Rotation = field(default_factory=Rotation)
    accessed_on: float | None = None
    deleted_at: float | None = None
    deletion_at: float | None = None
    primary_region: str | None = None
    primary_id: int | None = None
    replicas: tuple[Replica, ...] = ()
    link: Link | None = None
    arn: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arn", arn_of(self.account, self.region, f"{self.name}-{self.suffix}"))

    @property
    def key_arn(self) -> str:
        """Of the key, or of its alias, that new versions are sealed under."""
        return key_arn_of(self.account, self.region, self.key)

    @property
    def follows(self) -> bool:
        """Whether it is a replica of a secret of another account, associated or not."""
        return self.link is not None and self.link.replica

    @property
    def leads(self) -> bool:
        """Whether a secret of another account has been associated with it, which may be detached by now."""
        return self.link is not None and not self.link.replica

    @property
    def everywhere(self) -> list[str]:
        """ARNs under which its values are read: its own, and its copies'."""
        tail = f"{self.name}-{self.suffix}"
        copies = [arn_of(self.account, one.region, tail) for one in self.replicas if one.id is not None]
        beyond = [self.link.arn] if self.leads and self.link is not None else []
        return [self.arn, *copies, *beyond]

    @property
    def stages(self) -> dict[str, list[str]]:
        """Version id to its labels, in alphabetical order (no order is promised)."""
        found: dict[str, list[str]] = {}
        for label, version in sorted(self.labels.items()):
            found.setdefault(version, []).append(label)
        return found


def arn_of(account: str, region: str, tail: str) -> str:
    return f"arn:aws:secretsmanager:{region}:{account}:secret:{tail}"


def key_arn_of(account: str, region: str, named: str | None) -> str:
    named = named or DEFAULT_KEY
    if named.startswith("arn:"):
        return named
    return f"arn:aws:kms:{region}:{account}:{named if named.startswith('alias/') else 'key/' + named}"
