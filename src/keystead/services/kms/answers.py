"""What KMS answers about a key, in AWS's members."""

from typing import Any, Final

from keystead.keyholder.promise import (
    ENCAPSULATE_DECAPSULATE,
    ENCRYPT_DECRYPT,
    GENERATE_VERIFY_MAC,
    KEY_AGREEMENT,
    SIGN_VERIFY,
)
from keystead.keys.grants import Grant
from keystead.keys.key import EXTERNAL, Key, State, arn_of
from keystead.keys.specs import Kind
from keystead.stores.key_store import KeyStore

ALGORITHMS: Final = {
    #  KeyUsage              member of KeyMetadata and of GetPublicKey's answer      source: KMS model
    ENCRYPT_DECRYPT:         "EncryptionAlgorithms",
    SIGN_VERIFY:             "SigningAlgorithms",
    GENERATE_VERIFY_MAC:     "MacAlgorithms",
    KEY_AGREEMENT:           "KeyAgreementAlgorithms",
    ENCAPSULATE_DECAPSULATE: "EncapsulationAlgorithms",
}  # fmt: skip  # a table


def key_metadata(key: Key) -> dict[str, Any]:
    """KeyMetadata (KMS API reference); each member is present when AWS's is."""
    metadata: dict[str, Any] = {
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": key.created_at,
        "Enabled": key.enabled,
        "Description": key.description,
        "KeyUsage": key.usage,
        "KeyState": key.state.value,
        "Origin": key.origin,
        "KeyManager": key.manager.value,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "MultiRegion": key.multi_region,
        **algorithms_of(key),
    }
    if key.key_store is not None:
        metadata |= place(key, key.key_store)
    elif key.versions and key.kind is Kind.SYMMETRIC and key.state is not State.CREATING:
        metadata["CurrentKeyMaterialId"] = key.material_id
    if key.origin == EXTERNAL and key.versions and key.versions[-1].present:
        metadata |= expiration(key.expires_at)
    if key.state is State.PENDING_DELETION and key.deletion_at is not None:
        metadata["DeletionDate"] = key.deletion_at
    if key.state is State.PENDING_REPLICA_DELETION:
        metadata["PendingDeletionWindowInDays"] = key.pending_days
    if key.multi_region:
        metadata["MultiRegionConfiguration"] = multi_region_configuration(key)
    return metadata


def algorithms_of(key: Key) -> dict[str, Any]:
    """The one list of algorithms that belongs to the key's usage."""
    return {ALGORITHMS[key.usage]: list(key.algorithms)}


def place(key: Key, store: KeyStore) -> dict[str, Any]:
    """Of a key in a custom key store. It does not rotate, and its material has no id to show."""
    found: dict[str, Any] = {"CustomKeyStoreId": store.id}
    if store.cluster is not None:
        found["CloudHsmClusterId"] = store.cluster
    if key.external_key_id is not None:
        found["XksKeyConfiguration"] = {"Id": key.external_key_id}
    return found


def store_entry(store: KeyStore) -> dict[str, Any]:
    """CustomKeyStoresListEntry; never a secret."""
    entry: dict[str, Any] = {
        "CustomKeyStoreId": store.id,
        "CustomKeyStoreName": store.name,
        "CustomKeyStoreType": store.type.value,
        "ConnectionState": store.state.value,
        "CreationDate": store.created_at,
    }
    if store.error is not None:
        entry["ConnectionErrorCode"] = store.error
    if store.cluster is not None:
        entry |= {"CloudHsmClusterId": store.cluster, "TrustAnchorCertificate": store.anchor}
    if store.proxy is not None:
        entry["XksProxyConfiguration"] = {
            "Connectivity": "PUBLIC_ENDPOINT",
            "AccessKeyId": store.proxy.access_key_id,
            "UriEndpoint": store.proxy.endpoint,
            "UriPath": store.proxy.path,
        }
    return entry


def multi_region_configuration(key: Key) -> dict[str, Any]:
    primary, *replicas = [{"Arn": arn_of(key.account, region, key.id), "Region": region} for region in key.regions]
    return {"MultiRegionKeyType": key.multi_region_type, "PrimaryKey": primary, "ReplicaKeys": replicas}


def expiration(expires_at: float | None) -> dict[str, Any]:
    """Of imported material that is there."""
    if expires_at is None:
        return {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    return {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": expires_at}


def grant_entry(grant: Grant, key_arn: str) -> dict[str, Any]:
    """GrantListEntry; never a token."""
    entry: dict[str, Any] = {
        "KeyId": key_arn,
        "GrantId": grant.id,
        "Name": grant.name,
        "CreationDate": grant.created_at,
        "GranteePrincipal": grant.grantee,
        "IssuingAccount": f"arn:aws:iam::{grant.issuing_account}:root",
        "Operations": sorted(grant.operations),
    }
    if grant.retiring is not None:
        entry["RetiringPrincipal"] = grant.retiring
    constraints: dict[str, Any] = {kind.value: dict(pairs) for kind, pairs in grant.constraints.items()}
    if grant.source_arn is not None:
        constraints["SourceArn"] = grant.source_arn
    if constraints:
        entry["Constraints"] = constraints
    return entry
