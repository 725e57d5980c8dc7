"""AWS KMS, API 2014-11-01."""

from typing import Final

from keystead.keys.use import Keys
from keystead.services.kms import (
    aliases,
    cryptography,
    grants,
    importing,
    key_pairs,
    key_stores,
    lifecycle,
    policies,
    regions,
    rotation,
    signing,
    tags,
)
from keystead.services.kms.errors import ERRORS
from keystead.services.kms.refused import REFUSED, VALUES
from keystead.services.service import Service

__all__ = ["OPERATIONS", "REFUSED", "VALUES", "service"]

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
    key_stores.create_custom_key_store,
    key_stores.describe_custom_key_stores,
    key_stores.update_custom_key_store,
    key_stores.connect_custom_key_store,
    key_stores.disconnect_custom_key_store,
    key_stores.delete_custom_key_store,
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
    key_pairs.generate_data_key_pair,
    key_pairs.generate_data_key_pair_without_plaintext,
    key_pairs.get_public_key,
    key_pairs.derive_shared_secret,
    key_pairs.encapsulate,
    key_pairs.decapsulate,
    signing.sign,
    signing.verify,
    signing.generate_mac,
    signing.verify_mac,
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


def service(keys: Keys) -> Service:
    return Service(
        name="kms",
        room=keys,
        operations=OPERATIONS,
        errors=ERRORS,
        unforeseen="KMSInternalException",
        refused=REFUSED,
        throttle=Keys.throttle,
    )
