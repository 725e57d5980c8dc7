"""Three nodes over one PostgreSQL: what is forbidden on one is refused on all within a second, and no node answers from memory."""

import json
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from contested import Contested
from history import Recording, forbidden_uses
from installation import health, recorded, until, verify_trail

pytestmark = [pytest.mark.alone, pytest.mark.whole, pytest.mark.slow]

PROMISED = 1.0
LEASE = 5.0
COMES_BACK_WITHIN = 15.0
"""Seconds; the node's own promise is a fraction of it, where the machine is not busy."""
RETRYABLE = {"KMSInternalException", "DependencyTimeoutException"}
"""Status 500 and 503 (KMS API reference, Decrypt, Errors)."""


def refused(call):
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    except BotoCoreError as error:
        return type(error).__name__
    return None


def test_a_key_disabled_on_one_node_is_refused_on_all_within_a_second(nodes):
    clients = [node.client("kms") for node in nodes]
    key = clients[0].create_key()["KeyMetadata"]["KeyId"]
    for kms in clients:
        kms.encrypt(KeyId=key, Plaintext=b"x")

    clients[0].disable_key(KeyId=key)
    time.sleep(PROMISED)

    assert [refused(lambda kms=kms: kms.encrypt(KeyId=key, Plaintext=b"x")) for kms in clients] == [
        "DisabledException"
    ] * 3


def test_an_access_key_deleted_on_one_node_opens_none_after_a_second(nodes):
    iam = nodes[0].client("iam")
    iam.create_user(UserName="leaver")
    credentials = iam.create_access_key(UserName="leaver")["AccessKey"]
    callers = [node.client("sts", credentials) for node in nodes]
    for sts in callers:
        sts.get_caller_identity()

    iam.delete_access_key(UserName="leaver", AccessKeyId=credentials["AccessKeyId"])
    time.sleep(PROMISED)

    assert [refused(sts.get_caller_identity) for sts in callers] == ["InvalidClientTokenId"] * 3


@pytest.mark.timeout(900)
def test_no_use_is_allowed_a_second_after_the_answer_that_forbade_it(nodes, much):
    """Permissions stay taken away for longer than the second, else there would be nothing to see."""
    contested = Contested(nodes, through=nodes)
    recording = Recording()

    def change(recording):
        contested.change(Slowly(recording))

    recording.run(change, contested.users(6), seconds=much(8, 300))

    print(f"\n{len(recording.changes)} changes, {len(recording.uses)} uses")
    assert recording.failures == []
    assert {use.refused_by for use in recording.uses} == {None, "state", "policy"}
    assert forbidden_uses(recording.changes, recording.uses, PROMISED) == []


class Slowly:
    """A recording whose every change is left in force for a while."""

    def __init__(self, recording):
        self._recording = recording

    def change(self, *what):
        self._recording.change(*what)
        time.sleep(PROMISED * 1.5)


def test_every_node_finds_what_was_done_on_any(nodes):
    made = [node.client("kms").create_key()["ResponseMetadata"]["RequestId"] for node in nodes]

    for node in nodes:
        trail = node.client("cloudtrail")
        until(lambda trail=trail: set(made) <= set(found(trail, "CreateKey")), 20)


def found(trail, name):
    """Request ids of events of that name."""
    attribute = [{"AttributeKey": "EventName", "AttributeValue": name}]
    pages = trail.get_paginator("lookup_events").paginate(LookupAttributes=attribute)
    return [json.loads(event["CloudTrailEvent"])["requestID"] for page in pages for event in page["Events"]]


def test_a_node_that_is_cut_off_stops_answering_and_comes_back_knowing(nodes):
    near, far, cable = nodes[0].client("kms"), nodes[2].client("kms"), nodes.cables[2]
    key = near.create_key()["KeyMetadata"]["KeyId"]
    blob = far.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    use = lambda: far.decrypt(CiphertextBlob=blob)  # noqa: E731

    cable.pull()
    try:
        pulled = time.monotonic()
        near.disable_key(KeyId=key)  # waits where the node that is cut off had just taken the writers' turn
        time.sleep(max(0.0, pulled + LEASE + 0.5 - time.monotonic()))  # within its lease it may not know yet
        code = refused(use)
        told = health(nodes[2].url)
        others = [health(node.url)[0] for node in nodes[:2]]
    finally:
        cable.plug()
    until(lambda: health(nodes[2].url)[0] == 200, COMES_BACK_WITHIN)

    assert code in RETRYABLE
    status, page = told
    parts = {part: page[part] for part in ("status", "keyholder", "recorder", "database", "feed")}
    assert status == 503
    assert parts == {"status": "ill", "keyholder": "ok", "recorder": "ok", "database": "ill", "feed": "ill"}
    assert others == [200, 200]
    assert refused(use) == "DisabledException"


@pytest.mark.timeout(300)
def test_each_node_has_a_log_of_its_own_that_verifies(nodes):
    made = [node.client("kms").create_key()["ResponseMetadata"]["RequestId"] for node in nodes]

    logs = [recorded(node.data) for node in nodes]
    verified = [verify_trail(node.data, node.settings["KEYSTEAD_DATABASE"]) for node in nodes]

    for number, request in enumerate(made):
        assert [request in log for log in logs] == [other == number for other in range(len(nodes))]
    assert [done.returncode for done in verified] == [0, 0, 0], [done.stdout for done in verified]
