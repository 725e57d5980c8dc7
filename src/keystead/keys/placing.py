"""Makes keys in custom key stores: their material in a token, or an inner layer of it here and the outer one elsewhere.

1. the store is there, of the kind that the origin says, and connected
2. an external key is one that may encrypt and decrypt under AES-256, and no other key's
3. the material: in the token, or here
4. the record, if all that still is so
"""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from sqlalchemy import exists, select

from keystead.database.engine import Connection, Transaction
from keystead.identities.call import Call
from keystead.keyholder.errors import HsmLost, KeyholderError
from keystead.keyholder.promise import Material
from keystead.keys import making
from keystead.keys.errors import KeyNotFound, ParameterWrong
from keystead.keys.key import EXTERNAL_KEY_STORE, Key
from keystead.keys.making import Plan
from keystead.keys.quotas import check_keys
from keystead.keys.store import keys
from keystead.keys.use import Keys, metadata
from keystead.stores import records
from keystead.stores.errors import (
    ExternalKeyTaken,
    ExternalKeyUnfit,
    ExternalStoreUnusable,
    ModuleTimedOut,
    StoreNotFound,
    StoreStateWrong,
)
from keystead.stores.key_store import KeyStore
from keystead.stores.proxy import Caller, ExternalKey
from keystead.stores.troubles import DISCONNECTED, ProxyTroubled

SPEC: Final = "AES_256"
USAGES: Final = frozenset({"ENCRYPT", "DECRYPT"})
ENABLED: Final = "ENABLED"


async def placed(room: Keys, call: Call, plan: Plan, store_id: str, external_key_id: str | None) -> Plan:
    """Steps 1 and 2. THE CALLER HAS DECIDED. Raises StoreNotFound, StoreStateWrong, Troubled, ExternalKeyTaken."""
    async with room.database.read() as connection:
        store = await records.load(connection, store_id)
    if store is None or (store.account, store.region) != (call.account, call.region):
        raise StoreNotFound(store_id)
    if store.type != plan.origin:
        raise ParameterWrong(f"Custom key store {store_id} is of type {store.type}: Origin must be the same.")
    if not store.connected:
        raise disconnected(store)
    if plan.origin == EXTERNAL_KEY_STORE:
        async with room.database.read() as connection:
            if await is_taken(connection, store, external_key_id):
                raise ExternalKeyTaken
        await check_external(room, call, store, external_key_id or "")
    return replace(plan, key_store=store, external_key_id=external_key_id)


def disconnected(store: KeyStore) -> Exception:
    if store.external:
        return ExternalStoreUnusable(DISCONNECTED)
    return StoreStateWrong(f"The connection state of {store.id} is {store.state}: it must be connected.")


async def check_external(room: Keys, call: Call, store: KeyStore, key_id: str) -> None:
    """Raises Troubled."""
    try:
        found = await room.stores.proxies.describe(Caller.of(store), key_id, metadata(call))
    except ProxyTroubled as troubled:
        raise troubled.of_key() from None
    check_fit(found)


def check_fit(found: ExternalKey) -> None:
    """In AWS's words, with the proxy's own only where they are of the specification's alphabet. Raises ExternalKeyUnfit."""
    spec = found.keySpec if found.keySpec.replace("_", "").isalnum() and len(found.keySpec) <= 32 else "unknown"
    if found.keySpec != SPEC:
        text = f"The key spec of the external key must be {SPEC}. The key spec of specified external key is {spec}."
        raise ExternalKeyUnfit(text)
    if not set(found.keyUsage) >= USAGES:
        raise ExternalKeyUnfit("The key usage of the external key must include ENCRYPT and DECRYPT.")
    if found.keyStatus != ENABLED:
        raise ExternalKeyUnfit(f"The status of the external key must be {ENABLED}.")


async def is_taken(connection: Connection, store: KeyStore, external_key_id: str | None) -> bool:
    same = select(keys.c.id).where(keys.c.store_id == store.id, keys.c.external_key_id == external_key_id)
    return bool((await connection.execute(select(exists(same)))).scalar())


async def make(room: Keys, call: Call, plan: Plan, store: KeyStore) -> Key:
    """Steps 3 and 4. What was made in a token is destroyed again when the record cannot be written."""
    material = await new_material(room, plan, store)
    try:
        async with room.database.write(call.id) as tx:
            await still_good(tx, plan, store)
            await check_keys(tx, plan.account, plan.region, room.quotas.keys)
            await making.insert_key(tx, plan, material)
    except BaseException:
        with suppress(KeyholderError):
            await room.keyholder.destroy_hsm_material(material)
        raise
    key = await room.known.key(plan.region, plan.id)
    if key is None:
        raise KeyNotFound(plan.key().arn)
    return key


async def new_material(room: Keys, plan: Plan, store: KeyStore) -> Material:
    """Raises ModuleTimedOut."""
    if store.external:
        return await room.keyholder.create_material(plan.id, plan.spec)
    try:
        return await room.keyholder.create_hsm_material(plan.id, store.cluster or "")
    except HsmLost:
        raise ModuleTimedOut from None


async def still_good(tx: Transaction, plan: Plan, store: KeyStore) -> None:
    now = await records.load(tx.connection, store.id)
    if now is None:
        raise StoreNotFound(store.id)
    if not now.connected:
        raise disconnected(now)
    if store.external and await is_taken(tx.connection, store, plan.external_key_id):
        raise ExternalKeyTaken
