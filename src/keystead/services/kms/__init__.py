"""AWS KMS, API 2014-11-01: symmetric keys."""

from typing import Final

from keystead.keys.use import Keys
from keystead.services.kms import aliases, cryptography, grants, importing, lifecycle, policies, regions, rotation, tags
from keystead.services.kms.errors import ERRORS
from keystead.services.service import Service

OPERATIONS: Final = (
    lifecycle.create_key,
    lifecycle.describe_key,
    lifecycle.list_keys,
    lifecycle.enable_key,
    lifecycle.disable_key,
    lifecycle.update_key_description,
    lifecycle.schedule_key_deletion,
    lifecycle.cancel_key_deletion,
    lifecycle.get_key_last_usage,
    aliases.create_alias,
    aliases.update_alias,
    aliases.delete_alias,
    aliases.list_aliases,
    policies.get_key_policy,
    policies.put_key_policy,
    policies.list_key_policies,
    tags.tag_resource,
    tags.untag_resource,
    tags.list_resource_tags,
    grants.create_grant,
    grants.list_grants,
    grants.list_retirable_grants,
    grants.retire_grant,
    grants.revoke_grant,
    cryptography.encrypt,
    cryptography.decrypt,
    cryptography.re_encrypt,
    cryptography.generate_data_key,
    cryptography.generate_data_key_without_plaintext,
    cryptography.generate_random,
    rotation.enable_key_rotation,
    rotation.disable_key_rotation,
    rotation.get_key_rotation_status,
    rotation.rotate_key_on_demand,
    rotation.list_key_rotations,
    importing.get_parameters_for_import,
    importing.import_key_material,
    importing.delete_imported_key_material,
    regions.replicate_key,
    regions.update_primary_region,
)

ASYMMETRIC: Final = "asymmetric, HMAC and key agreement keys are not served yet"
STORES: Final = "custom key stores are not served yet"
ATTESTATION: Final = "attestation documents are not verified here"
SERVICE_PRINCIPALS: Final = "no service acts in its own name here"

REFUSED: Final = {
    **dict.fromkeys(
        (
            "Sign", "Verify", "GenerateMac", "VerifyMac", "GetPublicKey", "DeriveSharedSecret", "Encapsulate",
            "Decapsulate", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
        ),
        ASYMMETRIC,
    ),
    **dict.fromkeys(
        (
            "CreateCustomKeyStore", "DescribeCustomKeyStores", "UpdateCustomKeyStore", "ConnectCustomKeyStore",
            "DisconnectCustomKeyStore", "DeleteCustomKeyStore", "CreateKey.CustomKeyStoreId", "CreateKey.XksKeyId",
            "GenerateRandom.CustomKeyStoreId",
        ),
        STORES,
    ),
    **dict.fromkeys(("Decrypt.Recipient", "GenerateDataKey.Recipient", "GenerateRandom.Recipient"), ATTESTATION),
    **dict.fromkeys(
        (
            "CreateGrant.GranteeServicePrincipal", "CreateGrant.RetiringServicePrincipal",
            "ListGrants.GranteeServicePrincipal", "ListRetirableGrants.RetiringServicePrincipal",
        ),
        SERVICE_PRINCIPALS,
    ),
}  # fmt: skip  # lists of names


def service(keys: Keys) -> Service:
    return Service(
        name="kms",
        room=keys,
        operations=OPERATIONS,
        errors=ERRORS,
        unforeseen="KMSInternalException",
        refused=REFUSED,
    )
