"""S3's reading calls by boto3, against a running Keystead."""

import json
import urllib.request

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from .conftest import BUCKET


def refusal(call, **asked):
    with pytest.raises(ClientError) as raised:
        call(**asked)
    answered = raised.value.response
    return answered["Error"]["Code"], answered["ResponseMetadata"]["HTTPStatusCode"]


def test_the_bucket_is_in_the_home_region(s3):
    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == "eu-west-1"
    assert s3.head_bucket(Bucket=BUCKET)["BucketRegion"] == "eu-west-1"


def test_a_bucket_before_the_host_s_name_is_the_same_bucket(hosted, s3, kept):
    assert [one["Key"] for one in hosted.list_objects_v2(Bucket=BUCKET)["Contents"]] == kept.keys
    assert hosted.get_object(Bucket=BUCKET, Key=kept.keys[0])["Body"].read() == (
        s3.get_object(Bucket=BUCKET, Key=kept.keys[0])["Body"].read()
    )


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_pages_hold_every_key_once_and_in_order(s3, kept, operation):
    pages = list(s3.get_paginator(operation).paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 5}))

    assert [len(page["Contents"]) for page in pages] == [5, 5, 3]
    assert [one["Key"] for page in pages for one in page["Contents"]] == kept.keys


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_a_delimiter_takes_keys_together(s3, kept, operation):
    paginator = s3.get_paginator(operation)
    asked = {"Bucket": BUCKET, "Prefix": kept.root, "Delimiter": "/", "PaginationConfig": {"PageSize": 1}}

    pages = list(paginator.paginate(**asked))

    found = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())]
    assert found == [kept.root + "CloudTrail-Digest/", kept.root + "CloudTrail/"]


def test_a_marker_that_is_no_key_is_a_place_all_the_same(s3, kept):
    listed = s3.list_objects(Bucket=BUCKET, Marker=kept.root + "CloudTrail/eu-west-1/095", Prefix=kept.root)

    assert [one["Key"] for one in listed["Contents"]] == kept.keys[-2:]


def test_another_account_s_objects_do_not_exist(s3, house, kept):
    other = house.create_account()
    theirs = house.client("s3", {"AccessKeyId": other.access_key_id, "SecretAccessKey": other.secret_access_key})

    assert refusal(s3.get_object, Bucket=BUCKET, Key=kept.foreign) == ("NoSuchKey", 404)
    assert refusal(theirs.get_object, Bucket=BUCKET, Key=kept.keys[0]) == ("NoSuchKey", 404)
    assert "Contents" not in theirs.list_objects_v2(Bucket=BUCKET)
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="AWSLogs/999999999999/")


@pytest.mark.parametrize(
    "key", ["..", "../keystead.json", "AWSLogs/../../keystead.json", ".metadata/x", "bucket.id", "%00"]
)
def test_no_key_leads_out_of_the_account_s_objects(s3, kept, key):
    for tried in (key, kept.root + key):
        assert refusal(s3.get_object, Bucket=BUCKET, Key=tried) in {("NoSuchKey", 404), ("400", 400)}


def test_metadata_comes_as_headers(s3, kept):
    got = s3.get_object(Bucket=BUCKET, Key=kept.keys[0])
    head = s3.head_object(Bucket=BUCKET, Key=kept.keys[0])

    assert got["Metadata"] == head["Metadata"] == {"signature": "ab12"}
    assert head["ContentLength"] == len(got["Body"].read())
    assert head["ETag"] == got["ETag"]


def test_ranges_and_conditions(s3, kept):
    key = kept.keys[-1]
    whole = s3.get_object(Bucket=BUCKET, Key=key)
    content, tag = whole["Body"].read(), whole["ETag"]

    part = s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=3-6", IfMatch=tag)

    assert part["Body"].read() == content[3:7]
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert part["ContentRange"] == f"bytes 3-6/{len(content)}"
    assert s3.get_object(Bucket=BUCKET, Key=key, Range="bytes=-4")["Body"].read() == content[-4:]
    assert refusal(s3.get_object, Bucket=BUCKET, Key=key, Range="bytes=9999-") == ("InvalidRange", 416)
    assert refusal(s3.get_object, Bucket=BUCKET, Key=key, IfMatch='"other"') == ("PreconditionFailed", 412)
    assert refusal(s3.get_object, Bucket=BUCKET, Key=key, IfNoneMatch=tag)[1] == 304
    assert refusal(s3.get_object, Bucket=BUCKET, Key=key, IfModifiedSince=whole["LastModified"])[1] == 304
    assert refusal(s3.get_object, Bucket=BUCKET, Key=key, IfUnmodifiedSince="2001-01-01")[1] == 412


def test_a_presigned_url_opens_an_object(house, kept):
    client = house.client("s3", config=Config(signature_version="s3v4"))
    url = client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": kept.keys[0]})

    with urllib.request.urlopen(url) as answer:
        assert answer.read().startswith(b"content of CloudTrail-Digest")


def test_what_is_not_served_says_so(s3, kept):
    assert refusal(s3.put_object, Bucket=BUCKET, Key="x", Body=b"y") == ("NotImplemented", 501)
    assert refusal(s3.delete_object, Bucket=BUCKET, Key=kept.keys[0]) == ("NotImplemented", 501)
    assert refusal(s3.list_buckets) == ("NotImplemented", 501)
    assert refusal(s3.get_object, Bucket=BUCKET, Key=kept.keys[0], VersionId="1") == ("NotImplemented", 501)
    assert refusal(s3.get_object, Bucket="another", Key=kept.keys[0]) == ("NoSuchBucket", 404)
    assert refusal(s3.get_object, Bucket=BUCKET, Key=kept.keys[0], ExpectedBucketOwner="999999999999")[1] == 404


def test_who_may_not_is_refused_and_learns_nothing(house, s3, kept):
    iam = house.client("iam")
    iam.create_user(UserName="reader")
    made = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = house.client("s3", {"AccessKeyId": made["AccessKeyId"], "SecretAccessKey": made["SecretAccessKey"]})

    assert refusal(reader.get_object, Bucket=BUCKET, Key=kept.keys[0]) == ("AccessDenied", 403)

    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/{kept.root}CloudTrail/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=document)

    assert reader.get_object(Bucket=BUCKET, Key=kept.keys[-1])["Body"].read()
    assert refusal(reader.get_object, Bucket=BUCKET, Key=kept.keys[0]) == ("AccessDenied", 403)
    assert refusal(reader.get_object, Bucket=BUCKET, Key=kept.root + "CloudTrail/none") == ("AccessDenied", 403)
    assert refusal(reader.list_objects_v2, Bucket=BUCKET) == ("AccessDenied", 403)


def test_wrong_credentials_are_named_as_s3_names_them(house, kept):
    unknown = house.client("s3", {"AccessKeyId": "AKIAAAAAAAAAAAAAAAAA", "SecretAccessKey": "x"})
    wrong = house.client("s3", {"AccessKeyId": house.access_key_id, "SecretAccessKey": "x"})

    assert refusal(unknown.get_object, Bucket=BUCKET, Key=kept.keys[0]) == ("InvalidAccessKeyId", 403)
    assert refusal(wrong.get_object, Bucket=BUCKET, Key=kept.keys[0]) == ("SignatureDoesNotMatch", 403)
