"""The one door to keys: nothing reaches a key, its record or its material but through here."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import insert, select

from keystead.access.decision import Combine
from keystead.access.errors import AccessDenied
from keystead.access.request import Values
from keystead.database.cache import Cache
from keystead.database.engine import Database, Transaction
from keystead.database.feed import EVERYTHING, Feed
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.identities.room import Identities
from keystead.keyholder.ciphertext import canonical, material_id_of
from keystead.keyholder.errors import CiphertextInvalid
from keystead.keyholder.promise import SYMMETRIC_DEFAULT, Keyholder, Material
from keystead.keys import grants, managed, names, records, states
from keystead.keys.conditions import KeyContext
from keystead.keys.errors import (
    AlgorithmWrong,
    AliasNotFound,
    CiphertextOfUnknownKey,
    DryRunSucceeded,
    GrantTokenInvalid,
    KeyFault,
    KeyMismatch,
    KeyNotFound,
    UsageWrong,
)
from keystead.keys.key import AWS_KMS, DAY, ENCRYPT_DECRYPT, Key, Manager, State
from keystead.keys.store import ALIAS_KIND, KIND, aliases, keys, materials, policy_history
from keystead.keys.tokens import is_token

KNOWN: Final = 10_000
"""Keys kept by one process."""
NO_CONTEXT: Final[Mapping[str, str]] = {}
RESOURCE: Final = "AWS::KMS::Key"

CROSS_ACCOUNT: Final = frozenset(
    {
        "CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
        "GetKeyRotationStatus", "ListGrants", "ReEncryptFrom", "ReEncryptTo", "RetireGrant", "RevokeGrant",
    }
)  # fmt: skip
"""Operations that reach another account's key (KMS developer guide, permissions reference)."""
HIDDEN: Final = (
    "User: {arn} is not authorized to perform: {action} on this resource because the resource does not exist in this "
    "Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
)


@dataclass(frozen=True, slots=True)
class Use:
    """Leave to use a key's material for one operation. Only `Keys.use` makes one."""

    key: Key
    _keyholder: Keyholder = field(repr=False)
    _context: bytes = field(repr=False)
    _opens: Material | None = field(default=None, repr=False)

    @property
    def material_id(self) -> str:
        return (self._opens or self.key.material).material_id

    async def encrypt(self, plaintext: bytes) -> bytes:
        return await self._keyholder.encrypt(self.key.material, plaintext, self._context)

    async def decrypt(self, blob: bytes) -> bytes:
        """Raises CiphertextInvalid."""
        return await self._keyholder.decrypt(self._opens or self.key.material, blob, self._context)

    async def generate_data_key(self, length: int) -> tuple[bytes, bytes]:
        return await self._keyholder.generate_data_key(self.key.material, length, self._context)

    async def generate_data_key_without_plaintext(self, length: int) -> bytes:
        return await self._keyholder.generate_data_key_without_plaintext(self.key.material, length, self._context)

    async def reencrypt(self, blob: bytes, target: "Use") -> bytes:
        """The plaintext stays in the keyholder. Raises CiphertextInvalid."""
        opens = self._opens or self.key.material
        return await self._keyholder.reencrypt(opens, blob, self._context, target.key.material, target._context)


