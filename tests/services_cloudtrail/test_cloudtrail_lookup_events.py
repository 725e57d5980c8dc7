"""LookupEvents by boto3, against a running Keystead."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from keystead.testing import running

ALLOW = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "cloudtrail:LookupEvents", "Resource": "*"}],
}


@pytest.fixture(scope="module")
def house():
    with running() as keystead:
        yield keystead


@pytest.fixture(scope="module")
def trail(house):
    return house.client("cloudtrail")


@pytest.fixture(scope="module")
def key(house):
    kms = house.client("kms")
    made = kms.create_key()["KeyMetadata"]
    for _ in range(7):
        kms.encrypt(KeyId=made["KeyId"], Plaintext=b"x")
    kms.disable_key(KeyId=made["KeyId"])
    return made


def by(name, value):
    return [{"AttributeKey": name, "AttributeValue": value}]


def request_id(answer):
    return answer["ResponseMetadata"]["RequestId"]


def refusal(call, **asked):
    with pytest.raises(ClientError) as raised:
        call(**asked)
    return raised.value.response["Error"]["Code"]


def test_a_call_is_found_at_once_by_whoever_got_its_answer(house, trail):
    for _ in range(5):
        answered = request_id(house.client("kms").list_keys())

        events = trail.lookup_events(LookupAttributes=by("EventName", "ListKeys"))["Events"]

        assert json.loads(events[0]["CloudTrailEvent"])["requestID"] == answered


def test_an_event_is_shown_with_what_it_can_be_found_by(house, trail, key):
    (event, *_) = trail.lookup_events(LookupAttributes=by("EventName", "Encrypt"))["Events"]
    record = json.loads(event.pop("CloudTrailEvent"))

    assert datetime.now(UTC) - event.pop("EventTime") < timedelta(minutes=2)
    assert event == {
        "EventId": record["eventID"],
        "EventName": "Encrypt",
        "ReadOnly": "true",
        "AccessKeyId": house.access_key_id,
        "EventSource": "kms.amazonaws.com",
        "Username": record["userIdentity"]["userName"],
        "Resources": [{"ResourceType": "AWS::KMS::Key", "ResourceName": key["Arn"]}],
    }


def test_each_attribute_finds_an_event(house, trail, key):
    (event,) = trail.lookup_events(LookupAttributes=by("EventName", "DisableKey"))["Events"]
    values = {
        "EventId": event["EventId"],
        "EventName": "DisableKey",
        "ReadOnly": "false",
        "Username": event["Username"],
        "ResourceType": "AWS::KMS::Key",
        "ResourceName": key["Arn"],
        "EventSource": "kms.amazonaws.com",
        "AccessKeyId": house.access_key_id,
    }

    for name, value in values.items():
        found = trail.lookup_events(LookupAttributes=by(name, value))["Events"]
        assert event["EventId"] in {one["EventId"] for one in found}, name


def test_the_paginator_finds_every_event_once(trail, key):
    paginator = trail.get_paginator("lookup_events")

    pages = list(paginator.paginate(LookupAttributes=by("EventName", "Encrypt"), PaginationConfig={"PageSize": 3}))

    ids = [event["EventId"] for page in pages for event in page["Events"]]
    assert [len(page["Events"]) for page in pages] == [3, 3, 1]
    assert len(set(ids)) == 7


def test_times_bound_what_is_found(house, trail):
    house.client("kms").list_aliases()
    now = datetime.now(UTC)

    def found(**bounds):
        return trail.lookup_events(LookupAttributes=by("EventName", "ListAliases"), **bounds)["Events"]

    assert found(StartTime=now - timedelta(seconds=5), EndTime=now)
    assert not found(StartTime=now + timedelta(hours=1))
    assert not found(EndTime=now - timedelta(hours=1))


def test_calls_to_iam_are_found_in_us_east_1_by_what_they_name(house, trail):
    house.client("iam", region_name="eu-west-1").create_user(UserName="frances")

    here = trail.lookup_events(LookupAttributes=by("ResourceName", "frances"))["Events"]
    there = house.client("cloudtrail", region_name="eu-west-1").lookup_events(
        LookupAttributes=by("ResourceName", "frances")
    )["Events"]

    assert [event["EventName"] for event in here] == ["CreateUser"]
    assert here[0]["Resources"] == [{"ResourceType": "AWS::IAM::User", "ResourceName": "frances"}]
    assert there == []


def test_a_session_is_found_by_the_call_that_began_it(house, trail):
    iam, sts = house.client("iam"), house.client("sts")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{house.account}:root"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = iam.create_role(RoleName="auditor", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    session = sts.assume_role(RoleArn=role, RoleSessionName="s1")["Credentials"]["AccessKeyId"]

    events = trail.lookup_events(LookupAttributes=by("ResourceName", session))["Events"]

    assert [event["EventName"] for event in events] == ["AssumeRole"]
    assert {"ResourceType": "AWS::IAM::Role", "ResourceName": role} in events[0]["Resources"]


def test_another_account_sees_nothing_of_it(house, trail):
    guest = house.create_account()
    credentials = {"AccessKeyId": guest.access_key_id, "SecretAccessKey": guest.secret_access_key}

    events = house.client("cloudtrail", credentials).lookup_events()["Events"]

    assert events == []


def test_it_needs_the_permission(house):
    iam = house.client("iam")
    iam.create_user(UserName="grace")
    key = iam.create_access_key(UserName="grace")["AccessKey"]
    client = house.client("cloudtrail", key)

    denied = refusal(client.lookup_events)
    iam.put_user_policy(UserName="grace", PolicyName="look", PolicyDocument=json.dumps(ALLOW))
    allowed = client.lookup_events(MaxResults=1)["Events"]

    assert denied == "AccessDeniedException"
    assert len(allowed) == 1


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"LookupAttributes": by("EventName", "a") + by("Username", "b")}, "InvalidLookupAttributesException"),
        ({"LookupAttributes": by("ReadOnly", "yes")}, "InvalidLookupAttributesException"),
        ({"LookupAttributes": by("Colour", "red")}, "ValidationException"),
        ({"MaxResults": 51}, "ValidationException"),
        ({"NextToken": "made-up"}, "InvalidNextTokenException"),
        (
            {"StartTime": datetime(2026, 1, 2, tzinfo=UTC), "EndTime": datetime(2026, 1, 1, tzinfo=UTC)},
            "InvalidTimeRangeException",
        ),
        ({"EventCategory": "insight"}, "UnsupportedOperationException"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_looked_up_is_refused_by_name(trail, asked, code):
    assert refusal(trail.lookup_events, **asked) == code


@pytest.mark.parametrize(
    ("operation", "more", "code"),
    [
        ("stop_logging", {}, "OperationNotPermittedException"),
        ("delete_trail", {}, "OperationNotPermittedException"),
        ("create_trail", {"S3BucketName": "mine"}, "UnsupportedOperationException"),
        ("update_trail", {"EnableLogFileValidation": False}, "UnsupportedOperationException"),
    ],
)
def test_the_trail_cannot_be_switched_off_and_the_attempt_is_on_the_record(trail, operation, more, code):
    with pytest.raises(ClientError, match="switched off") as raised:
        getattr(trail, operation)(Name="keystead", **more)

    asked = raised.value.response["ResponseMetadata"]["RequestId"]
    name = operation.title().replace("_", "")
    events = trail.lookup_events(LookupAttributes=by("EventName", name))["Events"]
    record = json.loads(events[0]["CloudTrailEvent"])
    assert (record["requestID"], record["errorCode"]) == (asked, code)
