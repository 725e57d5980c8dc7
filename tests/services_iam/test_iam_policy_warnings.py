"""Whoever puts a policy that protects less than it seems to is told by the record of the call. The policy is taken."""

import json
import time

import pytest

TRAP = {"StringEqualsIfExists": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
ALLOW = {"Sid": "Trap", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": TRAP}
TOLD = {
    "statement": "Trap",
    "code": "direct-passes",
    "text": "a direct call has no kms:viaservice: it passes StringEqualsIfExists, and is allowed",
}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def key_policy(house, **more):
    root = {"Effect": "Allow", "Principal": {"AWS": house.account}, "Action": "kms:*", "Resource": "*"}
    return document(root, {**ALLOW, "Principal": {"AWS": house.account}, **more})


def trust(house):
    return document({"Sid": "Trap", "Effect": "Allow", "Principal": {"AWS": house.account}, "Action": "sts:AssumeRole",
                     "Condition": TRAP})  # fmt: skip


@pytest.fixture(scope="module")
def recorded(house):
    """The record of the call that has just been answered, found by its request id."""
    trail = house.client("cloudtrail")

    def find(answer, region="us-east-1"):
        request_id = answer["ResponseMetadata"]["RequestId"]
        events = trail.lookup_events(StartTime=time.time() - 60)["Events"]
        records = [json.loads(event["CloudTrailEvent"]) for event in events]
        return next(record for record in records if record["requestID"] == request_id)

    return find


@pytest.fixture(scope="module")
def calls(house):
    iam, kms, sts = house.client("iam"), house.client("kms"), house.client("sts")
    iam.create_user(UserName="warned")
    iam.create_group(GroupName="warned")
    role = iam.create_role(RoleName="warned-before", AssumeRolePolicyDocument=trust(house))["Role"]["Arn"]
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    policy = iam.create_policy(PolicyName="warned-before", PolicyDocument=document(ALLOW))["Policy"]["Arn"]
    named = {"PolicyName": "trap", "PolicyDocument": document(ALLOW)}
    session = {"RoleArn": role, "RoleSessionName": "s1", "Policy": document(ALLOW)}
    return {
        "CreateKey": lambda: kms.create_key(Policy=key_policy(house)),
        "PutKeyPolicy": lambda: kms.put_key_policy(KeyId=key, Policy=key_policy(house)),
        "CreatePolicy": lambda: iam.create_policy(PolicyName="warned", PolicyDocument=document(ALLOW)),
        "CreatePolicyVersion": lambda: iam.create_policy_version(PolicyArn=policy, PolicyDocument=document(ALLOW)),
        "PutUserPolicy": lambda: iam.put_user_policy(UserName="warned", **named),
        "PutGroupPolicy": lambda: iam.put_group_policy(GroupName="warned", **named),
        "PutRolePolicy": lambda: iam.put_role_policy(RoleName="warned-before", **named),
        "CreateRole": lambda: iam.create_role(RoleName="warned", AssumeRolePolicyDocument=trust(house)),
        "UpdateAssumeRolePolicy": lambda: iam.update_assume_role_policy(
            RoleName="warned-before", PolicyDocument=trust(house)
        ),
        "AssumeRole": lambda: sts.assume_role(**session),
        "GetFederationToken": lambda: sts.get_federation_token(Name="fed", Policy=document(ALLOW)),
    }


OPERATIONS = [
    "CreateKey", "PutKeyPolicy", "CreatePolicy", "CreatePolicyVersion", "PutUserPolicy", "PutGroupPolicy",
    "PutRolePolicy", "CreateRole", "UpdateAssumeRolePolicy", "AssumeRole", "GetFederationToken",
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_record_of_a_put_says_what_the_linter_says(calls, recorded, operation):
    record = recorded(calls[operation]())

    assert record["eventName"] == operation
    assert record["additionalEventData"]["policyWarnings"] == [TOLD]


def test_a_good_policy_leaves_nothing_on_the_record(house, recorded):
    good = {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
    answer = house.client("kms").create_key(Policy=key_policy(house, Condition=good))

    assert "policyWarnings" not in recorded(answer).get("additionalEventData", {})


def test_at_most_twenty_warnings_are_on_the_record(house, iam, recorded):
    many = [{**ALLOW, "Sid": f"Trap{number}"} for number in range(25)]
    answer = iam.create_policy(PolicyName="warned-often", PolicyDocument=document(*many))

    assert len(recorded(answer)["additionalEventData"]["policyWarnings"]) == 20
