"""Groups, with boto3 on the other side: membership, and policies that count for every member at once."""

import json

import pytest

ALLOW_LIST = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:ListGroups", "Resource": "*"}]}
)
DENY_LIST = ALLOW_LIST.replace("Allow", "Deny")


@pytest.fixture
def group(iam, request):
    name = request.node.name[5:100]
    return iam.create_group(GroupName=name, Path="/teams/")["Group"]


def test_a_group_is_found_again_as_it_was_made(iam, house, group):
    found = iam.get_group(GroupName=group["GroupName"].upper())

    assert found["Group"] == group
    assert found["Users"] == []
    assert group["Arn"] == f"arn:aws:iam::{house.account}:group/teams/{group['GroupName']}"
    assert group["GroupId"].startswith("AGPA")


def test_a_second_group_of_the_name_is_refused_whatever_its_case(iam, group, refused):
    again = refused(iam.create_group, GroupName=group["GroupName"].upper())

    assert again == ("EntityAlreadyExists", f"Group with name {group['GroupName'].upper()} already exists.")


def test_a_group_that_is_not_there_is_not_found(iam, refused):
    assert refused(iam.get_group, GroupName="nobody") == (
        "NoSuchEntity",
        "The group with name nobody cannot be found.",
    )


def test_groups_are_listed_by_path(iam, group):
    pages = iam.get_paginator("list_groups").paginate(PathPrefix="/teams/", PaginationConfig={"PageSize": 1})

    assert group["GroupName"] in [one["GroupName"] for page in pages for one in page["Groups"]]
    assert iam.list_groups(PathPrefix="/elsewhere/")["Groups"] == []


def test_members_are_listed_from_both_sides(iam, group):
    iam.create_user(UserName="member-of-one")

    iam.add_user_to_group(GroupName=group["GroupName"], UserName="member-of-one")
    iam.add_user_to_group(GroupName=group["GroupName"], UserName="member-of-one")

    assert [user["UserName"] for user in iam.get_group(GroupName=group["GroupName"])["Users"]] == ["member-of-one"]
    assert iam.list_groups_for_user(UserName="member-of-one")["Groups"] == [group]


def test_an_inline_policy_of_a_group_counts_for_its_members_at_once(iam, sign_in, group, refused):
    member = sign_in("inline-member")("iam")
    iam.add_user_to_group(GroupName=group["GroupName"], UserName="inline-member")
    before = refused(member.list_groups)

    iam.put_group_policy(GroupName=group["GroupName"], PolicyName="list", PolicyDocument=ALLOW_LIST)

    assert before[0] == "AccessDenied"
    assert member.list_groups()["Groups"]
    assert iam.get_group_policy(GroupName=group["GroupName"], PolicyName="list")["PolicyDocument"] == json.loads(
        ALLOW_LIST
    )
    assert iam.list_group_policies(GroupName=group["GroupName"])["PolicyNames"] == ["list"]


def test_who_leaves_a_group_leaves_its_policies_behind(iam, sign_in, group, refused):
    member = sign_in("leaving-member")("iam")
    iam.add_user_to_group(GroupName=group["GroupName"], UserName="leaving-member")
    iam.attach_group_policy(GroupName=group["GroupName"], PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    assert member.list_groups()["Groups"]

    iam.remove_user_from_group(GroupName=group["GroupName"], UserName="leaving-member")

    assert refused(member.list_groups)[0] == "AccessDenied"


def test_a_denial_of_a_group_beats_what_the_user_is_allowed(iam, sign_in, group, refused):
    member = sign_in("denied-member")("iam")
    iam.put_user_policy(UserName="denied-member", PolicyName="list", PolicyDocument=ALLOW_LIST)
    iam.put_group_policy(GroupName=group["GroupName"], PolicyName="no", PolicyDocument=DENY_LIST)
    assert member.list_groups()["Groups"]

    iam.add_user_to_group(GroupName=group["GroupName"], UserName="denied-member")

    assert "with an explicit deny in an identity-based policy" in refused(member.list_groups)[1]


def test_the_policies_of_a_group_are_listed_and_name_it(iam, group):
    arn = "arn:aws:iam::aws:policy/SecurityAudit"
    iam.attach_group_policy(GroupName=group["GroupName"], PolicyArn=arn)

    attached = iam.list_attached_group_policies(GroupName=group["GroupName"])["AttachedPolicies"]
    entities = iam.list_entities_for_policy(PolicyArn=arn, EntityFilter="Group")
    iam.detach_group_policy(GroupName=group["GroupName"], PolicyArn=arn)

    assert attached == [{"PolicyName": "SecurityAudit", "PolicyArn": arn}]
    assert entities["PolicyGroups"] == [{"GroupName": group["GroupName"], "GroupId": group["GroupId"]}]
    assert iam.list_attached_group_policies(GroupName=group["GroupName"])["AttachedPolicies"] == []


def test_a_group_goes_only_when_it_is_empty(iam, group, refused):
    name, arn = group["GroupName"], "arn:aws:iam::aws:policy/SecurityAudit"
    iam.create_user(UserName="last-member")
    iam.add_user_to_group(GroupName=name, UserName="last-member")
    iam.attach_group_policy(GroupName=name, PolicyArn=arn)
    iam.put_group_policy(GroupName=name, PolicyName="list", PolicyDocument=ALLOW_LIST)

    said = [refused(iam.delete_group, GroupName=name)]
    iam.detach_group_policy(GroupName=name, PolicyArn=arn)
    said.append(refused(iam.delete_group, GroupName=name))
    iam.delete_group_policy(GroupName=name, PolicyName="list")
    said += [refused(iam.delete_group, GroupName=name), refused(iam.delete_user, UserName="last-member")]
    iam.remove_user_from_group(GroupName=name, UserName="last-member")
    iam.delete_group(GroupName=name)

    assert said == [
        ("DeleteConflict", "Cannot delete entity, must detach all policies first."),
        ("DeleteConflict", "Cannot delete entity, must delete policies first."),
        ("DeleteConflict", "Cannot delete entity, must remove users from group first."),
        ("DeleteConflict", "Cannot delete entity, must remove users from group first."),
    ]
    assert refused(iam.get_group, GroupName=name)[0] == "NoSuchEntity"


def test_a_group_can_be_renamed_and_stays_itself(iam, group):
    iam.update_group(GroupName=group["GroupName"], NewGroupName="renamed-group", NewPath="/moved/")

    found = iam.get_group(GroupName="renamed-group")["Group"]

    assert (found["GroupId"], found["Path"]) == (group["GroupId"], "/moved/")


def test_a_user_is_in_ten_groups_at_most(iam, refused):
    iam.create_user(UserName="joiner")
    for number in range(11):
        iam.create_group(GroupName=f"joined-{number}")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"joined-{number}", UserName="joiner")

    assert refused(iam.add_user_to_group, GroupName="joined-10", UserName="joiner") == (
        "LimitExceeded",
        "Cannot exceed quota for GroupsPerUser: 10",
    )


def test_a_group_is_no_principal(iam, group, refused):
    statement = {"Effect": "Allow", "Principal": {"AWS": group["Arn"]}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    assert refused(iam.create_role, RoleName="of-a-group", AssumeRolePolicyDocument=document) == (
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"{group["Arn"]}"',
    )
