"""What an account says of itself, with boto3 on the other side: alias, summary, details, report, last use."""

import csv
import io
import json
import time

import pytest

from keystead.testing import running

TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions):
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*"}


def eventually(ask, holds):
    """What is folded in from the trail comes a moment after the call."""
    for _ in range(100):
        found = ask()
        if holds(found):
            return found
        time.sleep(0.05)
    pytest.fail(f"it never came to hold: {found}")


# --- alias ----------------------------------------------------------------------------------------------------------------


def test_an_account_has_one_alias_and_the_next_one_replaces_it(iam):
    iam.create_account_alias(AccountAlias="first-alias")
    iam.create_account_alias(AccountAlias="second-alias")

    assert iam.list_account_aliases()["AccountAliases"] == ["second-alias"]

    iam.delete_account_alias(AccountAlias="second-alias")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_an_alias_is_nobody_elses(iam, house, refused):
    iam.create_account_alias(AccountAlias="taken-alias")
    other = house.create_account()
    key = {"AccessKeyId": other.access_key_id, "SecretAccessKey": other.secret_access_key}

    assert refused(house.client("iam", key).create_account_alias, AccountAlias="taken-alias") == (
        "EntityAlreadyExists",
        "The account alias taken-alias already exists.",
    )
    iam.delete_account_alias(AccountAlias="taken-alias")


def test_an_alias_that_is_not_there_is_not_found(iam, refused):
    assert refused(iam.delete_account_alias, AccountAlias="never-was")[0] == "NoSuchEntity"


# --- summary and details --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def populated():
    """A client of an account that has one of everything."""
    with running() as house:
        iam = house.client("iam")
        policy = iam.create_policy(PolicyName="own", PolicyDocument=document(allow("kms:ListKeys")))["Policy"]["Arn"]
        version = document(allow("kms:ListAliases"))
        iam.create_policy_version(PolicyArn=policy, PolicyDocument=version, SetAsDefault=True)
        iam.create_group(GroupName="team")
        iam.put_group_policy(GroupName="team", PolicyName="inline", PolicyDocument=document(allow("kms:ListKeys")))
        iam.create_user(UserName="ann", PermissionsBoundary=policy, Tags=[{"Key": "team", "Value": "blue"}])
        iam.add_user_to_group(GroupName="team", UserName="ann")
        iam.attach_user_policy(UserName="ann", PolicyArn=policy)
        iam.put_user_policy(UserName="ann", PolicyName="inline", PolicyDocument=document(allow("kms:*")))
        iam.create_role(RoleName="runner", AssumeRolePolicyDocument=document(TRUST))
        iam.create_instance_profile(InstanceProfileName="machine", Path="/machines/")
        iam.add_role_to_instance_profile(InstanceProfileName="machine", RoleName="runner")
        iam.create_open_id_connect_provider(Url="https://id.example.com")
        yield iam


def test_the_summary_counts_what_there_is(populated):
    summary = populated.get_account_summary()["SummaryMap"]

    counted = {name: summary[name] for name in ("Users", "Groups", "Roles", "Policies", "PolicyVersionsInUse")}
    assert counted == {"Users": 2, "Groups": 1, "Roles": 1, "Policies": 1, "PolicyVersionsInUse": 2}
    assert (summary["InstanceProfiles"], summary["Providers"]) == (1, 1)
    assert (summary["UsersQuota"], summary["AccessKeysPerUserQuota"]) == (5000, 2)


