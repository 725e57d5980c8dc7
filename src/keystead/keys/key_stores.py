"""Custom key stores, as callers make, change, connect and end them.

    DISCONNECTED ──connect──► CONNECTING ──► CONNECTED ──disconnect──► DISCONNECTED
                                   └───────► FAILED ────disconnect──►

Connecting is work that falls due: whoever does that sets the state to what came of it. To disconnect is done at once.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import delete, exists, insert, select, update

from keystead.access.request import Values
from keystead.database.engine import Transaction
from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.keyholder.errors import HsmLost
from keystead.keys.conditions import KeyContext
from keystead.keys.errors import NotServed, ParameterWrong
from keystead.keys.store import keys
from keystead.keys.use import Keys
from keystead.stores import records
from keystead.stores.errors import (
    ClusterTaken,
    ClusterUnrelated,
    ModuleTimedOut,
    ProxyAddressTaken,
    StoreHasKeys,
    StoreNameTaken,
    StoreNotFound,
    StoreStateWrong,
    TooManyStores,
)
from keystead.stores.key_store import BINDING, Address, KeyStore, State, Type
from keystead.stores.proxy import Caller
from keystead.stores.room import new_id
from keystead.stores.store import KIND, key_stores
from keystead.stores.troubles import ProxyTroubled

LIMIT: Final = 10
"""Stores of one account in one Region (KMS developer guide, quotas)."""
NOTHING_ASKED: Final[Mapping[str, Values]] = {}


class Credential(NamedTuple):
    """Of a proxy, as the caller gave it."""

    access_key_id: str
    secret: str

    def __repr__(self) -> str:
        return f"Credential({self.access_key_id!r})"


def allow(call: Call, operation: str) -> None:
    """Raises AccessDenied. A store has no policy of its own: IAM decides (KMS developer guide, permissions reference)."""
    authorize(call, f"kms:{operation}", resource_account=call.account, extra=KeyContext(call, None))


async def create_in_module(room: Keys, call: Call, name: str, cluster: str, anchor: str, password: str) -> str:
    """The id. Raises StoreNameTaken, ClusterTaken, TooManyStores, and what `check_cluster` raises."""
    allow(call, "CreateCustomKeyStore")
    await refuse_taken(room, call, name)
    await room.stores.check_cluster(cluster, anchor)
    kept = await of_account(room, call)
    if any(store.cluster is not None and same_module(room, store.cluster, cluster) for store in kept):
        raise ClusterTaken
    store_id = new_id()
    secret = await room.keyholder.keep_secret(password.encode(), BINDING + store_id)
    columns = {"type": Type.CLOUDHSM.value, "cluster": cluster, "anchor": anchor}
    return await insert_store(room, call, store_id, name, secret, columns)


def same_module(room: Keys, one: str, other: str) -> bool:
    """One that is no longer in the HSM file is nobody's but its own."""
    return one == other or (one in room.stores.modules and room.stores.related(one, other))


async def create_external(room: Keys, call: Call, name: str, endpoint: str, path: str, given: Credential) -> str:
    """The id, once the proxy has answered. Raises StoreNameTaken, ProxyAddressTaken, TooManyStores, Troubled."""
    allow(call, "CreateCustomKeyStore")
    await refuse_taken(room, call, name, endpoint, path)
    store_id = new_id()
    secret = await room.keyholder.keep_secret(given.secret.encode(), BINDING + store_id)
    proxy = Address(endpoint, path, given.access_key_id)
    await check_proxy(room, call, Caller(proxy, call.region, secret, BINDING + store_id))
    return await insert_store(room, call, store_id, name, secret, {"type": Type.EXTERNAL.value, **columns_of(proxy)})


def columns_of(proxy: Address) -> dict[str, str]:
    return {
        "proxy_endpoint": proxy.endpoint,
        "proxy_path": proxy.path,
        "proxy_access_key_id": proxy.access_key_id,
    }


async def check_proxy(room: Keys, call: Call, caller: Caller) -> None:
    """Raises Troubled."""
    try:
        await room.stores.proxies.check(caller, call.action, call.id)
    except ProxyTroubled as troubled:
        raise troubled.of_store() from None


async def refuse_taken(room: Keys, call: Call, name: str | None, endpoint: str = "", path: str = "") -> None:
    """Known before anything is asked of a module or a proxy; the table's own rules decide again."""
    check_taken(await of_account(room, call), "", name, endpoint, path)


