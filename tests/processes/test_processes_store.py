"""A node that cannot keep its trail's files as it is told does not start."""

import pytest

from keystead.config import Settings
from keystead.node.refusals import refuse_bad_store
from keystead.processes import StartFailed


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"trail_store": "/some/folder"},
        {"trail_store": "s3://a-bucket/prefix?endpoint=https://minio.example:9000"},
        {"trail_store": "s3://a-bucket?endpoint=http://127.0.0.1:9000"},
        {"trail_store": "s3://a-bucket?endpoint=http://minio:9000", "allow_plain_http": True},
    ],
)
def test_a_good_store_is_taken(settings):
    refuse_bad_store(Settings(data="/data", **settings))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"trail_store": "s3:bucket"}, "KEYSTEAD_TRAIL_STORE is s3://"),
        ({"trail_store": "s3://a-bucket?unknown=1"}, "KEYSTEAD_TRAIL_STORE is s3://"),
        ({"trail_store": "s3://a-bucket?endpoint=http://minio:9000"}, "plain HTTP"),
        ({"trail_log_seconds": 0}, "a time of their own"),
        ({"trail_digest_seconds": 0}, "a time of their own"),
        ({"trail_days": -1}, "0 for ever"),
    ],
)
def test_a_bad_one_stops_the_start_with_a_word_to_the_operator(settings, said):
    with pytest.raises(StartFailed, match=said):
        refuse_bad_store(Settings(data="/data", **settings))
