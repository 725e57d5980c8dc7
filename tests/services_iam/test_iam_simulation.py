"""The policy simulator, with boto3 on the other side: its answers are those that attempts get."""

import json

import pytest
from botocore.exceptions import ClientError


def allow(*actions, effect="Allow", resource="*", **more):
    return {"Effect": effect, "Action": list(actions), "Resource": resource, **more}


def document(*statements, **written):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, **written)


def decisions(answer):
    return {
        (one["EvalActionName"], one["EvalResourceName"]): one["EvalDecision"] for one in answer["EvaluationResults"]
    }


def test_a_custom_policy_is_decided_for_each_action_and_resource(iam):
    policy = document(
        allow("kms:*", resource="arn:aws:kms:*:*:key/a"), allow("kms:Delete*", effect="Deny"), allow("iam:ListUsers")
    )

    answer = iam.simulate_custom_policy(
        PolicyInputList=[policy],
        ActionNames=["kms:Encrypt", "kms:DeleteAlias", "sts:AssumeRole"],
        ResourceArns=["arn:aws:kms:us-east-1:111122223333:key/a", "arn:aws:kms:us-east-1:111122223333:key/b"],
    )

    a, b = "arn:aws:kms:us-east-1:111122223333:key/a", "arn:aws:kms:us-east-1:111122223333:key/b"
    assert decisions(answer) == {
        ("kms:Encrypt", a): "allowed",
        ("kms:Encrypt", b): "implicitDeny",
        ("kms:DeleteAlias", a): "explicitDeny",
        ("kms:DeleteAlias", b): "explicitDeny",
        ("sts:AssumeRole", a): "implicitDeny",
        ("sts:AssumeRole", b): "implicitDeny",
    }


def test_the_statements_that_decide_are_pointed_at(iam):
    text = document(allow("kms:*"), allow("kms:DeleteAlias", effect="Deny"), indent=1)

    answer = iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=["kms:Encrypt", "kms:DeleteAlias"])

    lines = text.split("\n")
    for result, effect in zip(answer["EvaluationResults"], ("Allow", "Deny"), strict=True):
        [matched] = result["MatchedStatements"]
        start, end = matched["StartPosition"], matched["EndPosition"]
        pointed = "\n".join(lines[start["Line"] - 1 : end["Line"]])[start["Column"] - 1 :].rstrip(",")
        assert json.loads(pointed)["Effect"] == effect
        assert matched["SourcePolicyId"] == "PolicyInputList.1"


def test_context_decides_and_what_is_missing_is_named(iam):
    condition = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    policy = document(allow("kms:Encrypt", Condition=condition))

    def ask(*entries):
        answer = iam.simulate_custom_policy(
            PolicyInputList=[policy], ActionNames=["kms:Encrypt"], ContextEntries=list(entries)
        )
        [result] = answer["EvaluationResults"]
        return result["EvalDecision"], result["MissingContextValues"]

    def tag(value):
        return {"ContextKeyName": "aws:PrincipalTag/team", "ContextKeyType": "string", "ContextKeyValues": [value]}

    assert ask() == ("implicitDeny", ["aws:principaltag/team"])
    assert ask(tag("blue")) == ("allowed", [])
    assert ask(tag("red")) == ("implicitDeny", [])


def test_a_boundary_bounds_and_the_answer_says_so(iam):
    answer = iam.simulate_custom_policy(
        PolicyInputList=[document(allow("*"))],
        PermissionsBoundaryPolicyInputList=[document(allow("kms:Encrypt"))],
        ActionNames=["kms:Encrypt", "kms:Decrypt"],
    )

    assert [
        (one["EvalDecision"], one["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"])
        for one in answer["EvaluationResults"]
    ] == [("allowed", True), ("implicitDeny", False)]


def test_a_resource_policy_is_joined(iam, house):
    caller = f"arn:aws:iam::{house.account}:user/simulated-caller"
    named = document({**allow("secretsmanager:GetSecretValue"), "Principal": {"AWS": caller}})
    denied = document({**allow("secretsmanager:*", effect="Deny"), "Principal": "*"})

    def ask(resource_policy, **more):
        answer = iam.simulate_custom_policy(
            PolicyInputList=[document(allow("iam:ListUsers"))],
            ResourcePolicy=resource_policy,
            ActionNames=["secretsmanager:GetSecretValue"],
            **more,
        )
        return answer["EvaluationResults"][0]["EvalDecision"]

    assert ask(named, CallerArn=caller) == "allowed"
    assert ask(named, CallerArn=caller + "2") == "implicitDeny"
    assert ask(denied, CallerArn=caller) == "explicitDeny"
    assert ask(named, CallerArn=caller, ResourceOwner="444455556666") == "implicitDeny"  # both sides must allow