def check_taken(kept: list[KeyStore], own: str, name: str | None, endpoint: str, path: str) -> None:
    """Raises StoreNameTaken, ProxyAddressTaken. `own` is the id of the store that is to have them."""
    others = [store for store in kept if store.id != own]
    if name is not None and any(store.name == name for store in others):
        raise StoreNameTaken
    if any(
        store.proxy is not None and (store.proxy.endpoint, store.proxy.path) == (endpoint, path) for store in others
    ):
        raise ProxyAddressTaken


async def insert_store(
    room: Keys, call: Call, store_id: str, name: str, secret: bytes, columns: Mapping[str, Any]
) -> str:
    row = {
        "id": store_id,
        "account": call.account,
        "region": call.region,
        "name": name,
        "state": State.DISCONNECTED.value,
        "created_at": room.clock(),
        "secret_token": secret,
        **columns,
    }
    async with room.database.write(call.id) as tx:
        kept = await records.of_account(tx.connection, call.account, call.region)
        if len(kept) >= LIMIT:
            raise TooManyStores
        check_taken(kept, store_id, name, columns.get("proxy_endpoint", ""), columns.get("proxy_path", ""))
        await tx.execute(insert(key_stores).values(**row))
        tx.changed(KIND, f"{call.region}/{store_id}")
    return store_id


async def of_account(room: Keys, call: Call) -> list[KeyStore]:
    async with room.database.read() as connection:
        return await records.of_account(connection, call.account, call.region)


async def described(room: Keys, call: Call, store_id: str | None, name: str | None) -> list[KeyStore]:
    """In the order of their ids. Raises StoreNotFound for an id or a name that no store has."""
    allow(call, "DescribeCustomKeyStores")
    kept = await of_account(room, call)
    if store_id is not None:
        kept = [store for store in kept if store.id == store_id]
    if name is not None:
        kept = [store for store in kept if store.name == name]
    if not kept and (store_id or name):
        raise StoreNotFound(store_id or name or "")
    return kept


async def find(tx: Transaction, call: Call, store_id: str) -> KeyStore:
    """As it is inside the transaction. Raises StoreNotFound."""
    store = await records.load(tx.connection, store_id)
    if store is None or (store.account, store.region) != (call.account, call.region):
        raise StoreNotFound(store_id)
    return store


async def set_state(tx: Transaction, store: KeyStore, state: State, error: str | None = None) -> None:
    await change(tx, store, state=state.value, error=error)


async def change(tx: Transaction, store: KeyStore, **columns: Any) -> None:
    await tx.execute(update(key_stores).where(key_stores.c.id == store.id).values(**columns))
    tx.changed(KIND, f"{store.region}/{store.id}")


async def connect(room: Keys, call: Call, store_id: str) -> None:
    allow(call, "ConnectCustomKeyStore")
    async with room.database.write(call.id) as tx:
        store = await find(tx, call, store_id)
        if store.state in {State.DISCONNECTING, State.FAILED}:
            raise StoreStateWrong(f"The connection state of {store_id} is {store.state}: disconnect it first.")
        if store.state is State.DISCONNECTED:
            await set_state(tx, store, State.CONNECTING)


async def disconnect(room: Keys, call: Call, store_id: str) -> None:
    allow(call, "DisconnectCustomKeyStore")
    async with room.database.write(call.id) as tx:
        store = await find(tx, call, store_id)
        if store.state in {State.DISCONNECTING, State.DISCONNECTED}:
            raise StoreStateWrong(f"The connection state of {store_id} is {store.state}.")
        await set_state(tx, store, State.DISCONNECTED)


async def end(room: Keys, call: Call, store_id: str) -> None:
    """Nothing behind the store is touched. Raises StoreHasKeys while one key is left, even pending deletion."""
    allow(call, "DeleteCustomKeyStore")
    async with room.database.write(call.id) as tx:
        store = await find(tx, call, store_id)
        must_be_disconnected(store)
        holds = select(exists(select(keys.c.id).where(keys.c.store_id == store_id)))
        if (await tx.execute(holds)).scalar():
            raise StoreHasKeys
        await tx.execute(delete(key_stores).where(key_stores.c.id == store_id))
        tx.changed(KIND, f"{store.region}/{store_id}")


def must_be_disconnected(store: KeyStore) -> None:
    if store.state is not State.DISCONNECTED:
        raise StoreStateWrong(f"The connection state of {store.id} is {store.state}: it must be disconnected.")


