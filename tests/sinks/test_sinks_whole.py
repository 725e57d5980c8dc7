"""Sinks of a running node: a required one has every record before its answer; without it nothing is answered; others delay nobody."""

import json
import os
import signal
import socket
import time

import pytest
from botocore.exceptions import ClientError

from installation import Node, health, install, until
from keystead.trail.segments import Reader

pytestmark = pytest.mark.whole

QUICK_SECONDS = 4.0
"""On a loaded machine too; a black hole's time-out would be felt as more."""


@pytest.fixture(scope="module")
def hole():
    """Takes connections, and never answers."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        made.listen(64)
        yield made.getsockname()[1]


@pytest.fixture(scope="module")
def node(tmp_path_factory, hole):
    data = tmp_path_factory.mktemp("sinks") / "data"
    served = Node(data, install(data))
    (data / "key").write_text("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=")
    (data / "sinks.toml").write_text(f"""
        [archive]
        type = "file"
        path = "{data}/archive.json"
        required = true

        [hole]
        type = "webhook"
        url = "http://127.0.0.1:{hole}/"
        key_file = "{data}/key"
        timeout = 30
    """)
    served.start()
    yield served
    served.stop()


@pytest.fixture
def archive(node):
    return node.data / "archive.json"


def requests_in(path):
    return {json.loads(line).get("requestID") for line in path.read_bytes().splitlines()}


def asked(node):
    return node.client("kms").list_keys()["ResponseMetadata"]["RequestId"]


def refused(node):
    try:
        asked(node)
    except ClientError as error:
        return error.response["Error"]["Code"] == "KMSInternalException"
    return False


def test_a_call_that_was_answered_is_in_the_required_sink(node, archive):
    for _ in range(20):
        assert asked(node) in requests_in(archive)


def test_a_black_hole_delays_nobody_and_is_told(node):
    began = time.monotonic()
    for _ in range(10):
        asked(node)

    assert time.monotonic() - began < QUICK_SECONDS
    status, told = health(node.url)
    assert (status, told["sinks"]) == (200, "ok")
    assert set(told["details"]["sinks"]) == {"archive", "hole"}
    assert told["details"]["sinks"]["archive"]["required"]


def test_a_file_that_is_moved_away_is_made_again(node, archive):
    moved = archive.with_suffix(".1")
    before = asked(node)
    archive.rename(moved)

    after = asked(node)

    assert before in requests_in(moved)
    assert after in requests_in(archive)


def test_sinks_that_were_killed_are_back_and_have_everything(node, archive):
    (process,) = node.processes()["sinks"]
    os.kill(process, signal.SIGKILL)
    answered = set()
    until(lambda: not refused(node) and not answered.add(asked(node)), seconds=30)

    assert answered <= requests_in(archive)


def test_without_a_required_sink_nothing_is_answered_until_it_is_back(node, archive):
    aside = archive.with_suffix(".aside")
    archive.rename(aside)
    archive.mkdir()

    until(lambda: refused(node), seconds=30)
    until(lambda: health(node.url)[1]["sinks"] == "ill", seconds=30)
    status, told = health(node.url)
    assert status == 503
    assert told["recorder"] == "ill"
    assert "Is a directory" in told["details"]["sinks"]["archive"]["error"]
    assert refused(node)

    archive.rmdir()
    until(lambda: not refused(node), seconds=30)
    answered = asked(node)

    assert answered in requests_in(archive)
    until(lambda: health(node.url)[0] == 200, seconds=30)


def test_what_happened_to_the_sinks_is_on_the_record(node):
    trail = node.client("cloudtrail")

    def recorded():
        found = trail.get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "keystead.internal"}]
        )
        return {event["EventName"] for page in found for event in page["Events"]}

    until(lambda: {"SinkAdded", "SinkLost", "SinksComplete", "SinkFailed", "SinkRecovered"} <= recorded(), seconds=30)


def test_after_a_stop_every_record_is_in_the_required_sink(node, archive):
    for _ in range(5):
        asked(node)

    assert node.stop() == 0

    reader = Reader(node.data / "trail")
    recorded = [json.loads(record.event)["eventID"] for record in reader.after(-1, 1_000_000)]
    reader.close()
    files = [archive, archive.with_suffix(".1"), archive.with_suffix(".aside")]
    kept = {json.loads(line)["eventID"] for path in files for line in path.read_bytes().splitlines()}
    first = json.loads(archive.with_suffix(".1").read_bytes().splitlines()[0])["eventID"]
    assert set(recorded[recorded.index(first) :]) <= kept
