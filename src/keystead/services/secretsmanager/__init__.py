"""AWS Secrets Manager, API 2017-10-17."""

from typing import Final

from keystead.secrets.room import Secrets
from keystead.services.secretsmanager import (
    describing,
    listings,
    passwords,
    policies,
    replication,
    rotation,
    updates,
    values,
)
from keystead.services.secretsmanager.errors import ERRORS
from keystead.services.secretsmanager.refused import REFUSED
from keystead.services.service import Service

__all__ = ["OPERATIONS", "REFUSED", "service"]

OPERATIONS: Final = (
    values.create_secret,
    values.put_secret_value,
    values.get_secret_value,
    values.update_secret_version_stage,
    describing.describe_secret,
    updates.update_secret,
    updates.delete_secret,
    updates.restore_secret,
    updates.tag_resource,
    updates.untag_resource,
    policies.put_resource_policy,
    policies.get_resource_policy,
    policies.delete_resource_policy,
    policies.list_resource_policies,
    policies.validate_resource_policy,
    listings.list_secrets,
    listings.list_secret_version_ids,
    listings.batch_get_secret_value,
    passwords.get_random_password,
    replication.replicate_secret_to_regions,
    replication.remove_regions_from_replication,
    replication.stop_replication_to_replica,
    replication.associate_cross_account_replica,
    replication.disassociate_cross_account_replica,
    rotation.rotate_secret,
    rotation.cancel_rotate_secret,
)


def service(secrets: Secrets) -> Service:
    return Service(
        name="secretsmanager",
        room=secrets,
        operations=OPERATIONS,
        errors=ERRORS,
        unforeseen="InternalServiceError",
        refused=REFUSED,
    )