class Keys:
    """The room. What changes keys are functions over it, in the files beside this one."""

    def __init__(
        self,
        database: Database,
        feed: Feed,
        keyholder: Keyholder,
        identities: Identities,
        clock: Callable[[], float],
    ) -> None:
        self.database = database
        self.keyholder = keyholder
        self.identities = identities
        self.clock = clock
        self._feed = feed
        self._keys: Cache[tuple[str, str], Key] = Cache(feed, KNOWN)
        self._aliases: Cache[tuple[str, str, str], str] = Cache(feed, KNOWN)
        self._materials: Cache[tuple[str, str], str] = Cache(feed, KNOWN)
        feed.on(KIND, self._evict_key)
        feed.on(ALIAS_KIND, lambda _: self._aliases.clear())

    def _evict_key(self, changed: str) -> None:
        if changed == EVERYTHING:
            self._keys.clear()
            self._materials.clear()
            return
        region, _, key_id = changed.partition("/")
        self._keys.evict((region, key_id))
        self._materials.evict_where(lambda held: held == key_id)

    async def use(
        self,
        call: Call,
        operation: str,
        named: str,
        *,
        context: Mapping[str, str] = NO_CONTEXT,
        algorithm: str = SYMMETRIC_DEFAULT,
        grant_tokens: Sequence[str] = (),
        asked: Mapping[str, Values] | None = None,
    ) -> Use:
        """Leave to encrypt with a key, or the error that says why not.

        1. find the key the caller named        4. check its usage and the algorithm
        2. decide whether the caller may        5. note the material for the record
        3. check its state                      6. hand out a Use; nothing else reaches the keyholder
        """
        key = await self.admit(
            call,
            operation,
            named,
            aliases=True,
            context=context,
            grant_tokens=grant_tokens,
            asked={"kms:encryptionalgorithm": (algorithm,), **(asked or {})},
        )
        return self._leave(call, operation, key, context, algorithm, None)

    async def use_to_open(
        self,
        call: Call,
        operation: str,
        blob: bytes,
        *,
        named: str | None,
        context: Mapping[str, str] = NO_CONTEXT,
        algorithm: str = SYMMETRIC_DEFAULT,
        grant_tokens: Sequence[str] = (),
        asked: Mapping[str, Values] | None = None,
    ) -> Use:
        """Leave to open a blob: as `use`, but the blob names the key, and a name given besides must agree.

        Raises CiphertextInvalid for what is no blob, KeyMismatch, CiphertextOfUnknownKey.
        """
        conditions = {"kms:encryptionalgorithm": (algorithm,), **(asked or {})}
        if named is not None:
            key = await self.admit(
                call, operation, named, aliases=True, context=context, grant_tokens=grant_tokens, asked=conditions
            )
            if algorithm == SYMMETRIC_DEFAULT:
                material = key.holding(material_id_of(blob))
                if material is None:
                    raise KeyMismatch
        else:
            key = await self._of_blob(call, material_id_of(blob))
            try:
                self._decide(call, operation, key, context, grant_tokens, conditions)
            except AccessDenied:
                if key.account == call.account:
                    raise
                raise CiphertextOfUnknownKey from None
            material = key.holding(material_id_of(blob))
            states.check(key, operation)
        return self._leave(
            call, operation, key, context, algorithm, material if algorithm == SYMMETRIC_DEFAULT else None
        )

    async def admit(
        self,
        call: Call,
        operation: str,
        named: str,
        *,
        aliases: bool = False,
        context: Mapping[str, str] | None = None,
        grant_tokens: Sequence[str] = (),
        asked: Mapping[str, Values] | None = None,
    ) -> Key:
        """The key, once the caller may do this operation on it and its state allows it; steps 1 to 3."""
        place = names.read(call, named, aliases=aliases)
        if aliases and place.alias is not None:
            asked = {**(asked or {}), "kms:requestalias": (place.alias,)}
        key = await self._find(call, operation, place)
        self._decide(call, operation, key, context, grant_tokens, asked)
        states.check(key, operation)
        return key

    async def same_key(self, call: Call, blob: bytes | None, source: str | None, target: str) -> bool | None:
        """Whether a source, named or in a blob, and a target are one key; None where one of them is not found."""
        try:
            found = await self._load_named(names.read(call, target, aliases=True))
            if source is not None:
                held = await self._load_named(names.read(call, source, aliases=True))
            else:
                held = await self._of_blob(call, material_id_of(blob or b""))
        except (KeyFault, CiphertextInvalid):
            return None
        return None if found is None or held is None else found.arn == held.arn

    async def find(self, call: Call, operation: str, named: str, *, aliases: bool = False) -> Key:
        """Step 1 alone. THE CALLER MUST STILL decide with `decide`."""
        return await self._find(call, operation, names.read(call, named, aliases=aliases))

    def decide(self, call: Call, operation: str, key: Key, asked: Mapping[str, Values] | None = None) -> None:
        """Step 2 alone, for operations that ask about several keys. Raises AccessDenied."""
        self._decide(call, operation, key, None, (), asked)

    async def _find(self, call: Call, operation: str, place: names.Named) -> Key:
        foreign = place.account != call.account
        key = None
        if not foreign or operation in CROSS_ACCOUNT:
            key = await self._load_named(place)
            if key is None and place.alias is not None and not foreign and managed.service_of(place.alias):
                key = await self._make_managed(call, place.alias)
        if key is not None and key.manager is not Manager.AWS_OWNED:
            return key
        if foreign:
            call.decided = True
            raise AccessDenied(HIDDEN.format(arn=call.caller.principal.arn, action=f"kms:{operation}"))
        raise (KeyNotFound if place.alias is None else AliasNotFound)(place.arn)

    async def _load_named(self, place: names.Named) -> Key | None:
        key_id = place.key_id
        if key_id is None:
            key_id = await self._target(place.account, place.region, place.alias or "")
        key = await self.load(place.region, key_id) if key_id is not None else None
        return key if key is not None and key.account == place.account else None

    async def load(self, region: str, key_id: str) -> Key | None:
        """The key's record, cached. THE CALLER MUST STILL decide."""
        kept = self._keys.get((region, key_id))
        if kept is not None:
            return kept
        generation = self._feed.generation
        async with self.database.read() as connection:
            key = await records.load(connection, region, key_id)
        if key is not None:
            self._keys.keep((region, key_id), key, generation)
        return key

    async def _target(self, account: str, region: str, alias: str) -> str | None:
        kept = self._aliases.get((account, region, alias))
        if kept is not None:
            return kept
        generation = self._feed.generation
        query = select(aliases.c.key_id).filter_by(account=account, region=region, name=alias)
        async with self.database.read() as connection:
            found: str | None = (await connection.execute(query)).scalar()
        if found is not None:
            self._aliases.keep((account, region, alias), found, generation)
        return found

    async def _of_blob(self, call: Call, material_id: str) -> Key:
        kept = self._materials.get((call.region, material_id))
        if kept is None:
            generation = self._feed.generation
            query = select(materials.c.key_id).filter_by(region=call.region, material_id=material_id)
            async with self.database.read() as connection:
                kept = (await connection.execute(query)).scalar()
            if kept is not None:
                self._materials.keep((call.region, material_id), kept, generation)
        key = await self.load(call.region, kept) if kept is not None else None
        if key is None or key.manager is Manager.AWS_OWNED:
            call.decided = True
            raise CiphertextOfUnknownKey
        return key

    def _decide(
        self,
        call: Call,
        operation: str,
        key: Key,
        context: Mapping[str, str] | None,
        grant_tokens: Sequence[str],
        asked: Mapping[str, Values] | None,
    ) -> None:
        for token in grant_tokens:
            if not is_token(token):
                raise GrantTokenInvalid
        call.notes.resource(key.account, RESOURCE, key.arn)
        authorize(
            call,
            f"kms:{operation}",
            key.arn,
            combine=Combine.KEY,
            resource_account=key.account,
            resource_policy=key.policy,
            extra=KeyContext(call, key, context, asked),
            grant=self._grant(call, operation, key, context) if key.grants else None,
            hidden=key.account != call.account,
        )

    def _grant(
        self, call: Call, operation: str, key: Key, context: Mapping[str, str] | None
    ) -> Callable[[], str | None]:
        def find() -> str | None:
            found = grants.find(key.grants, call.caller.principal, operation, context, None)
            return found.id if found else None

        return find

    def _leave(
        self,
        call: Call,
        operation: str,
        key: Key,
        context: Mapping[str, str],
        algorithm: str,
        opens: Material | None,
    ) -> Use:
        if key.usage != ENCRYPT_DECRYPT:
            raise UsageWrong(key.arn, key.usage, operation)
        if algorithm not in key.algorithms:
            raise AlgorithmWrong(algorithm, key.spec)
        use = Use(key, self.keyholder, canonical(context) if context else b"", opens)
        call.notes.additional["keyMaterialId"] = use.material_id
        return use

    # --- making keys --------------------------------------------------------------------------------------------------

    async def _make_managed(self, call: Call, alias: str) -> Key:
        """The AWS managed key of a service, which comes into being when it is first asked for."""
        service = managed.service_of(alias) or ""
        text = managed.policy(service, call.account, call.region)
        record = record_of(
            call.account,
            call.region,
            manager=Manager.AWS,
            description=managed.description(service),
            policy=text,
            policy_ids={},
            now=self.clock(),
        )
        record |= {
            "rotation_period": managed.ROTATION_DAYS,
            "rotation_next_at": record["created_at"] + managed.ROTATION_DAYS * DAY,
        }
        material = await self.keyholder.create_material(record["id"], record["spec"])
        async with self.database.write(call.id) as tx:
            there = select(aliases.c.key_id).filter_by(account=call.account, region=call.region, name=alias)
            already: str | None = (await tx.execute(there)).scalar()
            if already is None:
                await insert_key(tx, record, material)
                await insert_alias(tx, call.account, call.region, alias, record["id"])
        key = await self.load(call.region, already or record["id"])
        if key is None:
            raise KeyNotFound(alias)
        return key

    async def make(self, call: Call, record: dict[str, object], tags_: Mapping[str, str]) -> Key:
        """A new key from its record. THE CALLER HAS DECIDED."""
        from keystead.keys.tags import insert_tags

        material = await self.keyholder.create_material(str(record["id"]), str(record["spec"]))
        async with self.database.write(call.id) as tx:
            await insert_key(tx, record, material)
            await insert_tags(tx, call.region, str(record["id"]), tags_)
        key = await self.load(call.region, str(record["id"]))
        if key is None:
            raise KeyNotFound(str(record["id"]))
        return key


