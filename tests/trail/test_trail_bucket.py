"""What every bucket promises: the one on the disk, and the one in an S3-compatible store."""

import gzip
import resource
import signal

import pytest

from keystead.config import Settings
from keystead.trail.bucket import BucketLost, FolderBucket, ObjectDiffers, ObjectMissing
from keystead.trail.object_store import Address, StoreAddressInvalid, StoreBucket, address

from . import s3_server

KEYS = ["A/b-c/x", "A/b/x", "A/b/y", "A/b.c", "A/b0/z", "B/x"]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_server.KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_server.SECRET)
    monkeypatch.setenv(
        "AWS_ENDPOINT_URL", "http://keystead.invalid"
    )  # what its own clients may be told is not the store's
    with s3_server.serving() as made:
        yield made


@pytest.fixture
def store(server):
    return StoreBucket(Address("a-bucket", "", server.url, s3_server.REGION))


@pytest.fixture(params=["folder", "store"])
def bucket(request, tmp_path):
    return FolderBucket(tmp_path / "bucket") if request.param == "folder" else request.getfixturevalue("store")


def test_what_was_put_is_got_with_its_metadata(bucket):
    bucket.put("a/b.gz", b"content", {"signature": "ab", "signature-algorithm": "SHA256withRSA"})
    bucket.put("a/c.gz", b"")

    got = bucket.get("a/b.gz")

    assert (got.content, got.entry.size) == (b"content", 7)
    assert bucket.head("a/b.gz")[1] == got.metadata == {"signature": "ab", "signature-algorithm": "SHA256withRSA"}
    assert (bucket.get("a/c.gz").content, bucket.get("a/c.gz").metadata) == (b"", {})


def test_what_is_there_is_never_written_over(bucket):
    bucket.put("a", b"content", {"signature": "ab"})

    bucket.put("a", b"content", {"signature": "ab"})
    with pytest.raises(ObjectDiffers):
        bucket.put("a", b"another", {"signature": "ab"})
    with pytest.raises(ObjectDiffers):
        bucket.put("a", b"content", {"signature": "cd"})

    assert (bucket.get("a").content, bucket.get("a").metadata) == (b"content", {"signature": "ab"})


def test_the_same_content_packed_otherwise_is_the_same(bucket):
    bucket.put("a.gz", gzip.compress(b"content", 1, mtime=0))

    bucket.put("a.gz", gzip.compress(b"content", 9, mtime=7))

    with pytest.raises(ObjectDiffers):
        bucket.put("a.gz", gzip.compress(b"another", 9, mtime=0))


def test_what_is_missing_is_said_to_be(bucket):
    for key in ("none", "a/none", "..", "../x", "a/../b", "/x", "a//b", "a/", ".metadata/a", "a b", "é", ""):
        with pytest.raises(ObjectMissing):
            bucket.get(key)
        with pytest.raises(ObjectMissing):
            bucket.head(key)


def test_keys_are_listed_in_the_order_of_their_bytes(bucket):
    for key in KEYS:
        bucket.put(key, b"x")
    bucket.establish()

    def listed(prefix, after="", limit=100):
        return [entry.key for entry in bucket.list(prefix, after, limit)]

    assert listed("") == sorted(KEYS)
    assert listed("A/b") == ["A/b-c/x", "A/b.c", "A/b/x", "A/b/y", "A/b0/z"]
    assert listed("A/b/") == ["A/b/x", "A/b/y"]
    assert listed("A", after="A/b.c", limit=2) == ["A/b/x", "A/b/y"]
    assert listed("", after="A/b/xx", limit=2) == ["A/b/y", "A/b0/z"]
    assert listed("C") == listed("", after="Z") == []


def test_a_bucket_keeps_its_identity(bucket):
    assert bucket.identity() is None

    made = bucket.establish()

    assert bucket.identity() == bucket.establish() == made
    assert len(made) == 32


def test_what_is_removed_is_gone(bucket):
    bucket.put("a/b", b"x", {"signature": "ab"})

    bucket.remove("a/b")
    bucket.remove("a/b")

    assert bucket.list("", "", 10) == []
    bucket.put("a/b", b"y")
    assert bucket.get("a/b").metadata == {}


def test_a_folder_that_cannot_be_written_to_is_lost_and_not_a_defect(tmp_path):
    (tmp_path / "bucket").write_bytes(b"a file where a folder should be")
    bucket = FolderBucket(tmp_path / "bucket")

    for attempt in (bucket.establish, lambda: bucket.put("a", b"x"), lambda: bucket.list("", "", 1)):
        with pytest.raises(BucketLost):
            attempt()


def test_what_a_killed_writer_left_is_no_object(tmp_path):
    bucket = FolderBucket(tmp_path)
    bucket.put("a", b"x", {"signature": "ab"})
    (tmp_path / ".incoming" / "half").write_bytes(b"hal")
    (tmp_path / ".metadata" / "b").write_bytes(b"{}")

    assert [entry.key for entry in bucket.list("", "", 10)] == ["a"]
    with pytest.raises(ObjectMissing):
        bucket.get("b")


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    """The size of files is limited in the place of the disk's."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    bucket = FolderBucket(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(BucketLost):
            bucket.put("a", bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    assert list((tmp_path / ".incoming").iterdir()) == []
    with pytest.raises(ObjectMissing):
        bucket.get("a")
    bucket.put("a", bytes(5000))
    assert len(bucket.get("a").content) == 5000


def test_objects_are_for_their_owner_alone(tmp_path):
    bucket = FolderBucket(tmp_path / "bucket")
    bucket.put("a/b", b"x", {"signature": "ab"})

    assert {path.stat().st_mode & 0o77 for path in (tmp_path / "bucket").rglob("*")} == {0}


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_store_that_fails_says_so_within_its_time(server, store, monkeypatch, status):
    server.answers_with = status
    monkeypatch.setattr("keystead.trail.object_store.RETRIES", {"max_retries": 0})
    bucket = StoreBucket(Address("a-bucket", "", server.url, s3_server.REGION))

    with pytest.raises((BucketLost, ObjectMissing)):
        bucket.put("a", b"x")


def test_wrong_credentials_are_no_defect(server, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    bucket = StoreBucket(Address("a-bucket", "", server.url, s3_server.REGION))

    with pytest.raises(BucketLost) as raised:
        bucket.put("a", b"x")

    assert "another" not in raised.value.text


def test_an_address_names_everything_or_lets_it_be():
    assert address("s3://a-bucket", "eu-west-1") == Address(
        "a-bucket", "", "https://s3.eu-west-1.amazonaws.com", "eu-west-1"
    )
    assert address("s3://a-bucket/some/prefix?endpoint=https://minio:9000/&region=x-1", "eu-west-1") == Address(
        "a-bucket", "some/prefix", "https://minio:9000", "x-1"
    )


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///x",
        "s3://UPPER",
        "gs://a-bucket",
        "s3://a-bucket?unknown=1",
        "s3://a-bucket/..",
        "s3://a-bucket?endpoint=x",
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(StoreAddressInvalid):
        address(url, "eu-west-1")


def test_settings_show_no_store(tmp_path):
    assert "a-bucket" not in repr(Settings(data=str(tmp_path), trail_store="s3://a-bucket"))
