"""A whole node, watched from outside: its numbers, its log, and that no secret gets into either."""

import base64
import http.client
import json
import os
import signal
import time
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from keystead.app import BACKGROUND

pytestmark = pytest.mark.whole

MARK = "hush-5c1e"
"""In everything that a caller sends."""

PROCESSES = ("keyholder", "recorder", "rotator", "scheduler", "supervisor", "worker-1")


def until(holds, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"not so within {seconds} s")
        time.sleep(0.05)


def marked_calls(node) -> list[bytes]:
    """Calls that end well, calls that fail, and what is no call at all, each with the mark wherever there is room.

    The secrets that were answered.
    """
    kms, iam = node.client("kms"), node.client("iam")
    key = kms.create_key(Description=MARK, Tags=[{"TagKey": MARK, "TagValue": MARK}])["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/{MARK}", TargetKeyId=key)
    blob = kms.encrypt(KeyId=key, Plaintext=MARK, EncryptionContext={MARK: MARK})["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob, EncryptionContext={MARK: MARK})
    iam.create_user(UserName=MARK)
    made = iam.create_access_key(UserName=MARK)["AccessKey"]
    data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    wrong = {"AccessKeyId": f"AKIA{MARK}", "SecretAccessKey": MARK}
    for refused in (
        lambda: kms.decrypt(CiphertextBlob=blob, EncryptionContext={MARK: "another"}),
        lambda: kms.describe_key(KeyId=f"alias/{MARK}/none"),
        lambda: iam.get_user(UserName=f"{MARK}none"),
        lambda: iam.put_user_policy(UserName=MARK, PolicyName=MARK, PolicyDocument=MARK),
        lambda: node.client("kms", {**wrong, "SessionToken": MARK}).list_keys(),
    ):
        with pytest.raises(ClientError):
            refused()
    for headers in ({"X-Amz-Target": f"TrentService.{MARK}"}, {"Authorization": MARK}, {MARK: MARK}):
        asked = http.client.HTTPConnection(urlsplit(node.url).netloc, timeout=5)
        asked.request("POST", f"/{MARK}?{MARK}", body=f'{{"{MARK}": "{MARK}', headers=headers)
        asked.getresponse().read()
        asked.close()
    return [made["SecretAccessKey"].encode(), data_key["Plaintext"], data_key["CiphertextBlob"], blob]


def spelt(secret: bytes) -> set[str]:
    """As it could stand in a line of text."""
    return {secret.decode("latin-1"), secret.hex(), base64.b64encode(secret).decode(), repr(secret)[2:-1]}


def answers(node) -> bool:
    try:
        return bool(node.client("kms").list_keys())
    except ClientError:
        return False


def test_no_secret_and_nothing_that_a_caller_sent_is_in_the_log_or_the_metrics(watched):
    node = watched.node
    secrets = marked_calls(node)
    secrets += [MARK.encode(), node.facts["secret_access_key"].encode(), node.facts["access_key_id"].encode()]
    secrets += [path.read_bytes() for path in node.data.glob("seal-*.key")]
    for name in ("keyholder", "recorder"):
        os.kill(node.processes()[name][0], signal.SIGKILL)
        with suppress(ClientError):
            node.client("kms").encrypt(KeyId=f"alias/{MARK}", Plaintext=MARK)
        until(lambda name=name: node.processes().get(name))
        until(lambda: answers(node))
    metrics = watched.metrics()
    node.stop()
    log = watched.log.read_text()

    seen = log + metrics
    assert len(secrets) == 8
    assert not [planted for secret in secrets for planted in spelt(secret) if planted in seen]
    assert node.facts["account_id"] not in seen
    assert "arn:aws" not in seen
    assert "Traceback" not in seen


def test_every_process_says_its_lines_in_one_form(watched):
    watched.node.stop()

    lines = [json.loads(line) for line in watched.log.read_text().splitlines()]

    assert {line["process"] for line in lines} >= {"keyholder", "recorder"}
    assert all({"time", "level", "process", "event"} <= set(line) for line in lines)


def test_the_numbers_of_all_processes_are_told_in_one_place(watched):
    marked_calls(watched.node)
    until(lambda: started(watched.samples()) == {f"process={name}" for name in PROCESSES}, 30)

    now = watched.samples()

    assert now["keystead_requests_total", "code=OK", "operation=Encrypt", "process=worker-1", "service=kms"] == 1.0
    assert now["keystead_keyholder_turns_total", "process=keyholder"] > 0
    assert now["keystead_trail_records_total", "process=recorder"] >= 10
    assert now["keystead_seal_info", "kind=file", "process=keyholder", "version=0.1.0"] == 1.0


def test_who_asks_goes_before_what_can_wait(watched):
    def niceness(name):
        return os.getpriority(os.PRIO_PROCESS, watched.node.processes()[name][0])

    until(lambda: niceness("scheduler") == niceness("worker") + BACKGROUND)


def started(samples):
    return {key[1] for key in samples if key[0] == "keystead_process_start_timestamp_seconds"}


def test_a_restart_is_counted_and_the_numbers_go_on(watched):
    kms = watched.node.client("kms")
    kms.list_keys()
    counted = ("keystead_requests_total", "code=OK", "operation=ListKeys", "process=worker-1", "service=kms")
    before = watched.samples()[counted]

    os.kill(watched.node.processes()["worker"][0], signal.SIGKILL)
    until(lambda: watched.samples().get(("keystead_process_restarts_total", "child=worker-1", "process=supervisor")))

    assert watched.samples()[counted] == before


def test_the_metrics_listener_serves_nothing_else(watched):
    asked = http.client.HTTPConnection(urlsplit(watched.scrapers).netloc, timeout=5)
    asked.request("GET", "/health")
    assert asked.getresponse().status == 404
    asked.close()


def test_the_clients_listener_serves_no_metrics(watched):
    asked = http.client.HTTPConnection(urlsplit(watched.node.url).netloc, timeout=5)
    asked.request("GET", "/metrics")
    assert b"keystead_" not in asked.getresponse().read()
    asked.close()
