"""The invariants that no operation can forget: a decision, no ignored parameter, no answer without a record."""

import json

import pytest
from structlog.testing import capture_logs

from keystead.database.errors import DatabaseLost
from keystead.gateway import Peer
from keystead.identities.call import Call
from keystead.keyholder.errors import KeyholderLost


async def list_keys(room, call: Call, *, limit=None, marker=None):
    call.decided = True
    return {"Keys": [], "Truncated": False}


def failing(error):
    async def list_keys(room, call: Call, *, limit=None, marker=None):
        call.decided = True
        raise error

    return list_keys


async def test_a_call_is_answered_and_recorded_once(world, house):
    async with world:
        response = await house.call("kms", "ListKeys", {"Limit": 5}, headers={"User-Agent": "boto3 é"})

    (event,) = house.events
    assert response.status == 200
    assert json.loads(response.body)["Keys"] == []
    assert (event["eventSource"], event["eventName"], event["awsRegion"]) == (
        "kms.amazonaws.com",
        "ListKeys",
        "us-east-1",
    )
    assert event["requestID"] == dict(response.headers)[b"x-amzn-RequestId"].decode()
    assert event["sourceIPAddress"] == "192.0.2.7"
    assert event["userIdentity"]["accessKeyId"] == world.key_id
    assert event["requestParameters"] == {"limit": 5}
    assert "errorCode" not in event


async def test_an_operation_without_an_access_decision_is_an_internal_error(world, served, code_of):
    async def list_keys(room, call, *, limit=None, marker=None):
        return {"Keys": [{"KeyId": "hush"}]}

    house = served(list_keys)
    async with world:
        response = await house.call("kms", "ListKeys")

    assert (response.status, code_of(response)) == (500, "KMSInternalException")
    assert b"hush" not in response.body
    assert house.events[0]["errorCode"] == "KMSInternalException"


async def test_what_is_exempt_by_name_needs_no_decision(world, served):
    async def list_keys(room, call, *, limit=None, marker=None):
        return {"Keys": []}

    house = served(list_keys, exempt=frozenset({"ListKeys"}))
    async with world:
        response = await house.call("kms", "ListKeys")

    assert response.status == 200


async def test_a_parameter_that_the_operation_does_not_name_is_refused(world, served, code_of):
    ran = []

    async def encrypt(room, call, *, key_id, plaintext):
        ran.append(key_id)

    house = served(encrypt)
    async with world:
        response = await house.call("kms", "Encrypt", {"KeyId": "k", "Plaintext": "QQ==", "DryRun": True})

    assert (response.status, code_of(response)) == (400, "UnsupportedOperationException")
    assert ran == []
    assert house.events[0]["errorCode"] == "UnsupportedOperationException"


async def test_no_answer_leaves_without_its_record(world, served, code_of):
    async def list_keys(room, call, *, limit=None, marker=None):
        call.decided = True
        house.recorder.lost = True
        return {"Keys": [{"KeyId": "hush"}]}

    house = served(list_keys)
    async with world:
        response = await house.call("kms", "ListKeys")

    assert (response.status, code_of(response)) == (500, "KMSInternalException")
    assert b"hush" not in response.body


async def test_while_nothing_can_be_recorded_nothing_runs(world, served, code_of):
    ran = []

    async def list_keys(room, call, *, limit=None, marker=None):
        ran.append(call)

    house = served(list_keys)
    house.recorder.healthy = False
    async with world:
        response = await house.call("kms", "ListKeys")

    assert (response.status, code_of(response)) == (500, "KMSInternalException")
    assert ran == []


async def test_a_call_waits_for_a_recorder_that_comes_back(world, house):
    async def ready():
        house.recorder.healthy = True

    house.recorder.healthy = False
    house.recorder.ready = ready
    async with world:
        response = await house.call("kms", "ListKeys")

    assert response.status == 200
    assert len(house.events) == 1


@pytest.mark.parametrize("lost", [DatabaseLost("28000"), KeyholderLost()])
async def test_for_what_comes_back_by_itself_the_client_is_told_to_wait(world, served, lost):
    house = served(failing(lost))
    async with world:
        response = await house.call("kms", "ListKeys")

    assert (response.status, dict(response.headers)[b"x-amz-retry-after"]) == (500, b"1000")