def test_the_details_hold_everything_that_decides(populated):
    details = populated.get_account_authorization_details()

    [ann] = [user for user in details["UserDetailList"] if user["UserName"] == "ann"]
    [team], [runner] = details["GroupDetailList"], details["RoleDetailList"]
    own = next(policy for policy in details["Policies"] if policy["PolicyName"] == "own")
    assert (ann["GroupList"], [one["PolicyName"] for one in ann["AttachedManagedPolicies"]]) == (["team"], ["own"])
    assert ann["UserPolicyList"][0]["PolicyDocument"]["Statement"][0]["Action"] == ["kms:*"]
    assert ann["PermissionsBoundary"]["PermissionsBoundaryArn"] == own["Arn"]
    assert ann["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert team["GroupPolicyList"][0]["PolicyName"] == "inline"
    assert runner["AssumeRolePolicyDocument"]["Statement"] == [TRUST]
    assert runner["InstanceProfileList"][0]["InstanceProfileName"] == "machine"
    assert (own["AttachmentCount"], own["PermissionsBoundaryUsageCount"], own["DefaultVersionId"]) == (1, 1, "v2")
    assert [version["VersionId"] for version in own["PolicyVersionList"]] == ["v2", "v1"]


@pytest.mark.parametrize(
    ("wanted", "lists"),
    [
        ("User", {"UserDetailList": 2}),
        ("Group", {"GroupDetailList": 1}),
        ("Role", {"RoleDetailList": 1}),
        ("LocalManagedPolicy", {"Policies": 1}),
        ("AWSManagedPolicy", {"Policies": 1}),  # the administrator's
    ],
)
def test_details_are_filtered(populated, wanted, lists):
    details = populated.get_account_authorization_details(Filter=[wanted])

    names = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    assert {name: len(details[name]) for name in names if details[name]} == lists


def test_details_come_in_pages(populated):
    pages = populated.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 1})

    counted = [
        sum(len(page[name]) for name in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"))
        for page in pages
    ]

    assert counted == [1] * 6


# --- last use and the report ----------------------------------------------------------------------------------------------


def test_a_key_that_was_never_used_says_so(iam):
    iam.create_user(UserName="unused")
    key = iam.create_access_key(UserName="unused")["AccessKey"]["AccessKeyId"]

    answer = iam.get_access_key_last_used(AccessKeyId=key)

    assert answer["UserName"] == "unused"
    assert answer["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}


def test_the_last_use_of_a_key_is_folded_in_from_the_trail(iam, sign_in, refused):
    kms = sign_in("used")("kms", region_name="eu-west-1")
    refused(kms.list_keys)  # an attempt is a use
    key = iam.list_access_keys(UserName="used")["AccessKeyMetadata"][0]["AccessKeyId"]

    def ask():
        return iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]

    found = eventually(ask, lambda used: used["ServiceName"] == "kms")
    assert found["Region"] == "eu-west-1"
    assert abs(found["LastUsedDate"].timestamp() - time.time()) < 60


def test_the_last_use_of_a_role_is_that_of_its_sessions(iam, house):
    trust = {"Effect": "Allow", "Principal": {"AWS": house.account}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName="used-role", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    before = iam.get_role(RoleName="used-role")["Role"]["RoleLastUsed"]
    given = house.client("sts").assume_role(RoleArn=arn, RoleSessionName="s1")["Credentials"]
    house.client("sts", given, region_name="eu-west-1").get_caller_identity()

    def ask():
        return iam.get_role(RoleName="used-role")["Role"]["RoleLastUsed"]

    assert before == {}
    assert eventually(ask, bool)["Region"] == "eu-west-1"


def test_another_accounts_key_is_not_found(iam, house, refused):
    other = house.create_account()

    assert refused(iam.get_access_key_last_used, AccessKeyId=other.access_key_id)[0] == "NoSuchEntity"


def test_there_is_no_report_before_one_is_made(refused):
    with running() as house:
        assert refused(house.client("iam").get_credential_report)[0] == "ReportNotPresent"


def test_the_report_has_a_line_for_each_user(iam, sign_in, house):
    sign_in("reported")("sts").get_caller_identity()
    key = iam.list_access_keys(UserName="reported")["AccessKeyMetadata"][0]["AccessKeyId"]
    iam.update_access_key(UserName="reported", AccessKeyId=key, Status="Inactive")

    def ask():
        assert iam.generate_credential_report()["State"] == "COMPLETE"
        content = iam.get_credential_report()["Content"].decode()
        return {line["user"]: line for line in csv.DictReader(io.StringIO(content))}

    lines = eventually(ask, lambda lines: lines["reported"]["access_key_1_last_used_service"] == "sts")
    root, reported = lines["<root_account>"], lines["reported"]
    assert (root["arn"], root["access_key_1_active"]) == (f"arn:aws:iam::{house.account}:root", "false")
    assert (reported["access_key_1_active"], reported["access_key_2_active"]) == ("false", "false")
    assert reported["arn"] == f"arn:aws:iam::{house.account}:user/reported"


def test_a_name_that_a_spreadsheet_would_run_is_a_text_in_the_report(iam):
    iam.create_user(UserName="=cmd")

    iam.generate_credential_report()

    assert "\n'=cmd,arn:" in iam.get_credential_report()["Content"].decode()


# --- instance profiles ----------------------------------------------------------------------------------------------------


@pytest.fixture
def profile(iam, request):
    name = request.node.name[5:]
    return iam.create_instance_profile(InstanceProfileName=name, Path="/m/")["InstanceProfile"]


def test_a_profile_is_found_again_as_it_was_made(iam, house, profile):
    found = iam.get_instance_profile(InstanceProfileName=profile["InstanceProfileName"])["InstanceProfile"]

    assert found == profile
    assert found["Arn"] == f"arn:aws:iam::{house.account}:instance-profile/m/{profile['InstanceProfileName']}"
    assert found["InstanceProfileId"].startswith("AIPA")
    assert profile["Arn"] in [one["Arn"] for one in iam.list_instance_profiles(PathPrefix="/m/")["InstanceProfiles"]]


def test_a_profile_holds_one_role_and_neither_goes_before_they_part(iam, profile, refused):
    name = profile["InstanceProfileName"]
    for role in ("part-one", "part-two"):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=document(TRUST))
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="part-one")

    second = refused(iam.add_role_to_instance_profile, InstanceProfileName=name, RoleName="part-two")
    conflict = ("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
    assert second == ("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    assert refused(iam.delete_role, RoleName="part-one") == conflict
    assert refused(iam.delete_instance_profile, InstanceProfileName=name) == conflict
    assert [
        one["InstanceProfileName"]
        for one in iam.list_instance_profiles_for_role(RoleName="part-one")["InstanceProfiles"]
    ] == [name]

    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName="part-one")
    iam.delete_role(RoleName="part-one")
    iam.delete_instance_profile(InstanceProfileName=name)
    assert refused(iam.get_instance_profile, InstanceProfileName=name) == (
        "NoSuchEntity",
        f"Instance Profile {name} cannot be found.",
    )


def test_who_may_not_pass_a_role_puts_it_into_no_profile(iam, sign_in, profile, refused):
    iam.create_role(RoleName="not-passed", AssumeRolePolicyDocument=document(TRUST))
    operator = sign_in("operator")("iam")
    may = document(allow("iam:AddRoleToInstanceProfile"))
    iam.put_user_policy(UserName="operator", PolicyName="p", PolicyDocument=may)

    code, text = refused(
        operator.add_role_to_instance_profile,
        InstanceProfileName=profile["InstanceProfileName"],
        RoleName="not-passed",
    )

    assert code == "AccessDenied"
    assert "iam:PassRole on resource: arn:aws:iam::" in text


def test_tags_of_a_profile_come_and_go(iam, profile):
    name = profile["InstanceProfileName"]
    iam.tag_instance_profile(InstanceProfileName=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_instance_profile(InstanceProfileName=name, TagKeys=["A"])

    assert iam.list_instance_profile_tags(InstanceProfileName=name)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_the_waiter_for_profiles_finds_one(iam, profile):
    iam.get_waiter("instance_profile_exists").wait(
        InstanceProfileName=profile["InstanceProfileName"], WaiterConfig={"Delay": 1, "MaxAttempts": 1}
    )
