"""BatchGetSecretValue and GetRandomPassword with boto3."""

import json
import string

import pytest


@pytest.fixture
def four(sm, house, name):
    """(found, undecryptable, marked, denied); the last by a policy of its own."""
    kms = house.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    names = [f"{name}/{number}" for number in range(4)]
    for one in names:
        sm.create_secret(Name=one, SecretString=one, **({"KmsKeyId": key} if one == names[1] else {}))
    kms.disable_key(KeyId=key)
    sm.delete_secret(SecretId=names[2])
    statement = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sm.put_resource_policy(SecretId=names[3], ResourcePolicy=document)
    return names


CODES = {
    1: "DecryptionFailure",
    2: "InvalidRequestException",
    3: "AccessDeniedException",
    "missing": "ResourceNotFoundException",
    "bad name": "ValidationException",
}


def test_each_secret_of_a_list_is_read_or_says_why_not(sm, four, name):
    answer = sm.batch_get_secret_value(SecretIdList=[*four, "missing", "bad name"])

    assert [(one["Name"], one["SecretString"]) for one in answer["SecretValues"]] == [(four[0], four[0])]
    told = {one["SecretId"]: one["ErrorCode"] for one in answer["Errors"]}
    assert told == {four[at] if isinstance(at, int) else at: code for at, code in CODES.items()}
    assert all(one["Message"] for one in answer["Errors"])
    assert "NextToken" not in answer


def test_each_is_recorded_as_a_read_of_its_own(sm, four, events):
    before = len(events())

    sm.batch_get_secret_value(SecretIdList=four)

    made = [one for one in events()[before:] if one["eventType"] == "AwsApiCall"]  # others come when they come
    reads = [one for one in made if one["eventName"] == "GetSecretValue"]
    assert made[0]["eventName"] == "BatchGetSecretValue"
    assert [one["requestParameters"] and one["requestParameters"]["secretId"] for one in reads] == [*four[:3], None]
    assert [one.get("errorCode") for one in reads] == [
        None,
        "DecryptionFailure",
        "InvalidRequestException",
        "AccessDenied",
    ]
    opened = [one for one in made if one["eventName"] == "Decrypt"]
    assert [one.get("errorCode") for one in opened] == [None, "DisabledException"]
    assert [one["additionalEventData"]["originRequestID"] for one in opened] == [one["requestID"] for one in reads[:2]]
    assert "invokedBy" not in reads[0]["userIdentity"]


def test_filters_find_what_is_read_in_pages(sm, name):
    for number in range(5):
        sm.create_secret(Name=f"{name}/{number}", SecretString=str(number))
    found, token = [], {}
    while True:
        asked = {"Filters": [{"Key": "name", "Values": [name]}], "MaxResults": 2, **token}
        answer = sm.batch_get_secret_value(**asked)
        found.append([one["SecretString"] for one in answer["SecretValues"]])
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}

    assert found == [["0", "1"], ["2", "3"], ["4"]]


def test_one_of_the_two_selectors(sm, refused):
    filters = [{"Key": "name", "Values": ["x"]}]
    for asked in ({}, {"SecretIdList": ["x"], "Filters": filters}, {"SecretIdList": ["x"], "MaxResults": 5}):
        assert refused(sm.batch_get_secret_value, **asked)[0] == "InvalidParameterException"


def test_random_passwords(sm, refused, events):
    made = sm.get_random_password(PasswordLength=40, ExcludePunctuation=True, IncludeSpace=True)["RandomPassword"]

    assert len(made) == 40
    assert not set(made) & set(string.punctuation)
    assert made not in str(events())
    assert refused(sm.get_random_password, PasswordLength=3) == (
        "InvalidParameterException",
        "Password length is too short based on the required types.",
    )
