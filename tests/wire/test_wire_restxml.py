"""REST-XML with botocore on the other side: which operation a request means, what it says, and how an answer is read."""

import time
import zlib
from datetime import UTC, datetime
from xml.etree.ElementTree import ParseError  # only to be caught

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from keystead.services import s3 as service
from keystead.wire import binding, model, restxml, sigv4
from keystead.wire.errors import Refused
from keystead.wire.http import Request, Response
from keystead.wire.shapes import field_name

from .conftest import KEY_ID, REGION, SECRET, Raw, request_of
from .samples import Sampler, as_given

MODEL = model.load("s3")
BOUND = binding.bind(MODEL, service.OPERATIONS, refused=service.REFUSED)
DEPRECATED = {
    #  shares everything with                source: facts of the model
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
    "ListDirectoryBuckets": "ListBuckets",
}
ELSEWHERE = {"WriteGetObjectResponse", "SelectObjectContent", "CreateSession"}
"""Of other hosts, or with framing of their own."""
NAMES = {"Bucket": "bucket", "Key": "a/b c+d/é", "ObjectAttributes": ["ETag"]}
CLIENT_S_OWN = {"EncodingType", "ChecksumMode"}
"""botocore sends these by itself."""


class Stream(Raw):
    def read(self, *_):
        return self.body


class Other:
    """botocore's client, whose requests come here instead of to a socket."""

    def __init__(self):
        self.respond = None
        self.client = boto3.client(
            "s3",
            endpoint_url="http://keystead.invalid",
            region_name=REGION,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )
        self.client.meta.events.register("before-send", self._send)

    def _send(self, request, **_):
        response = self.respond(request_of(request))
        headers = {name.decode(): value.decode() for name, value in response.headers}
        return AWSResponse(request.url, response.status, headers, Stream(response.body))

    def call(self, operation, given, respond):
        self.respond = respond
        return getattr(self.client, MODEL.operations[operation].python_name)(**given)


@pytest.fixture(scope="module")
def other():
    return Other()


def sampled(operation, depth, seed=0):
    shape = MODEL.operations[operation].input
    given = Sampler(zlib.crc32(f"{operation}.{seed}".encode()), depth).valid(shape) if shape else {}
    named = {name: value for name, value in NAMES.items() if shape and name in shape.members and name in given}
    return {**given, **named}


@pytest.mark.parametrize("operation", sorted(set(MODEL.operations) - ELSEWHERE))
def test_a_request_means_the_operation_that_was_called(other, operation):
    meant = []

    def respond(request):
        meant.append(restxml.operation_name(MODEL, request))
        return Response(200, ())

    try:
        other.call(operation, sampled(operation, 0), respond)
    except (ClientError, ParseError):  # it cannot read the empty answer, and need not
        assert meant

    assert meant[0] == DEPRECATED.get(operation, operation)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", sorted(BOUND.operations))
def test_what_boto3_sends_is_what_an_operation_is_given(other, name, seed):
    operation = BOUND.operations[name]
    refused = {member for _, member in operation.refused}
    given = {key: value for key, value in sampled(name, 6, seed).items() if key not in refused}
    parsed = []

    def respond(request):
        parsed.append(restxml.parse(operation, request))
        return restxml.render(operation, {}, "id")

    other.call(name, given, respond)

    shape = operation.model.input
    expected = {field_name(key): as_given(shape.members[key], value) for key, value in given.items()}
    sent = {
        key: value for key, value in parsed[0].items() if key in expected or key not in map(field_name, CLIENT_S_OWN)
    }
    assert sent == expected


ANSWERS = {
    "GetBucketLocation": {"LocationConstraint": "eu-west-1"},
    "HeadBucket": {"BucketRegion": "eu-west-1"},
    "ListObjects": {
        "Name": "bucket",
        "Prefix": "<&>",
        "MaxKeys": 7,
        "IsTruncated": True,
        "Contents": [
            {"Key": "a", "Size": 5, "ETag": '"t"', "LastModified": 1700000000.0},
            {"Key": "é\r", "Size": 0, "ETag": '"u"', "LastModified": 1700000001.0},
        ],
        "CommonPrefixes": [{"Prefix": "b/"}],
    },
    "ListObjectsV2": {"Name": "bucket", "KeyCount": 0, "NextContinuationToken": "t", "IsTruncated": False},
    "GetObject": {"Body": b"\0\xff", "Metadata": {"signature": "ab"}, "ETag": '"t"', "LastModified": 1700000000.0},
    "HeadObject": {"Metadata": {"signature": "ab"}, "ContentType": "a/b", "LastModified": 1700000000.0},
}


