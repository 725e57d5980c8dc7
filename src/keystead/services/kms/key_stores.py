"""Custom key stores."""

from collections.abc import Mapping
from typing import Any, Final

from keystead.identities.call import Call
from keystead.keys import key_stores
from keystead.keys.errors import NotServed, ParameterWrong
from keystead.keys.key_stores import Credential, Wanted
from keystead.keys.pages import Pages
from keystead.keys.use import Keys
from keystead.services.kms.answers import store_entry
from keystead.services.kms.refused import why_not
from keystead.stores.key_store import Type

Answer = Mapping[str, Any]
PAGE: Final = 100
NOTHING: Final[Answer] = {}
PUBLIC: Final = "PUBLIC_ENDPOINT"


async def create_custom_key_store(
    keys: Keys,
    call: Call,
    *,
    custom_key_store_name: str,
    cloud_hsm_cluster_id: str | None = None,
    trust_anchor_certificate: str | None = None,
    key_store_password: str | None = None,
    custom_key_store_type: str = Type.CLOUDHSM.value,
    xks_proxy_uri_endpoint: str | None = None,
    xks_proxy_uri_path: str | None = None,
    xks_proxy_authentication_credential: Mapping[str, str] | None = None,
    xks_proxy_connectivity: str | None = None,
) -> Answer:
    module = {
        "CloudHsmClusterId": cloud_hsm_cluster_id,
        "TrustAnchorCertificate": trust_anchor_certificate,
        "KeyStorePassword": key_store_password,
    }
    proxy = {
        "XksProxyUriEndpoint": xks_proxy_uri_endpoint,
        "XksProxyUriPath": xks_proxy_uri_path,
        "XksProxyAuthenticationCredential": xks_proxy_authentication_credential,
        "XksProxyConnectivity": xks_proxy_connectivity,
    }
    if custom_key_store_type == Type.CLOUDHSM:
        cluster, anchor, password = of_kind(custom_key_store_type, module, proxy)
        store_id = await key_stores.create_in_module(keys, call, custom_key_store_name, cluster, anchor, password)
    else:
        endpoint, path, given, connectivity = of_kind(custom_key_store_type, proxy, module)
        check_connectivity("CreateCustomKeyStore", connectivity)
        store_id = await key_stores.create_external(
            keys, call, custom_key_store_name, endpoint, path, credential(given)
        )
    return {"CustomKeyStoreId": store_id}


def of_kind(kind: str, needed: Mapping[str, Any], foreign: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a store of this type needs, all of it and nothing else. The texts are ours. Raises ParameterWrong."""
    for member, value in needed.items():
        if value is None:
            raise ParameterWrong(f"{member} is required for a custom key store of type {kind}.")
    for member, value in foreign.items():
        if value is not None:
            raise ParameterWrong(f"{member} is not valid for a custom key store of type {kind}.")
    return tuple(needed.values())


def check_connectivity(operation: str, connectivity: str) -> None:
    if connectivity != PUBLIC:
        raise NotServed(why_not(f"{operation}.XksProxyConnectivity", connectivity))


def credential(given: Mapping[str, str]) -> Credential:
    return Credential(given["AccessKeyId"], given["RawSecretAccessKey"])


async def describe_custom_key_stores(
    keys: Keys,
    call: Call,
    *,
    custom_key_store_id: str | None = None,
    custom_key_store_name: str | None = None,
    limit: int = PAGE,
    marker: str | None = None,
) -> Answer:
    if custom_key_store_id is not None and custom_key_store_name is not None:
        raise ParameterWrong("Specify CustomKeyStoreId or CustomKeyStoreName, but not both.")
    found = await key_stores.described(keys, call, custom_key_store_id, custom_key_store_name)
    pages = Pages(keys.keyholder, call, store=custom_key_store_id, name=custom_key_store_name)
    after = await pages.place(marker, "")
    rest = [store for store in found if store.id > after]
    answer: dict[str, Any] = {
        "CustomKeyStores": [store_entry(store) for store in rest[:limit]],
        "Truncated": len(rest) > limit,
    }
    if len(rest) > limit:
        answer["NextMarker"] = await pages.marker(rest[limit - 1].id)
    return answer


async def update_custom_key_store(
    keys: Keys,
    call: Call,
    *,
    custom_key_store_id: str,
    new_custom_key_store_name: str | None = None,
    key_store_password: str | None = None,
    cloud_hsm_cluster_id: str | None = None,
    xks_proxy_uri_endpoint: str | None = None,
    xks_proxy_uri_path: str | None = None,
    xks_proxy_authentication_credential: Mapping[str, str] | None = None,
    xks_proxy_connectivity: str | None = None,
) -> Answer:
    if xks_proxy_connectivity is not None:
        check_connectivity("UpdateCustomKeyStore", xks_proxy_connectivity)
    given = xks_proxy_authentication_credential
    wanted = Wanted(
        new_custom_key_store_name,
        key_store_password,
        cloud_hsm_cluster_id,
        xks_proxy_uri_endpoint,
        xks_proxy_uri_path,
        credential(given) if given is not None else None,
        xks_proxy_connectivity is not None,
    )
    if wanted == Wanted():
        raise ParameterWrong("Nothing is to be changed.")
    await key_stores.alter(keys, call, custom_key_store_id, wanted)
    return NOTHING


async def connect_custom_key_store(keys: Keys, call: Call, *, custom_key_store_id: str) -> Answer:
    await key_stores.connect(keys, call, custom_key_store_id)
    return NOTHING


async def disconnect_custom_key_store(keys: Keys, call: Call, *, custom_key_store_id: str) -> Answer:
    await key_stores.disconnect(keys, call, custom_key_store_id)
    return NOTHING


async def delete_custom_key_store(keys: Keys, call: Call, *, custom_key_store_id: str) -> Answer:
    await key_stores.end(keys, call, custom_key_store_id)
    return NOTHING
