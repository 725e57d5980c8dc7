"""The one door to keys: nothing reaches a key, its record or its material but through here."""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import select

from keystead.access import texts
from keystead.access.decision import Combine
from keystead.access.errors import AccessDenied
from keystead.access.request import Values
from keystead.attestation.verification import Root
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.identities.room import Identities
from keystead.keyholder.ciphertext import canonical, material_id_of
from keystead.keyholder.errors import CiphertextInvalid
from keystead.keyholder.promise import SYMMETRIC_DEFAULT, Keyholder, Material
from keystead.keys import grants, making, managed, names, states
from keystead.keys.conditions import KeyContext
from keystead.keys.errors import (
    AliasNotFound,
    CiphertextOfUnknownKey,
    DryRunSucceeded,
    GrantTokenInvalid,
    KeyFault,
    KeyMismatch,
    KeyNotFound,
    KeyPendingImport,
    ParameterWrong,
)
from keystead.keys.forgetting import Forgetting
from keystead.keys.key import EXTERNAL, Key, Manager
from keystead.keys.known import LIMIT, Known
from keystead.keys.leave import NEEDS, Use, check_public, check_store, check_usage
from keystead.keys.making import Plan
from keystead.keys.quotas import CREATE, CREATING, MANAGEMENT, SYMMETRIC, Quotas, Rates, check_keys, group_of
from keystead.keys.specs import Kind
from keystead.keys.store import aliases
from keystead.keys.tokens import is_token
from keystead.stores.outer import Outer
from keystead.stores.proxy import Caller, Proxies
from keystead.stores.room import Stores

NO_CONTEXT: Final[Mapping[str, str]] = {}
NOTHING_ASKED: Final[Mapping[str, Values]] = {}
RESOURCE: Final = "AWS::KMS::Key"

CROSS_ACCOUNT: Final = frozenset(
    {
        "CreateGrant", "Decapsulate", "Decrypt", "DeriveSharedSecret", "DescribeKey", "Encapsulate", "Encrypt",
        "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetKeyRotationStatus", "GetPublicKey", "ListGrants",
        "ReEncryptFrom", "ReEncryptTo", "RetireGrant", "RevokeGrant", "Sign", "Verify", "VerifyMac",
    }
)  # fmt: skip
"""Operations that reach another account's key (KMS developer guide, permissions reference)."""


class Asked(msgspec.Struct, frozen=True):
    """What a call asks besides the key's name.

    context     the encryption context; None where the operation has none
    conditions  the service's condition keys that come from the request, in lower case
    """

    context: Mapping[str, str] | None = None
    grant_tokens: Sequence[str] = ()
    conditions: Mapping[str, Values] = {}