@pytest.mark.parametrize("name", sorted(BOUND.operations))
def test_what_an_operation_answers_is_what_boto3_gives(other, name):
    operation = BOUND.operations[name]
    given = {key: NAMES[key] for key in operation.model.input.required}

    got = other.call(name, given, lambda _: restxml.render(operation, ANSWERS[name], "an-id"))

    assert got.pop("ResponseMetadata")["RequestId"] == "an-id"
    if "Body" in got:
        got["Body"] = got["Body"].read()
    assert got == received(ANSWERS[name])


def received(value):
    if isinstance(value, dict):
        return {
            name: datetime.fromtimestamp(held, UTC) if name == "LastModified" else received(held)
            for name, held in value.items()
        }
    return [received(held) for held in value] if isinstance(value, list) else value


def test_errors_arrive_as_s3_s(other):
    with pytest.raises(other.client.exceptions.NoSuchKey) as raised:
        other.call(
            "GetObject",
            {"Bucket": "b", "Key": "k"},
            lambda _: restxml.render_error(MODEL, "NoSuchKey", "<no>", "an-id"),
        )

    assert raised.value.response["Error"] == {"Code": "NoSuchKey", "Message": "<no>"}
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    ("query", "headers"),
    [(b"unheard=1", ()), (b"prefix=a&prefix=b", ()), (b"", ((b"x-amz-unheard", b"1"),)), (b"max-keys=many", ())],
)
def test_what_is_not_known_is_refused(query, headers):
    request = Request("GET", b"/bucket", query, headers)

    with pytest.raises(Refused):
        restxml.parse(BOUND.operations["ListObjects"], request)


def test_a_body_where_there_is_none_is_refused():
    with pytest.raises(Refused):
        restxml.parse(BOUND.operations["ListObjects"], Request("GET", b"/bucket", b"", (), b"x"))


@pytest.mark.parametrize(
    ("host", "path", "placed"),
    [
        (b"trail.localhost:1", b"/a/b", b"/trail/a/b"),
        (b"trail.localhost:1", b"/", b"/trail"),
        (b"other.localhost:1", b"/a", b"/a"),
        (b"trail", b"/a", b"/a"),
        (b"127.0.0.1", b"/trail/a", b"/trail/a"),
    ],
)
def test_a_bucket_before_the_host_is_put_into_the_path(host, path, placed):
    request = Request("GET", path, b"", ((b"host", host),))

    assert restxml.path_style(request, {"trail"}).raw_path == placed


def verified(request, signing_key):
    signed = sigv4.read(
        request, now=time.time(), service="s3", protocol="rest-xml", window=900.0, regions=frozenset({REGION})
    )
    return sigv4.verify(signed, signing_key(signed.date, REGION, "s3"))


@pytest.mark.parametrize("key", ["a/b c+d/é", "a//b/../c", "%25", "~._-", "(*)!'"])
def test_s3_s_signatures_verify(other, signing_key, key):
    found = []

    def respond(request):
        found.append(verified(request, signing_key))
        return Response(200, ())

    other.call("HeadObject", {"Bucket": "bucket", "Key": key}, respond)

    assert found == [True]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "NotImplemented"),
        (b"0" * 64, "XAmzContentSHA256Mismatch"),
        (None, "InvalidRequest"),
    ],
)
def test_the_body_s_hash_is_what_s3_demands(header, code):
    headers = () if header is None else ((b"x-amz-content-sha256", header),)

    with pytest.raises(Refused) as refused:
        sigv4.s3_payload(Request("GET", b"/", b"", headers), presigned=False)

    assert refused.value.code == code
