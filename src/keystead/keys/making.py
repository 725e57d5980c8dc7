"""Makes keys: their record, first material, alias and tags, in one transaction."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert

from keystead.database.engine import Transaction
from keystead.keyholder.promise import ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT, Material
from keystead.keys import managed
from keystead.keys.key import AWS_KMS, DAY, EXTERNAL, Key, Manager, Rotation, State
from keystead.keys.policies import Checked
from keystead.keys.store import ALIAS_KIND, KIND, aliases, keys, materials, policy_history, tags
from keystead.stores.key_store import KeyStore


@dataclass(frozen=True, slots=True)
class Plan:
    """A key that is about to be made."""

    account: str
    region: str
    policy: Checked
    created_at: float
    manager: Manager = Manager.CUSTOMER
    spec: str = SYMMETRIC_DEFAULT
    usage: str = ENCRYPT_DECRYPT
    origin: str = AWS_KMS
    description: str = ""
    rotation: Rotation = field(default_factory=Rotation)
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    primary_region: str | None = None
    key_store: KeyStore | None = None
    external_key_id: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def state(self) -> State:
        return State.PENDING_IMPORT if self.origin == EXTERNAL else State.ENABLED

    def key(self) -> Key:
        """The key as it will be, without material: enough to decide about it before it exists."""
        return Key(
            account=self.account,
            region=self.region,
            id=self.id,
            spec=self.spec,
            usage=self.usage,
            origin=self.origin,
            manager=self.manager,
            state=self.state,
            description=self.description,
            created_at=self.created_at,
            versions=(),
            rotation=self.rotation,
            policy=self.policy.policy,
            policy_text=self.policy.text,
            policy_ids=self.policy.ids,
            tags=self.tags,
            aliases=self.aliases,
            primary_region=self.primary_region,
            key_store=self.key_store,
            external_key_id=self.external_key_id,
        )

    def row(self) -> dict[str, Any]:
        return {
            "region": self.region,
            "id": self.id,
            "account": self.account,
            "spec": self.spec,
            "usage": self.usage,
            "origin": self.origin,
            "manager": self.manager.value,
            "state": self.state.value,
            "description": self.description,
            "created_at": self.created_at,
            "rotation_period": self.rotation.period,
            "rotation_next_at": self.rotation.next_at,
            "on_demand_rotations": self.rotation.on_demand,
            "policy": self.policy.text,
            "policy_ids": dict(self.policy.ids),
            "multi_region": self.primary_region is not None,
            "primary_region": self.primary_region,
            "store_id": self.key_store.id if self.key_store else None,
            "external_key_id": self.external_key_id,
        }


def managed_plan(service: str, account: str, region: str, now: float) -> Plan:
    """The AWS managed key of a service."""
    return Plan(
        account=account,
        region=region,
        policy=Checked.trusted(managed.policy(service, account, region)),
        created_at=now,
        manager=Manager.AWS,
        description=managed.description(service),
        rotation=Rotation(managed.ROTATION_DAYS, now + managed.ROTATION_DAYS * DAY),
        aliases=(managed.PREFIX + service,),
    )


async def insert_key(tx: Transaction, plan: Plan, material: Material | None) -> None:
    """Without material, which is to be imported, or with its first."""
    await tx.execute(insert(keys).values(**plan.row()))
    if material is not None:
        await insert_material(tx, plan.region, material, 1, None)
    await insert_tags(tx, plan.region, plan.id, plan.tags)
    for name in plan.aliases:
        await insert_alias(tx, plan.account, plan.region, name, plan.id)
    await note_policy(tx, plan.region, plan.id, plan.policy.text, plan.policy.ids)
    tx.changed(KIND, f"{plan.region}/{plan.id}")


async def insert_material(
    tx: Transaction, region: str, material: Material, version: int, rotation_type: str | None
) -> None:
    row = material_row(region, material, version, tx.at)
    await tx.execute(insert(materials).values(**row, rotation_type=rotation_type))


def material_row(region: str, material: Material, version: int, at: float) -> dict[str, Any]:
    return {
        "region": region,
        "key_id": material.key_id,
        "version": version,
        "material_id": material.material_id,
        "token": material.token,
        "made_at": at,
    }


async def insert_alias(tx: Transaction, account: str, region: str, name: str, key_id: str) -> None:
    row = {"account": account, "region": region, "name": name, "key_id": key_id}
    await tx.execute(insert(aliases).values(**row, created_at=tx.at, updated_at=tx.at))
    tx.changed(ALIAS_KIND, f"{account}/{region}/{name}")
    tx.changed(KIND, f"{region}/{key_id}")


async def insert_tags(tx: Transaction, region: str, key_id: str, given: Mapping[str, str]) -> None:
    if given:
        rows = [{"region": region, "key_id": key_id, "name": name, "value": value} for name, value in given.items()]
        await tx.execute(insert(tags), rows)


async def note_policy(tx: Transaction, region: str, key_id: str, policy: str | None, ids: Mapping[str, str]) -> None:
    """Append to the history of who was allowed what; no policy means that the key is gone."""
    row = {"region": region, "key_id": key_id, "policy": policy, "policy_ids": dict(ids)}
    await tx.execute(insert(policy_history).values(at=tx.at, because=tx.because, **row))