async def test_without_a_recorder_the_client_is_told_to_wait_and_for_a_defect_it_is_not(world, served):
    house = served(failing(ValueError("hush")))
    async with world:
        defect = await house.call("kms", "ListKeys")
        house.recorder.healthy = False
        without = await house.call("kms", "ListKeys")

    assert b"x-amz-retry-after" not in dict(defect.headers)
    assert dict(without.headers)[b"x-amz-retry-after"] == b"1000"


@pytest.mark.parametrize(("name", "operation"), [("iam", "ListUsers"), ("sts", "GetCallerIdentity")])
async def test_each_service_has_its_own_internal_error(world, house, code_of, name, operation):
    house.recorder.healthy = False
    async with world:
        response = await house.call(name, operation)

    assert response.status == 500
    assert code_of(response) == world.rooms[name].unforeseen
    assert b"<Type>Receiver</Type>" in response.body


@pytest.mark.parametrize(
    "error",
    [ValueError("hush"), KeyError("hush"), RuntimeError("hush"), AssertionError("hush"), RecursionError("hush")],
)
async def test_the_unforeseen_says_nothing(world, served, code_of, error):
    house = served(failing(error))
    async with world:
        with capture_logs() as logged:
            response = await house.call("kms", "ListKeys")

    assert (response.status, response.body) == (500, b'{"__type":"KMSInternalException"}')
    assert "hush" not in str(logged)
    assert logged[0]["error"] == type(error).__name__
    assert "list_keys" in logged[0]["at"]
    assert "hush" not in json.dumps(house.events)
    assert house.events[0]["errorCode"] == "KMSInternalException"


class Foreseen(Exception):
    def __init__(self):
        super().__init__()
        self.arn = "arn:aws:kms:{arn}"


async def test_an_error_whose_text_cannot_be_written_is_recorded_all_the_same(world, served):
    error = Foreseen()
    error.arn = "\ud800"
    house = served(failing(error), errors={Foreseen: ("NotFoundException", "Key '{arn}' does not exist")})
    async with world:
        response = await house.call("kms", "ListKeys")

    assert (response.status, response.body) == (500, b'{"__type":"KMSInternalException"}')
    assert [event["errorCode"] for event in house.events] == ["KMSInternalException"]


class MoreForeseen(Foreseen):
    pass


@pytest.mark.parametrize("error", [Foreseen(), MoreForeseen()])
async def test_a_domain_error_is_named_by_the_services_table(world, served, error):
    house = served(failing(error), errors={Foreseen: ("NotFoundException", "Key '{arn}' does not exist")})
    async with world:
        response = await house.call("kms", "ListKeys")

    assert response.status == 400
    assert json.loads(response.body) == {
        "__type": "NotFoundException",
        "message": "Key 'arn:aws:kms:{arn}' does not exist",
    }
    assert house.events[0]["errorMessage"] == "Key 'arn:aws:kms:{arn}' does not exist"


async def test_a_row_that_its_error_cannot_fill_is_an_internal_error(world, served, code_of):
    house = served(failing(Foreseen()), errors={Foreseen: ("NotFoundException", "{nothing_of_the_kind}")})
    async with world:
        response = await house.call("kms", "ListKeys")

    assert (response.status, code_of(response)) == (500, "KMSInternalException")
    assert len(house.events) == 1


async def test_an_answer_that_cannot_be_rendered_is_recorded_as_the_failure_it_becomes(world, served, code_of):
    async def list_keys(room, call, *, limit=None, marker=None):
        call.decided = True
        return {"Keys": object()}

    house = served(list_keys)
    async with world:
        response = await house.call("kms", "ListKeys")

    assert (response.status, code_of(response)) == (500, "KMSInternalException")
    assert house.events[0]["errorCode"] == "KMSInternalException"


@pytest.mark.parametrize(
    ("operation", "document", "recorded", "code"),
    [
        ("Encrypt", {}, "Encrypt", "ValidationException"),
        ("Encrypt", b"{", "Encrypt", "SerializationException"),
        ("Encrypt", {"Unheard": 1}, "Encrypt", "UnsupportedOperationException"),
        (
            "CreateGrant",
            {"KeyId": "k", "Operations": ["Sign"], "GranteeServicePrincipal": "s3.amazonaws.com"},
            "CreateGrant",
            "UnsupportedOperationException",
        ),
        ("Juggle", {}, "Juggle", "UnknownOperationException"),
        ("x" * 65, {}, "UnknownOperation", "UnknownOperationException"),
        ("<script>", {}, "UnknownOperation", "UnknownOperationException"),
    ],
)
async def test_a_call_that_fails_before_it_runs_is_recorded_too(
    world, house, code_of, operation, document, recorded, code
):
    async with world:
        response = await house.call("kms", operation, document)

    (event,) = house.events
    assert (response.status, code_of(response)) == (400, code)
    assert (event["eventName"], event["errorCode"]) == (recorded, code)
    assert event["userIdentity"]["accessKeyId"] == world.key_id