@pytest.fixture(scope="module")
def team(iam):
    """A user in a group, with inline and attached policies, a tag and a boundary; their names say where they come from."""
    bound = iam.create_policy(PolicyName="sim-bound", PolicyDocument=document(allow("iam:*", "kms:*")))["Policy"]["Arn"]
    iam.create_user(UserName="sim-user", PermissionsBoundary=bound, Tags=[{"Key": "team", "Value": "blue"}])
    iam.create_group(GroupName="sim-group")
    iam.add_user_to_group(GroupName="sim-group", UserName="sim-user")
    iam.put_group_policy(
        GroupName="sim-group",
        PolicyName="of-group",
        PolicyDocument=document(allow("iam:ListRoles"), allow("kms:CreateKey", effect="Deny")),
    )
    tagged = allow("kms:ListKeys", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    own = allow("iam:GetUser", resource="arn:aws:iam::*:user/${aws:username}")
    iam.put_user_policy(
        UserName="sim-user", PolicyName="of-user", PolicyDocument=document(tagged, own, allow("kms:CreateKey"))
    )
    iam.attach_user_policy(UserName="sim-user", PolicyArn="arn:aws:iam::aws:policy/AWSCloudTrail_ReadOnlyAccess")
    return iam.get_user(UserName="sim-user")["User"]["Arn"]


def test_a_principals_policies_are_named_as_they_are_kept(iam, team):
    answer = iam.simulate_principal_policy(
        PolicySourceArn=team, ActionNames=["iam:ListRoles", "kms:ListKeys", "kms:CreateKey", "cloudtrail:LookupEvents"]
    )

    found = [
        (one["EvalDecision"], [(m["SourcePolicyId"], m["SourcePolicyType"]) for m in one["MatchedStatements"]])
        for one in answer["EvaluationResults"]
    ]
    assert found == [
        ("allowed", [("of-group", "group")]),
        ("allowed", [("of-user", "user")]),
        ("explicitDeny", [("of-group", "group")]),
        ("implicitDeny", []),  # beyond the boundary
    ]


ATTEMPTS = {
    "iam:ListRoles": lambda house, key: house.client("iam", key).list_roles(),
    "iam:ListUsers": lambda house, key: house.client("iam", key).list_users(),
    "iam:GetUser": lambda house, key: house.client("iam", key).get_user(UserName="sim-user"),
    "kms:ListKeys": lambda house, key: house.client("kms", key).list_keys(),
    "kms:ListAliases": lambda house, key: house.client("kms", key).list_aliases(),
    "kms:CreateKey": lambda house, key: house.client("kms", key).create_key(),
    "cloudtrail:LookupEvents": lambda house, key: house.client("cloudtrail", key).lookup_events(),
}


@pytest.fixture(scope="module")
def key(iam, team):
    return iam.create_access_key(UserName="sim-user")["AccessKey"]


@pytest.mark.parametrize("action", ATTEMPTS)
def test_the_simulator_says_what_an_attempt_gets(iam, house, team, key, action):
    resource = team if action == "iam:GetUser" else "*"

    [result] = iam.simulate_principal_policy(PolicySourceArn=team, ActionNames=[action], ResourceArns=[resource])[
        "EvaluationResults"
    ]
    try:
        ATTEMPTS[action](house, key)
        attempt = "allowed"
    except ClientError as error:
        attempt = "explicitDeny" if "explicit deny" in str(error) else "implicitDeny"

    assert result["EvalDecision"] == attempt


def test_policies_can_be_added_to_a_principals(iam, team):
    answer = iam.simulate_principal_policy(
        PolicySourceArn=team, ActionNames=["kms:ListAliases"], PolicyInputList=[document(allow("kms:ListAliases"))]
    )

    assert answer["EvaluationResults"][0]["EvalDecision"] == "allowed"


def test_keys_that_policies_ask_for_are_listed(iam, team):
    condition = {"StringLike": {"AWS:UserName": "x"}, "Bool": {"aws:SecureTransport": "true"}}
    policy = document(allow("kms:*", Condition=condition))

    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[policy])["ContextKeyNames"] == [
        "AWS:UserName",
        "aws:SecureTransport",
    ]
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=team)["ContextKeyNames"] == [
        "aws:PrincipalTag/team",
        "aws:username",
    ]


def test_results_come_in_pages(iam):
    actions = [f"kms:Action{number}" for number in range(25)]
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[document(allow("kms:*"))], ActionNames=actions, PaginationConfig={"PageSize": 10}
    )

    listed = [[one["EvalActionName"] for one in page["EvaluationResults"]] for page in pages]

    assert [len(page) for page in listed] == [10, 10, 5]
    assert [action for page in listed for action in page] == actions


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"PolicyInputList": ["{"], "ActionNames": ["kms:Encrypt"]}, "MalformedPolicyDocument"),
        ({"PolicyInputList": [document(allow("*"))], "ActionNames": ["kms"]}, "InvalidInput"),
        ({"PolicyInputList": [document(allow("*"))], "ActionNames": ["kms:*"]}, "InvalidInput"),
        (
            {
                "PolicyInputList": [document(allow("*"))],
                "ActionNames": ["kms:E"],
                "ResourcePolicy": document(allow("*")),
            },
            "InvalidInput",
        ),
        (
            {"PolicyInputList": [document(allow("*"))], "ActionNames": ["kms:E"], "ResourceHandlingOption": "EC2-VPC"},
            "UnsupportedOperation",
        ),
    ],
)
def test_what_cannot_be_simulated_is_refused(iam, refused, asked, code):
    assert refused(iam.simulate_custom_policy, **asked)[0] == code


def test_a_source_that_is_not_there_is_not_found(iam, house, refused):
    for kind in ("user", "role", "group"):
        arn = f"arn:aws:iam::{house.account}:{kind}/nobody"
        asked = refused(iam.simulate_principal_policy, PolicySourceArn=arn, ActionNames=["kms:Encrypt"])
        assert asked == ("NoSuchEntity", f"The {kind} with name nobody cannot be found.")


def test_simulating_another_needs_leave(iam, sign_in, team, refused):
    stranger = sign_in("sim-stranger")("iam")

    assert refused(stranger.simulate_principal_policy, PolicySourceArn=team, ActionNames=["kms:Encrypt"])[0] == (
        "AccessDenied"
    )
