"""A running Keystead whose bucket holds some objects of its account, and one of another."""

from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from botocore.config import Config

from keystead.testing import running
from keystead.trail.bucket import FolderBucket

BUCKET = "keystead-trail"


@pytest.fixture(scope="module")
def house():
    with running("eu-west-1") as keystead:
        yield keystead


@pytest.fixture(scope="module")
def kept(house):
    """keys: the account's own, in order; foreign: another account's."""
    bucket = FolderBucket(house.data / "bucket")
    root = f"AWSLogs/{house.account}/"
    names = ("CloudTrail-Digest/eu-west-1/a.json.gz", *(f"CloudTrail/eu-west-1/{n:02}.json.gz" for n in range(12)))
    for name in names:
        bucket.put(root + name, f"content of {name}".encode(), {"signature": "ab12"} if "Digest" in name else {})
    foreign = "AWSLogs/999999999999/CloudTrail/eu-west-1/x.json.gz"
    bucket.put(foreign, b"not yours")
    return SimpleNamespace(root=root, keys=[root + name for name in sorted(names)], foreign=foreign)


@pytest.fixture(scope="module")
def s3(house, kept):
    return house.client("s3")


@pytest.fixture(scope="module")
def hosted(house, kept):
    """A client that puts the bucket before the host's name, and goes to this machine whatever its resolver says of that."""
    local = replace(house, endpoint_url=house.endpoint_url.replace("127.0.0.1", "localhost"))
    client = local.client("s3", config=Config(s3={"addressing_style": "virtual"}))
    client.meta.events.register("before-send", to_loopback)
    return client


def to_loopback(request, **_):
    host = urlsplit(request.url).netloc
    assert host.startswith(f"{BUCKET}.localhost:")
    request.headers["Host"] = host
    request.url = request.url.replace(f"{BUCKET}.localhost", "127.0.0.1")
