"""Records as values: what bounds them, and what tells them apart."""

import json
import os
import uuid
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.trail import event as events
from keystead.trail.notes import Notes

IDENTITY = {"type": "IAMUser", "principalId": "AIDA", "arn": "arn", "accountId": "111122223333", "userName": "alice"}
AT = 1_750_000_000.5


@dataclass(frozen=True)
class Happened:
    account: str = "111122223333"
    region: str = "eu-west-1"
    key_id: str = "1234abcd"
    key_arn: str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"
    material_id: str = ""


def record(**named):
    asked = {
        "request_id": "r",
        "at": 1_750_000_000.9,
        "source": "iam.amazonaws.com",
        "name": "CreateUser",
        "region": "us-east-1",
        "identity": IDENTITY,
        "invoked_by": None,
        "source_ip": "192.0.2.1",
        "user_agent": "boto3",
        "error": None,
        "parameters": {"userName": "bob"},
        "response": None,
        "notes": Notes(),
        "read_only": False,
        "recipient_account": "111122223333",
        "tls": None,
        "shared_id": None,
    }
    return json.loads(events.event(**{**asked, **named}))


def test_members_without_a_value_are_left_out_but_for_request_and_answer():
    made = record(parameters=None)

    assert made["requestParameters"] is None
    assert made["responseElements"] is None
    absent = {"errorCode", "errorMessage", "additionalEventData", "resources", "sharedEventID", "tlsDetails"}
    assert not absent & made.keys()


@pytest.mark.parametrize("empty", [None, {}])
def test_an_empty_request_or_answer_is_null(empty):
    made = record(parameters=empty, response=empty)

    assert (made["requestParameters"], made["responseElements"]) == (None, None)


def test_the_time_is_in_whole_seconds_of_utc():
    assert record()["eventTime"] == "2025-06-15T15:06:40Z"


def test_kms_lists_resources_even_when_there_are_none():
    assert record(source="kms.amazonaws.com")["resources"] == []


def test_a_resource_without_a_type_is_listed_without_one():
    notes = Notes()
    notes.resource("111122223333", "", "arn:aws:ssm:us-east-1:111122223333:parameter/p")

    assert record(notes=notes)["resources"] == [
        {"accountId": "111122223333", "ARN": "arn:aws:ssm:us-east-1:111122223333:parameter/p"}
    ]


def test_a_forwarded_call_names_the_service_and_has_no_tls_of_its_own():
    made = record(invoked_by="secretsmanager.amazonaws.com", tls={"tlsVersion": "TLSv1.3"})

    assert made["userIdentity"] == {**IDENTITY, "invokedBy": "secretsmanager.amazonaws.com"}
    assert "tlsDetails" not in made


def test_another_account_is_told_of_the_caller_without_names():
    made = record(recipient_account="444455556666", shared_id="s")

    assert made["userIdentity"] == {"type": "AWSAccount", "principalId": "AIDA", "accountId": "111122223333"}
    assert made["sharedEventID"] == "s"


@pytest.mark.parametrize("code", ["AccessDeniedException", "AccessDenied"])
def test_a_denial_has_one_code_in_every_service_and_no_parameters(code):
    made = record(error=(code, "text"))

    assert (made["errorCode"], made["errorMessage"], made["requestParameters"]) == ("AccessDenied", "text", None)


def test_another_failure_keeps_its_code_and_parameters():
    made = record(error=("NoSuchEntity", None))

    assert (made["errorCode"], made["requestParameters"]) == ("NoSuchEntity", {"userName": "bob"})
    assert "errorMessage" not in made


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=3000))
def test_error_texts_and_user_agents_are_cut_at_a_kilobyte(text):
    made = record(error=("E", text), user_agent=text)

    for shown in (made["errorMessage"], made["userAgent"]):
        assert text.startswith(shown)
        assert len(shown.encode()) <= 1024
        assert shown == text or len(shown.encode()) > 1020


@pytest.mark.parametrize(
    ("argument", "member", "limit"),
    [("parameters", "requestParameters", 100 * 1024), ("response", "responseElements", 100 * 1024)],
)
def test_content_that_is_too_large_gives_way_to_a_note(argument, member, limit):
    fits = {"policyDocument": "x" * (limit - len('{"policyDocument":""}'))}
    exceeds = {"policyDocument": fits["policyDocument"] + "x"}

    assert record(**{argument: fits})[member] == fits
    assert record(**{argument: exceeds})[member] == {
        "omitted": True,
        "originalSize": limit + 1,
        "reason": f"{member} too large",
    }


def test_additional_data_that_is_too_large_gives_way_to_a_note():
    made = record(notes=Notes(additional={"k": "x" * 28 * 1024}))

    assert made["additionalEventData"]["omitted"] is True
    assert made["requestParameters"] == {"userName": "bob"}


def test_ids_are_uuids_that_no_two_records_share_and_that_grow_with_time():
    ids = [record(at=1_750_000_000 + number)["eventID"] for number in range(2000)]

    assert len(set(ids)) == 2000
    assert ids == sorted(ids)
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in ids} == {(7, uuid.RFC_4122)}


def test_the_copies_of_one_call_have_ids_of_their_own():
    assert record()["eventID"] != record()["eventID"]


def test_what_the_service_does_itself_is_an_event_without_a_caller():
    made = json.loads(events.service_event("DeleteKey", Happened(), at=1_750_000_000))

    assert made["userIdentity"] == {"accountId": "111122223333", "invokedBy": "AWS Internal"}
    assert made["eventType"] == "AwsServiceEvent"
    assert made["awsRegion"] == "eu-west-1"
    assert made["serviceEventDetails"] == {"keyId": "1234abcd"}
    assert "requestID" not in made


def test_events_that_aws_does_not_have_come_from_keystead_internal():
    made = json.loads(
        events.internal_event("Sealed", account="111122223333", region="eu-west-1", at=1.0, details={"by": "operator"})
    )

    assert made["eventSource"] == "keystead.internal"
    assert made["recipientAccountId"] == "111122223333"
    assert made["serviceEventDetails"] == {"by": "operator"}


def test_ids_are_uuids_of_version_7_and_a_forked_process_makes_others() -> None:
    mine = {events.id_at(AT) for _ in range(2000)}
    before = events.id_at(AT)
    read, write = os.pipe()

    child = os.fork()
    if child == 0:
        os.write(write, events.id_at(AT).encode())
        os._exit(0)
    os.waitpid(child, 0)
    after, theirs = events.id_at(AT), os.read(read, 100).decode()
    os.close(read)
    os.close(write)

    assert len({*mine, before, after, theirs}) == 2003
    for one in map(uuid.UUID, (before, theirs)):
        assert (one.version, one.variant) == (7, uuid.RFC_4122)
        assert one.int >> 80 == int(AT * 1000)