class Keys:
    """The room. What changes keys are functions over it, in the files beside this one."""

    def __init__(
        self,
        database: Database,
        feed: Feed,
        keyholder: Keyholder,
        identities: Identities,
        clock: Callable[[], float],
        *,
        cached: int = LIMIT,
        regions: Container[str] = (),
        trusted: Sequence[Root] = (),
        stores: Stores | None = None,
        quotas: Quotas = Quotas(),  # noqa: B008  # immutable
    ) -> None:
        """`cached` bounds how much is kept in memory: so many keys, aliases and grants. `regions` are those served here,
        `trusted` the roots of attestation documents.
        """
        self.database = database
        self.keyholder = keyholder
        self.identities = identities
        self.clock = clock
        self.regions = regions
        self.trusted = trusted
        self.stores = stores or Stores(keyholder, Proxies(keyholder, clock))
        self.quotas = quotas
        self.rates = Rates(quotas.rates) if quotas.rates else None
        self.known = Known(database, feed, cached)
        self._forgetting = Forgetting(feed, keyholder)

    async def use(
        self,
        call: Call,
        operation: str,
        named: str,
        *,
        context: Mapping[str, str] | None = NO_CONTEXT,
        algorithm: str = SYMMETRIC_DEFAULT,
        grant_tokens: Sequence[str] = (),
        asked: Mapping[str, Values] = NOTHING_ASKED,
    ) -> Use:
        """Leave to do something with a key's newest material, or the error that says why not.

        `context` is None for an operation that has none.

        1. find the key the caller named        4. check its usage and the algorithm
        2. decide whether the caller may        5. note the material for the record
        3. check its state                      6. hand out a Use; nothing else reaches the keyholder
        """
        conditions = {NEEDS[operation].condition: (algorithm,), **asked}
        key = await self.admit(
            call,
            operation,
            named,
            aliases=True,
            context=context,
            grant_tokens=grant_tokens,
            asked=conditions,
        )
        check_usage(key, operation, algorithm)
        check_store(key, operation)
        return self._leave(call, key, key.material, context, algorithm)

    async def use_public(self, call: Call, named: str, *, grant_tokens: Sequence[str] = ()) -> tuple[Key, bytes]:
        """A key and its public half, in any usage. Raises NoPublicKey."""
        key = await self.admit(call, "GetPublicKey", named, aliases=True, grant_tokens=grant_tokens)
        check_public(key)
        return key, await self.keyholder.public_key(key.material)

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
        asked: Mapping[str, Values] = NOTHING_ASKED,
    ) -> Use:
        """Leave to open a blob: as `use`, but the blob names the key, and a name given besides must agree.

        Raises CiphertextInvalid for what is no blob, KeyMismatch, CiphertextOfUnknownKey.
        """
        wanted = Asked(context, grant_tokens, {NEEDS[operation].condition: (algorithm,), **asked})
        if named is None and algorithm != SYMMETRIC_DEFAULT:
            raise ParameterWrong(f"KeyId is required with EncryptionAlgorithm {algorithm}.")
        if named is None:
            key = await self._of_blob(call, operation, blob, wanted)
        else:
            key = await self._of_name_or_blob(call, operation, named, blob, wanted)
        states.check(key, operation)
        if algorithm == SYMMETRIC_DEFAULT and key.kind is Kind.SYMMETRIC:
            material = key.holding(material_id_of(blob))
        else:
            material = None if await self._is_foreign(call, key, blob) else key.material
        if material is None:
            raise KeyMismatch
        check_usage(key, operation, algorithm)
        return self._leave(call, key, material, context, algorithm)

    async def admit(
        self,
        call: Call,
        operation: str,
        named: str,
        *,
        aliases: bool = False,
        context: Mapping[str, str] | None = None,
        grant_tokens: Sequence[str] = (),
        asked: Mapping[str, Values] = NOTHING_ASKED,
    ) -> Key:
        """The key, once the caller may do this operation on it and its state allows it; steps 1 to 3."""
        place = names.read(call, named, aliases=aliases)
        key = await self._admitted(call, operation, place, Asked(context, grant_tokens, asked))
        states.check(key, operation)  # 3
        return key

    async def find(self, call: Call, operation: str, named: str, *, aliases: bool = False) -> Key:
        """Step 1 alone. THE CALLER MUST STILL decide with `decide`."""
        place = names.read(call, named, aliases=aliases)
        return self._visible(call, operation, place, await self._reach(call, operation, place))

    async def decide(self, call: Call, operation: str, key: Key, asked: Asked | None = None) -> None:
        """Step 2 alone. Raises AccessDenied, GrantTokenInvalid."""
        asked = asked or Asked()
        if asked.grant_tokens and not all(map(is_token, asked.grant_tokens)):
            raise GrantTokenInvalid
        call.notes.resource(key.account, RESOURCE, key.arn)
        held = await self.known.grants(key, call.caller.principal) if key.granted else ()

        def granted() -> str | None:
            found = grants.find(held, call.caller.principal, operation, asked.context, None)
            return found.id if found else None

        authorize(
            call,
            f"kms:{operation}",
            key.arn,
            combine=Combine.KEY,
            resource_account=key.account,
            resource_policy=key.policy,
            extra=KeyContext(call, key, asked.context, asked.conditions),
            grant=granted if held else None,
            hidden=key.account != call.account,
        )

    async def is_same_key(self, call: Call, blob: bytes | None, source: str | None, target: str) -> bool | None:
        """Whether a source, named or in a blob, and a target are one key; None where one of them is not found."""
        try:
            found = await self._named(names.read(call, target, aliases=True))
            if source is not None:
                held = await self._named(names.read(call, source, aliases=True))
            else:
                held = await self._held(call, blob or b"")
        except (KeyFault, CiphertextInvalid):
            return None
        return None if found is None or held is None else found.arn == held.arn

    async def arn_behind(self, call: Call, named: str) -> str:
        """The ARN of the key that is named, for a condition key; the name itself where there is no such key."""
        try:
            found = await self._named(names.read(call, named, aliases=True))
        except KeyFault:
            return named
        return found.arn if found is not None else named

    # --- finding ------------------------------------------------------------------------------------------------------

    async def _admitted(self, call: Call, operation: str, place: names.Named, asked: Asked) -> Key:
        if place.alias is not None:
            asked = Asked(asked.context, asked.grant_tokens, {**asked.conditions, "kms:requestalias": (place.alias,)})
        found = await self._reach(call, operation, place)
        if found is None and place.account == call.account:
            service = managed.service_of(place.alias or "")
            if service is not None:
                return await self._managed(call, operation, service, asked)
        key = self._visible(call, operation, place, found)  # 1
        await self.decide(call, operation, key, asked)  # 2
        return key

    async def _reach(self, call: Call, operation: str, place: names.Named) -> Key | None:
        if place.account != call.account and operation not in CROSS_ACCOUNT:
            return None
        return await self._named(place)

    async def _named(self, place: names.Named) -> Key | None:
        key_id = place.key_id
        if key_id is None:
            key_id = await self.known.target(place.account, place.region, place.alias or "")
        key = await self.known.key(place.region, key_id) if key_id is not None else None
        return key if key is not None and key.account == place.account else None

    def _visible(self, call: Call, operation: str, place: names.Named, key: Key | None) -> Key:
        """AWS owned keys are nobody's to see; whether another account's key exists is not said."""
        if key is not None and key.manager is not Manager.AWS_OWNED:
            return key
        if place.account != call.account:
            call.decided = True
            raise AccessDenied(texts.hiding(call.caller.principal.arn, f"kms:{operation}"))
        raise (KeyNotFound if place.alias is None else AliasNotFound)(place.arn)

    async def _held(self, call: Call, blob: bytes) -> Key | None:
        """The key whose material sealed the blob. Raises CiphertextInvalid."""
        held = await self.known.holder(call.region, material_id_of(blob))
        return await self.known.key(call.region, held) if held is not None else None

    async def _is_foreign(self, call: Call, key: Key, blob: bytes) -> bool:
        """Whether a blob is a symmetric key's other than this one, which counts before usage and algorithm do."""
        try:
            held = await self._held(call, blob)
        except CiphertextInvalid:
            return False
        return held is not None and held.arn != key.arn

    async def _of_blob(self, call: Call, operation: str, blob: bytes, asked: Asked) -> Key:
        key = await self._held(call, blob)
        if key is None or key.manager is Manager.AWS_OWNED:
            call.decided = True
            raise CiphertextOfUnknownKey
        try:
            await self.decide(call, operation, key, asked)
        except AccessDenied:
            if key.account == call.account:
                raise
            raise CiphertextOfUnknownKey from None
        return key

    async def _of_name_or_blob(self, call: Call, operation: str, named: str, blob: bytes, asked: Asked) -> Key:
        """A bare id may be that of another account's key, if it is the blob's (KMS API reference, Decrypt)."""
        place = names.read(call, named, aliases=True)
        if place.key_id == named:
            try:
                held = await self._held(call, blob)
            except CiphertextInvalid:
                held = None
            if held is not None and held.id == named and held.manager is not Manager.AWS_OWNED:
                await self.decide(call, operation, held, asked)
                return held
        return await self._admitted(call, operation, place, asked)

    async def _managed(self, call: Call, operation: str, service: str, asked: Asked) -> Key:
        """The AWS managed key of a service, which comes into being when somebody who may use it first does."""
        plan = making.managed_plan(service, call.account, call.region, self.clock())
        await self.decide(call, operation, plan.key(), asked)
        call.notes.resources.clear()
        key = await self.make(call, plan)
        call.notes.resource(key.account, RESOURCE, key.arn)
        return key

    def throttle(self, call: Call) -> None:
        """Count a call that uses no key; those that do are counted by what their key is. Raises Throttled."""
        if self.rates is None or call.action in NEEDS or call.action == "ReEncrypt":
            return
        if call.action == "GenerateRandom":
            self.rates.take(call, SYMMETRIC)
        else:
            self.rates.take(call, CREATE if call.action in CREATING else MANAGEMENT)

    async def forget(self, key: Key) -> None:
        """Drop what the keyholder holds open of it, before anybody is told that it can no longer be used."""
        await self._forgetting.forget(key.id)

    async def make(self, call: Call, plan: Plan) -> Key:
        """The planned key; or, if somebody was faster, the one that already has its alias. THE CALLER HAS DECIDED."""
        imported = plan.origin == EXTERNAL
        material = None if imported else await self.keyholder.create_material(plan.id, plan.spec, plan.usage)
        key_id = plan.id
        async with self.database.write(call.id) as tx:
            taken = select(aliases.c.key_id).filter_by(account=plan.account, region=plan.region)
            there = (await tx.execute(taken.where(aliases.c.name.in_(plan.aliases)))).scalar() if plan.aliases else None
            if there is None and plan.manager is Manager.CUSTOMER:
                await check_keys(tx, plan.account, plan.region, self.quotas.keys)
            if there is None:
                await making.insert_key(tx, plan, material)
            else:
                key_id = there
        key = await self.known.key(plan.region, key_id)
        if key is None:
            raise KeyNotFound(plan.key().arn)
        return key

    def _leave(
        self, call: Call, key: Key, material: Material, context: Mapping[str, str] | None, algorithm: str
    ) -> Use:
        if key.expires_at is not None and self.clock() >= key.expires_at:  # its deletion is late, its end is not
            raise KeyPendingImport(key.arn)
        if self.rates is not None:
            self.rates.take(call, group_of(key.spec))
        if key.kind is Kind.SYMMETRIC:
            call.notes.additional["keyMaterialId"] = material.material_id  # 5
        elif context:
            raise ParameterWrong("An encryption context can only be used with a symmetric encryption key.")
        bound = canonical(context) if context else b""
        return Use(key, material, algorithm, self.keyholder, bound, self._outer(call, key, bound))  # 6

    def _outer(self, call: Call, key: Key, context: bytes) -> Outer | None:
        """What is outside of the keyholder's seal, of a key in an external key store."""
        if key.key_store is None or not key.key_store.external:
            return None
        asked = metadata(call, key.arn)
        return Outer(Caller.of(key.key_store), key.external_key_id or "", asked, context, self.stores.proxies)


def metadata(call: Call, key_arn: str | None = None) -> dict[str, str]:
    """Who asks for what, for a proxy to decide about and to log (XKS Proxy API specification, requestMetadata)."""
    asked = {
        "awsPrincipalArn": call.caller.principal.arn,
        "kmsOperation": call.action,
        "kmsRequestId": call.id,
    }
    if key_arn is not None:
        asked["kmsKeyArn"] = key_arn
    if call.via is not None:
        asked["kmsViaService"] = call.via
    return asked


def dry_run_ends(dry_run: bool) -> None:
    """Everything but the act has been done. Raises DryRunSucceeded when that was all that was asked."""
    if dry_run:
        raise DryRunSucceeded
