"""The trail as CloudTrail's calls show it, by boto3 against a running Keystead."""

import gzip
import json
import shutil
import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from keystead.testing import running

HOME = "eu-west-1"


@pytest.fixture(scope="module")
def house():
    with running(HOME, trail_log_seconds=0.2, trail_digest_seconds=1) as keystead:
        yield keystead


@pytest.fixture(scope="module")
def trail(house):
    return house.client("cloudtrail")


@pytest.fixture(scope="module")
def arn(house):
    return f"arn:aws:cloudtrail:{HOME}:{house.account}:trail/keystead"


def refusal(call, **asked):
    with pytest.raises(ClientError) as raised:
        call(**asked)
    return raised.value.response["Error"]["Code"]


def test_there_is_one_trail_and_it_covers_everything(trail, arn):
    expected = {
        "Name": "keystead",
        "S3BucketName": "keystead-trail",
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True,
        "HomeRegion": HOME,
        "TrailARN": arn,
        "LogFileValidationEnabled": True,
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
        "IsOrganizationTrail": False,
    }

    assert trail.describe_trails()["trailList"] == [expected]
    assert trail.get_trail(Name="keystead")["Trail"] == trail.get_trail(Name=arn)["Trail"] == expected
    assert trail.list_trails()["Trails"] == [{"TrailARN": arn, "Name": "keystead", "HomeRegion": HOME}]
    (selector,) = trail.get_event_selectors(TrailName=arn)["EventSelectors"]
    assert (selector["ReadWriteType"], selector["IncludeManagementEvents"]) == ("All", True)


def test_trails_are_found_by_name_and_arn_and_in_other_regions_as_shadows(house, trail, arn):
    elsewhere = house.client("cloudtrail", region_name="us-east-2")

    assert len(trail.describe_trails(trailNameList=["another", "keystead"])["trailList"]) == 1
    assert trail.describe_trails(trailNameList=["another"])["trailList"] == []
    assert len(elsewhere.describe_trails(trailNameList=[arn])["trailList"]) == 1
    assert elsewhere.describe_trails(includeShadowTrails=False)["trailList"] == []


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("another", "TrailNotFoundException"),
        ("x", "InvalidTrailNameException"),
        ("arn:aws:cloudtrail:nowhere", "CloudTrailARNInvalidException"),
        ("arn:aws:cloudtrail:eu-west-1:999999999999:trail/keystead", "TrailNotFoundException"),
    ],
)
def test_what_is_not_the_trail_is_said_not_to_be(trail, named, code):
    for call in (trail.get_trail, trail.get_trail_status, trail.stop_logging, trail.start_logging, trail.delete_trail):
        assert refusal(call, Name=named) == code


def test_the_status_says_when_files_came(house, trail):
    house.client("kms").list_keys()
    deadline = time.monotonic() + 60
    while "LatestDigestDeliveryTime" not in (status := trail.get_trail_status(Name="keystead")):
        assert time.monotonic() < deadline
        time.sleep(0.1)

    assert status["IsLogging"]
    assert "LatestDeliveryError" not in status
    assert datetime.now(UTC) - status["LatestDeliveryTime"] < timedelta(minutes=1)
    assert status["StartLoggingTime"] < min(status["LatestDeliveryTime"], status["LatestDigestDeliveryTime"])


def test_a_bucket_that_is_gone_shows_in_the_status_and_nothing_is_put_in_its_place(house, trail):
    bucket = house.data / "bucket"
    aside = house.data / "aside"
    until(bucket.exists)
    bucket.rename(aside)
    until(lambda: errors(trail) == {"AnotherBucket"})

    under_way = set(bucket.rglob("*.gz"))  # begun before the bucket went
    attempted = trail.get_trail_status(Name="keystead")["LatestDeliveryAttemptTime"]
    until(lambda: trail.get_trail_status(Name="keystead")["LatestDeliveryAttemptTime"] != attempted)
    assert set(bucket.rglob("*.gz")) == under_way

    if bucket.exists():
        shutil.copytree(bucket, aside, dirs_exist_ok=True)
        shutil.rmtree(bucket)
    aside.rename(bucket)
    until(lambda: errors(trail) == {None})


def errors(trail):
    status = trail.get_trail_status(Name="keystead")
    return {status.get("LatestDeliveryError"), status.get("LatestDigestDeliveryError")}


def until(what):
    deadline = time.monotonic() + 100
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_start_logging_changes_nothing(trail, arn):
    trail.start_logging(Name=arn)

    assert trail.get_trail_status(Name=arn)["IsLogging"]


def test_the_trail_has_no_tags(trail, arn):
    assert trail.list_tags(ResourceIdList=[arn])["ResourceTagList"] == [{"ResourceId": arn, "TagsList": []}]
    assert refusal(trail.add_tags, ResourceId=arn, TagsList=[{"Key": "k"}]) == "UnsupportedOperationException"


def test_public_keys_are_told_of_the_time_asked_for(trail):
    (key,) = trail.list_public_keys()["PublicKeyList"]
    now = datetime.now(UTC)

    assert len(key["Fingerprint"]) == 32
    assert key["ValidityStartTime"] <= now < key["ValidityEndTime"]
    assert (
        trail.list_public_keys(StartTime=now - timedelta(days=9), EndTime=now - timedelta(days=8))["PublicKeyList"]
        == []
    )
    assert len(trail.list_public_keys(StartTime=now - timedelta(days=9), EndTime=now)["PublicKeyList"]) == 1
    assert refusal(trail.list_public_keys, StartTime=now, EndTime=now - timedelta(1)) == "InvalidTimeRangeException"


def test_who_may_not_is_refused(house):
    house.client("iam").create_user(UserName="nobody")
    made = house.client("iam").create_access_key(UserName="nobody")["AccessKey"]
    nobody = house.client(
        "cloudtrail", {"AccessKeyId": made["AccessKeyId"], "SecretAccessKey": made["SecretAccessKey"]}
    )

    for call, asked in (
        (nobody.describe_trails, {}),
        (nobody.list_trails, {}),
        (nobody.list_public_keys, {}),
        (nobody.get_trail, {"Name": "keystead"}),
        (nobody.get_trail_status, {"Name": "keystead"}),
        (nobody.stop_logging, {"Name": "keystead"}),
    ):
        assert refusal(call, **asked) == "AccessDeniedException"


def test_an_account_sees_its_own_trail(house, arn):
    other = house.create_account()
    theirs = house.client(
        "cloudtrail", {"AccessKeyId": other.access_key_id, "SecretAccessKey": other.secret_access_key}
    )

    assert theirs.list_trails()["Trails"][0]["TrailARN"] == arn.replace(house.account, other.account)
    assert refusal(theirs.get_trail, Name=arn) == "TrailNotFoundException"


def test_calls_about_the_trail_are_in_its_files(house, trail):
    asked = trail.get_trail(Name="keystead")["ResponseMetadata"]["RequestId"]

    deadline = time.monotonic() + 60
    while asked not in requests_in_files(house):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def requests_in_files(house):
    files = (house.data / "bucket" / "AWSLogs" / house.account / "CloudTrail").rglob("*.json.gz")
    return {
        record.get("requestID")
        for path in files
        for record in json.loads(gzip.decompress(path.read_bytes()))["Records"]
    }
