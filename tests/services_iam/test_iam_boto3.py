"""Every served operation of IAM, STS and Roles Anywhere is called by an unmodified client in some test; here, those that no story needs."""

import json
import re
from pathlib import Path

import pytest
from botocore import xform_name

from keystead.services import iam as of_iam
from keystead.services import rolesanywhere, sts
from keystead.wire import binding, model

TESTS = Path(__file__).parents[1]
BY_HAND = {"rolesanywhere": {"CreateSession"}}
"""Not in boto3's client, because it is signed with a certificate; the tests of Roles Anywhere send it themselves."""
READING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:List*","Resource":"*"}]}'
WRITING = READING.replace("List", "Put")
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"a.amazonaws.com"},"Action":"sts:AssumeRole"}]}'


@pytest.mark.parametrize(("name", "module"), [("iam", of_iam), ("sts", sts), ("rolesanywhere", rolesanywhere)])
def test_every_served_operation_is_called_by_boto3_or_the_aws_cli(name, module):
    texts = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    served = binding.bind(model.load(name), module.OPERATIONS, refused=module.REFUSED).operations

    never = {operation for operation in served if not called(xform_name(operation), texts)}

    assert never == BY_HAND.get(name, set())


def called(method, texts):
    """As a client's method, a paginator's name, or a word of the command line."""
    cli = method.replace("_", "-")
    return re.search(rf'\.{method}\b|paginator\("{method}"\)|"{cli}"', texts) is not None


@pytest.fixture
def user(iam):
    name = "walk-user"
    iam.create_user(UserName=name)
    yield name
    iam.delete_user(UserName=name)


@pytest.fixture
def role(iam):
    name = "walk-role"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    yield name
    iam.delete_role(RoleName=name)


@pytest.fixture
def policy(iam):
    arn = iam.create_policy(PolicyName="walk-policy", PolicyDocument=READING)["Policy"]["Arn"]
    yield arn
    iam.delete_policy(PolicyArn=arn)


def test_a_user_is_renamed_and_moved(iam, refused):
    iam.create_user(UserName="walk-before")

    iam.update_user(UserName="walk-before", NewUserName="walk-after", NewPath="/moved/")

    assert iam.get_user(UserName="walk-after")["User"]["Path"] == "/moved/"
    assert refused(iam.get_user, UserName="walk-before")[0] == "NoSuchEntity"
    iam.delete_user(UserName="walk-after")


def test_a_role_is_described_and_its_sessions_lengthened(iam, role):
    iam.update_role(RoleName=role, Description="first", MaxSessionDuration=7200)
    changed = iam.get_role(RoleName=role)["Role"]
    again = iam.update_role_description(RoleName=role, Description="second")["Role"]

    assert (changed["Description"], changed["MaxSessionDuration"]) == ("first", 7200)
    assert again["Description"] == "second"


def test_inline_policies_of_a_user_are_read_back(iam, user):
    iam.put_user_policy(UserName=user, PolicyName="one", PolicyDocument=READING)

    assert iam.list_user_policies(UserName=user)["PolicyNames"] == ["one"]
    assert iam.get_user_policy(UserName=user, PolicyName="one")["PolicyDocument"] == json.loads(READING)
    iam.delete_user_policy(UserName=user, PolicyName="one")
    assert iam.list_user_policies(UserName=user)["PolicyNames"] == []


def test_inline_policies_of_a_role_are_read_back(iam, role):
    iam.put_role_policy(RoleName=role, PolicyName="one", PolicyDocument=READING)

    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["one"]
    assert iam.get_role_policy(RoleName=role, PolicyName="one")["PolicyDocument"] == json.loads(READING)
    iam.delete_role_policy(RoleName=role, PolicyName="one")
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == []


def test_versions_of_a_policy_come_take_over_and_go(iam, policy, refused):
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=WRITING)

    assert [one["VersionId"] for one in iam.list_policy_versions(PolicyArn=policy)["Versions"]] == ["v2", "v1"]
    iam.set_default_policy_version(PolicyArn=policy, VersionId="v2")
    assert iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"] == "v2"
    found = iam.get_policy_version(PolicyArn=policy, VersionId="v2")["PolicyVersion"]
    assert (found["Document"], found["IsDefaultVersion"]) == (json.loads(WRITING), True)
    assert refused(iam.delete_policy_version, PolicyArn=policy, VersionId="v2")[0] == "DeleteConflict"
    iam.delete_policy_version(PolicyArn=policy, VersionId="v1")
    assert [one["VersionId"] for one in iam.list_policy_versions(PolicyArn=policy)["Versions"]] == ["v2"]
    assert policy in [one["Arn"] for one in iam.list_policies(Scope="Local")["Policies"]]


def test_a_managed_policy_is_attached_to_users_and_roles_and_detached(iam, user, role, policy):
    iam.attach_user_policy(UserName=user, PolicyArn=policy)
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)

    mine = [{"PolicyName": "walk-policy", "PolicyArn": policy}]
    assert iam.list_attached_user_policies(UserName=user)["AttachedPolicies"] == mine
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == mine
    assert iam.get_policy(PolicyArn=policy)["Policy"]["AttachmentCount"] == 2
    iam.detach_user_policy(UserName=user, PolicyArn=policy)
    iam.detach_role_policy(RoleName=role, PolicyArn=policy)
    assert iam.get_policy(PolicyArn=policy)["Policy"]["AttachmentCount"] == 0


def test_boundaries_are_put_and_taken_away(iam, user, role, policy):
    iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=policy)
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=policy)

    bounded = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": policy}
    assert iam.get_user(UserName=user)["User"]["PermissionsBoundary"] == bounded
    assert iam.get_role(RoleName=role)["Role"]["PermissionsBoundary"] == bounded
    iam.delete_user_permissions_boundary(UserName=user)
    iam.delete_role_permissions_boundary(RoleName=role)
    assert "PermissionsBoundary" not in iam.get_user(UserName=user)["User"]
    assert "PermissionsBoundary" not in iam.get_role(RoleName=role)["Role"]


def test_tags_of_users_roles_and_policies_come_and_go(iam, user, role, policy):
    tags = [{"Key": "team", "Value": "blue"}]
    iam.tag_user(UserName=user, Tags=tags)
    iam.tag_role(RoleName=role, Tags=tags)
    iam.tag_policy(PolicyArn=policy, Tags=tags)

    assert iam.list_user_tags(UserName=user)["Tags"] == tags
    assert iam.list_role_tags(RoleName=role)["Tags"] == tags
    assert iam.list_policy_tags(PolicyArn=policy)["Tags"] == tags
    iam.untag_user(UserName=user, TagKeys=["team"])
    iam.untag_role(RoleName=role, TagKeys=["team"])
    iam.untag_policy(PolicyArn=policy, TagKeys=["team"])
    assert iam.list_user_tags(UserName=user)["Tags"] == []
    assert iam.list_role_tags(RoleName=role)["Tags"] == []
    assert iam.list_policy_tags(PolicyArn=policy)["Tags"] == []


def test_a_user_has_none_of_what_only_aws_gives(iam, user, refused):
    assert iam.list_mfa_devices(UserName=user)["MFADevices"] == []
    assert iam.list_signing_certificates(UserName=user)["Certificates"] == []
    assert iam.list_ssh_public_keys(UserName=user)["SSHPublicKeys"] == []
    assert iam.list_service_specific_credentials(UserName=user)["ServiceSpecificCredentials"] == []
    assert refused(iam.get_login_profile, UserName=user)[0] == "NoSuchEntity"
    assert refused(iam.delete_login_profile, UserName=user)[0] == "NoSuchEntity"