def record_of(
    account: str,
    region: str,
    *,
    manager: Manager,
    description: str,
    policy: str,
    policy_ids: Mapping[str, str],
    now: float,
) -> dict[str, object]:
    """The row of a new symmetric key."""
    return {
        "region": region,
        "id": str(uuid.uuid4()),
        "account": account,
        "spec": SYMMETRIC_DEFAULT,
        "usage": ENCRYPT_DECRYPT,
        "origin": AWS_KMS,
        "manager": manager.value,
        "state": State.ENABLED.value,
        "description": description,
        "created_at": now,
        "on_demand_rotations": 0,
        "policy": policy,
        "policy_ids": dict(policy_ids),
        "multi_region": False,
    }


async def insert_key(tx: Transaction, record: Mapping[str, object], material: Material) -> None:
    await tx.execute(insert(keys).values(**record))
    await insert_material(tx, str(record["region"]), material, 1, None)
    await note_policy(tx, str(record["region"]), str(record["id"]), record["policy"], record["policy_ids"])
    tx.changed(KIND, f"{record['region']}/{record['id']}")


async def insert_material(
    tx: Transaction, region: str, material: Material, version: int, rotation_type: str | None
) -> None:
    row = {
        "region": region,
        "key_id": material.key_id,
        "version": version,
        "material_id": material.material_id,
        "token": material.token,
        "made_at": tx.at,
        "rotation_type": rotation_type,
    }
    await tx.execute(insert(materials).values(**row))


async def insert_alias(tx: Transaction, account: str, region: str, name: str, key_id: str) -> None:
    row = {"account": account, "region": region, "name": name, "key_id": key_id}
    await tx.execute(insert(aliases).values(**row, created_at=tx.at, updated_at=tx.at))
    tx.changed(ALIAS_KIND, f"{account}/{region}/{name}")
    tx.changed(KIND, f"{region}/{key_id}")


async def note_policy(tx: Transaction, region: str, key_id: str, policy: object, ids: object) -> None:
    """Append to the history of who was allowed what."""
    row = {"at": tx.at, "because": tx.because, "region": region, "key_id": key_id, "policy": policy, "policy_ids": ids}
    await tx.execute(insert(policy_history).values(**row))


def dry_run_ends(dry_run: bool) -> None:
    """Everything but the act has been done. Raises DryRunSucceeded when that was all that was asked."""
    if dry_run:
        raise DryRunSucceeded