async def random(room: Keys, call: Call, store_id: str, length: int, recipient: bytes = b"") -> bytes:
    """From the token of a connected store. Raises StoreNotFound, StoreStateWrong, NotServed, ModuleTimedOut."""
    async with room.database.read() as connection:
        store = await records.load(connection, store_id)
    if store is None or (store.account, store.region) != (call.account, call.region):
        raise StoreNotFound(store_id)
    if store.external:
        raise NotServed("An external key store makes no random bytes.")
    if not store.connected:
        raise StoreStateWrong(f"The connection state of {store_id} is {store.state}: it must be connected.")
    try:
        return await room.keyholder.hsm_random(store.cluster or "", length, recipient)
    except HsmLost:
        raise ModuleTimedOut from None


class Wanted(NamedTuple):
    """What UpdateCustomKeyStore is to change; None leaves it."""

    name: str | None = None
    password: str | None = None
    cluster: str | None = None
    endpoint: str | None = None
    path: str | None = None
    credential: Credential | None = None
    connectivity: bool = False

    @property
    def only_when_disconnected(self) -> bool:
        """KMS API reference, UpdateCustomKeyStore: all but the name, a proxy's path and its credential."""
        return self.connectivity or any(part is not None for part in (self.password, self.cluster, self.endpoint))

    @property
    def of_proxy(self) -> bool:
        return self.connectivity or any(part is not None for part in (self.endpoint, self.path, self.credential))

    @property
    def of_module(self) -> bool:
        return self.password is not None or self.cluster is not None


async def alter(room: Keys, call: Call, store_id: str, wanted: Wanted) -> None:
    """Raises StoreStateWrong, StoreNameTaken, ClusterUnrelated, ProxyAddressTaken, Troubled, and others of `stores`."""
    allow(call, "UpdateCustomKeyStore")
    async with room.database.read() as connection:
        found = await records.load(connection, store_id)
    if found is None or (found.account, found.region) != (call.account, call.region):
        raise StoreNotFound(store_id)
    if wanted.of_module if found.external else wanted.of_proxy:
        raise ParameterWrong(f"{store_id} is of type {found.type}: something that was given does not belong to it.")
    check_state(found, wanted)
    columns = await (of_proxy(room, call, found, wanted) if found.external else of_module(room, found, wanted))
    if wanted.name is not None:
        columns["name"] = wanted.name
    async with room.database.write(call.id) as tx:
        store = await find(tx, call, store_id)
        check_state(store, wanted)
        kept = await records.of_account(tx.connection, call.account, call.region)
        check_taken(kept, store_id, wanted.name, columns.get("proxy_endpoint", ""), columns.get("proxy_path", ""))
        await change(tx, store, **columns)


def check_state(store: KeyStore, wanted: Wanted) -> None:
    if wanted.only_when_disconnected:
        must_be_disconnected(store)
    elif store.state not in {State.CONNECTED, State.DISCONNECTED}:
        raise StoreStateWrong(f"The connection state of {store.id} is {store.state}: disconnect it first.")


async def of_module(room: Keys, store: KeyStore, wanted: Wanted) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if wanted.cluster is not None:
        if not room.stores.related(store.cluster or "", wanted.cluster):
            raise ClusterUnrelated
        await room.stores.look(wanted.cluster)
        columns["cluster"] = wanted.cluster
    if wanted.password is not None:
        columns["secret_token"] = await room.keyholder.keep_secret(wanted.password.encode(), store.binding)
    return columns


async def of_proxy(room: Keys, call: Call, store: KeyStore, wanted: Wanted) -> dict[str, Any]:
    """The proxy is asked before anything is changed."""
    if not wanted.of_proxy or store.proxy is None:
        return {}
    given, secret = wanted.credential, store.secret
    if given is not None:
        secret = await room.keyholder.keep_secret(given.secret.encode(), store.binding)
    proxy = Address(
        wanted.endpoint or store.proxy.endpoint,
        wanted.path or store.proxy.path,
        given.access_key_id if given else store.proxy.access_key_id,
    )
    await check_proxy(room, call, Caller(proxy, call.region, secret, store.binding))
    return {"secret_token": secret, **columns_of(proxy)}


async def connect_due(room: Keys) -> None:
    """Connect every store that is to be connected. Each is a transaction of its own, and may be run again."""
    async with room.database.read() as connection:
        found = await records.connecting(connection)
    for store in found:
        error = await room.stores.connect(store)
        async with room.database.write("key stores") as tx:
            now = await records.load(tx.connection, store.id)
            if now is not None and now.state is State.CONNECTING:  # nobody has disconnected it meanwhile
                await set_state(tx, now, State.FAILED if error else State.CONNECTED, error or None)