async def test_a_forwarded_call_has_a_record_of_its_own(world, served):
    async def list_keys(room, call, *, limit=None, marker=None):
        call.decided = True
        call.forward("11111111-1111-4111-8111-111111111111", "sts", "GetCallerIdentity", "*")
        call.forward("22222222-2222-4222-8222-222222222222", "kms", "Decrypt", "*")
        return {"Keys": []}

    house = served(list_keys)
    async with world:
        await house.call("kms", "ListKeys")

    own, first, second = house.events
    assert [event["eventName"] for event in (own, first, second)] == ["ListKeys", "GetCallerIdentity", "Decrypt"]
    assert "invokedBy" not in own["userIdentity"]
    for event in (first, second):
        assert event["userIdentity"]["invokedBy"] == "kms.amazonaws.com"
        assert event["userIdentity"]["accessKeyId"] == world.key_id
        assert event["sourceIPAddress"] == event["userAgent"] == "kms.amazonaws.com"
    assert first["eventSource"] == "sts.amazonaws.com"
    assert {event["requestID"][0] for event in (first, second)} == {"1", "2"}


async def test_the_owner_of_a_resource_elsewhere_gets_a_copy(world, served):
    async def list_keys(room, call, *, limit=None, marker=None):
        call.decided = True
        call.notes.resource("444455556666", "AWS::KMS::Key", "arn:aws:kms:us-east-1:444455556666:key/k")
        return {"Keys": []}

    house = served(list_keys)
    async with world:
        await house.call("kms", "ListKeys")

    mine, theirs = house.events
    assert [event["recipientAccountId"] for event in (mine, theirs)] == ["111122223333", "444455556666"]
    assert mine["sharedEventID"] == theirs["sharedEventID"]
    assert mine["eventID"] != theirs["eventID"]
    assert theirs["userIdentity"]["type"] == "AWSAccount"


@pytest.mark.parametrize(
    ("service", "operation", "region", "recorded"),
    [
        ("iam", "ListUsers", "eu-central-1", "us-east-1"),
        ("sts", "GetCallerIdentity", "eu-central-1", "eu-central-1"),
        ("kms", "ListKeys", "eu-central-1", "eu-central-1"),
    ],
)
async def test_iam_has_one_region_and_the_others_the_one_that_was_signed(
    world, house, service, operation, region, recorded
):
    async with world:
        response = await house.call(service, operation, region=region)

    assert response.status == 200
    assert house.events[0]["awsRegion"] == recorded


async def test_a_loss_of_the_feed_is_an_internal_error(world, house, code_of):
    class Lost:
        def current(self):
            return False

        async def catch_up(self):
            raise OSError("hush")

    house.gateway._feed = Lost()
    async with world:
        with capture_logs():
            response = await house.call("kms", "ListKeys")

    assert (response.status, code_of(response)) == (500, "KMSInternalException")


async def test_under_tls_the_record_names_version_cipher_and_host(world, house):
    peer = Peer("192.0.2.8", secure=True, tls={"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"})
    async with world:
        await house.send(house.request("kms", "ListKeys"), peer)

    assert house.events[0]["tlsDetails"] == {
        "tlsVersion": "TLSv1.3",
        "cipherSuite": "TLS_AES_128_GCM_SHA256",
        "clientProvidedHostHeader": "keystead.invalid",
    }


async def test_request_ids_are_uuids_in_order_of_time(world, house):
    async with world:
        ids = {dict((await house.call("sts", "GetCallerIdentity")).headers)[b"x-amzn-RequestId"] for _ in range(20)}

    assert len(ids) == 20
    assert all(len(one) == 36 and one[14:15] == b"7" and one[19:20] in b"89ab" for one in ids)


async def test_what_is_too_large_is_refused_in_the_protocol_that_was_spoken(world, house):
    async with world:
        as_json = house.gateway.too_large(house.request("kms", "Encrypt"), 10)
        as_xml = house.gateway.too_large(house.request("iam", "ListUsers"), 10)

    assert as_json.status == as_xml.status == 413
    assert json.loads(as_json.body)["__type"] == "RequestEntityTooLargeException"
    assert b"<Code>RequestEntityTooLargeException</Code>" in as_xml.body
