"""AWS IAM: users, roles, access keys and policies, as far as they decide who may use what is kept here."""

from typing import Final

from keystead.identities.room import Identities
from keystead.services.iam import absent, attachments, inline, policies, roles, tags, usage, users
from keystead.services.iam.errors import TABLE
from keystead.services.iam.refused import REFUSED
from keystead.services.service import Function, Service

__all__ = ["OPERATIONS", "REFUSED", "service"]

OPERATIONS: Final[tuple[Function, ...]] = (
    users.create_user,
    users.get_user,
    users.list_users,
    users.update_user,
    users.delete_user,
    users.create_access_key,
    users.list_access_keys,
    users.update_access_key,
    users.delete_access_key,
    roles.create_role,
    roles.get_role,
    roles.list_roles,
    roles.update_role,
    roles.update_role_description,
    roles.update_assume_role_policy,
    roles.delete_role,
    inline.put_user_policy,
    inline.get_user_policy,
    inline.list_user_policies,
    inline.delete_user_policy,
    inline.put_role_policy,
    inline.get_role_policy,
    inline.list_role_policies,
    inline.delete_role_policy,
    policies.create_policy,
    policies.get_policy,
    policies.list_policies,
    policies.delete_policy,
    policies.create_policy_version,
    policies.get_policy_version,
    policies.list_policy_versions,
    policies.set_default_policy_version,
    policies.delete_policy_version,
    attachments.attach_user_policy,
    attachments.attach_role_policy,
    attachments.detach_user_policy,
    attachments.detach_role_policy,
    attachments.list_attached_user_policies,
    attachments.list_attached_role_policies,
    attachments.put_user_permissions_boundary,
    attachments.put_role_permissions_boundary,
    attachments.delete_user_permissions_boundary,
    attachments.delete_role_permissions_boundary,
    tags.tag_user,
    tags.untag_user,
    tags.list_user_tags,
    tags.tag_role,
    tags.untag_role,
    tags.list_role_tags,
    tags.tag_policy,
    tags.untag_policy,
    tags.list_policy_tags,
    usage.list_entities_for_policy,
    absent.list_groups_for_user,
    absent.list_instance_profiles_for_role,
    absent.list_mfa_devices,
    absent.list_service_specific_credentials,
    absent.list_signing_certificates,
    absent.list_ssh_public_keys,
    absent.get_login_profile,
    absent.delete_login_profile,
)


def service(identities: Identities) -> Service:
    return Service(
        name="iam",
        room=identities,
        operations=OPERATIONS,
        errors=TABLE,
        unforeseen="ServiceFailure",
        refused=REFUSED,
    )
