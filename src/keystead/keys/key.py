"""The record of a key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from keystead.access.policy import Policy
from keystead.keyholder.promise import Material
from keystead.keys.errors import KeyPendingImport
from keystead.keys.specs import SPECS, Kind
from keystead.stores.key_store import KeyStore

AWS_KMS: Final = "AWS_KMS"
EXTERNAL: Final = "EXTERNAL"
"""Origin of a key whose material is imported."""
AWS_CLOUDHSM: Final = "AWS_CLOUDHSM"
EXTERNAL_KEY_STORE: Final = "EXTERNAL_KEY_STORE"
"""Origins of keys in custom key stores, named as the types of stores are."""
DAY: Final = 86_400.0


class State(StrEnum):
    """KeyState of KMS's model."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    PENDING_DELETION = "PendingDeletion"
    PENDING_REPLICA_DELETION = "PendingReplicaDeletion"
    PENDING_IMPORT = "PendingImport"
    UNAVAILABLE = "Unavailable"
    CREATING = "Creating"
    UPDATING = "Updating"


class Manager(StrEnum):
    """Whose key it is. AWS_OWNED ones are invisible to callers."""

    CUSTOMER = "CUSTOMER"
    AWS = "AWS"
    AWS_OWNED = "AWS_OWNED"


@dataclass(frozen=True, slots=True)
class Rotation:
    """period  days, 90 to 2560; None: automatic rotation is off
    next_at   seconds since the epoch, counted from when it was enabled
    on_demand  how many of the 25 are used
    """

    period: int | None = None
    next_at: float | None = None
    on_demand: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """One material of a key. The first has neither date nor type of a rotation.

    material     its token is empty while imported material is away: expired, deleted, or still to come
    expires_at   of imported material that expires, seconds since the epoch
    description  of imported material, where one was given
    """

    material: Material
    made_at: float
    rotation_type: str | None
    expires_at: float | None = None
    description: str | None = None

    @property
    def id(self) -> str:
        return self.material.material_id

    @property
    def present(self) -> bool:
        return bool(self.material.token)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as one moment knows it: immutable, cached, and replaced when anything about it changes.

    versions   newest last; the newest encrypts, all decrypt; none before the first import
    pending    imported material that the next rotation on demand will make the newest
    expires_at   when the first of its versions expires
    key_store    the custom key store that it is in
    external_key_id   of a key in an external key store: what its proxy calls the external key
    primary_region   of a multi-Region key, the Region that leads
    replicas     the other Regions that it is in
    pending_everywhere   whether the pending material has been imported in all of them
    pending_days   of a primary key that waits for its replicas to be deleted: the window that follows
    aliases    names, `alias/…`
    granted    whether any grant on it is live
    policy_ids  user and role ARNs of the policy to the unique ids they had when it was put
    """

    account: str
    region: str
    id: str
    spec: str
    usage: str
    origin: str
    manager: Manager
    state: State
    description: str
    created_at: float
    versions: tuple[Version, ...]
    rotation: Rotation
    policy: Policy = field(repr=False)
    policy_text: str = field(repr=False)
    policy_ids: Mapping[str, str] = field(repr=False)
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    granted: bool = False
    deletion_at: float | None = None
    primary_region: str | None = None
    replicas: tuple[str, ...] = ()
    pending: Version | None = None
    pending_everywhere: bool = False
    pending_days: int | None = None
    expires_at: float | None = None
    key_store: KeyStore | None = None
    external_key_id: str | None = None
    arn: str = field(init=False, compare=False)
    algorithms: tuple[str, ...] = field(init=False, compare=False)
    kind: Kind = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """What every use looks at."""
        spec = SPECS[self.spec]
        object.__setattr__(self, "arn", arn_of(self.account, self.region, self.id))
        object.__setattr__(self, "algorithms", spec.usages.get(self.usage, ()))
        object.__setattr__(self, "kind", spec.kind)

    @property
    def enabled(self) -> bool:
        return self.state is State.ENABLED

    @property
    def multi_region(self) -> bool:
        return self.primary_region is not None

    @property
    def is_replica(self) -> bool:
        return self.primary_region not in {None, self.region}

    @property
    def multi_region_type(self) -> str | None:
        """MultiRegionKeyType of KMS's model."""
        if not self.multi_region:
            return None
        return "REPLICA" if self.is_replica else "PRIMARY"

    @property
    def regions(self) -> tuple[str, ...]:
        """All that the key is in, the primary one first."""
        return (self.primary_region or self.region, *self.replicas)

    @property
    def material(self) -> Material:
        """What encrypts. Raises KeyPendingImport."""
        if not self.versions:
            raise KeyPendingImport(self.arn)
        return self.versions[-1].material

    @property
    def material_id(self) -> str:
        """Of what encrypts; empty before the first import."""
        return self.versions[-1].id if self.versions else ""

    @property
    def complete(self) -> bool:
        """Whether all material is there that anything was ever encrypted under."""
        return bool(self.versions) and all(version.present for version in self.versions)

    def holding(self, material_id: str) -> Material | None:
        for version in reversed(self.versions):
            if version.material.material_id == material_id:
                return version.material
        return None

    def version(self, material_id: str) -> Version | None:
        """Likewise, the pending one included."""
        return next((v for v in self.every_version if v.id == material_id), None)

    @property
    def every_version(self) -> tuple[Version, ...]:
        return (*self.versions, self.pending) if self.pending else self.versions


def effective(state: State, key_store: KeyStore | None) -> State:
    """While its store is not connected, a key is unavailable; one that is to be deleted stays so (KMS developer guide)."""
    away = key_store is not None and not key_store.connected
    return State.UNAVAILABLE if away and state in {State.ENABLED, State.DISABLED} else state


def arn_of(account: str, region: str, key_id: str) -> str:
    return f"arn:aws:kms:{region}:{account}:key/{key_id}"


def alias_arn(account: str, region: str, name: str) -> str:
    return f"arn:aws:kms:{region}:{account}:{name}"
