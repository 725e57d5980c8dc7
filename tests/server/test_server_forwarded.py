"""The records of calls made on behalf of another: what each asked, and what became of it, in its own service's words."""

import pytest

from keystead.access.errors import AccessDenied
from keystead.keys.errors import KeyDisabled, KeyNotFound
from keystead.services.kms.errors import ERRORS

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CONTEXT = {"SecretARN": "arn:aws:secretsmanager:us-east-1:111122223333:secret:app-AbCdEf"}


def forwarding(*errors, act=lambda call: None, outer=None):
    """An operation that forwards a Decrypt for each of `errors`, which it ends with; None ends well."""

    async def list_keys(room, call, *, limit=None, marker=None):
        call.decided = True
        for number, error in enumerate(errors):
            try:
                with call.forward(f"further-{number}", "kms", "Decrypt", KEY, {"encryption_context": CONTEXT}) as one:
                    act(one)
                    if error is not None:
                        raise error
            except type(error or KeyError()):
                continue
        if outer is not None:
            raise outer
        return {"Keys": []}

    return list_keys


async def recorded(world, served, operation):
    house = served(operation, errors=ERRORS)
    async with world:
        await house.call("kms", "ListKeys", {"Limit": 5})
    return house.events


async def test_its_parameters_are_its_own(world, served):
    own, further = await recorded(world, served, forwarding(None))

    assert own["requestParameters"] == {"limit": 5}
    assert further["requestParameters"] == {"encryptionAlgorithm": "SYMMETRIC_DEFAULT", "encryptionContext": CONTEXT}
    assert further["responseElements"] is None
    assert further["additionalEventData"]["originRequestID"] == own["requestID"]


async def test_it_may_succeed_where_the_call_fails(world, served):
    own, further = await recorded(world, served, forwarding(None, outer=KeyNotFound(KEY)))

    assert own["errorCode"] == "NotFoundException"
    assert "errorCode" not in further
    assert further["requestParameters"]["encryptionContext"] == CONTEXT


async def test_it_may_fail_where_the_call_succeeds(world, served):
    own, disabled, well = await recorded(world, served, forwarding(KeyDisabled(KEY), None))

    assert "errorCode" not in own
    assert (disabled["errorCode"], disabled["errorMessage"]) == ("DisabledException", f"{KEY} is disabled.")
    assert "errorCode" not in well


async def test_one_that_is_denied_shows_no_parameters(world, served):
    _, further = await recorded(world, served, forwarding(AccessDenied("User: u may not")))

    assert (further["errorCode"], further["errorMessage"]) == ("AccessDenied", "User: u may not")
    assert further["requestParameters"] is None


async def test_of_the_unforeseen_its_record_says_nothing(world, served):
    _, further = await recorded(world, served, forwarding(ValueError("hush")))

    assert further["errorCode"] == "KMSInternalException"
    assert "hush" not in str(further)


async def test_one_that_nobody_ended_failed_when_the_call_did(world, served):
    async def list_keys(room, call, *, limit=None, marker=None):
        call.decided = True
        call.forward("further", "kms", "Decrypt", KEY)
        raise KeyNotFound(KEY)

    _, further = await recorded(world, served, list_keys)

    assert further["errorCode"] == "NotFoundException"


async def test_the_owner_of_a_key_elsewhere_hears_of_a_use_that_went_well(world, served):
    theirs = "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    uses = forwarding(
        None, KeyDisabled(theirs), act=lambda one: one.notes.resource("444455556666", "AWS::KMS::Key", theirs)
    )

    events = await recorded(world, served, uses)

    assert [event["recipientAccountId"] for event in events] == [
        "111122223333",
        "111122223333",
        "444455556666",
        "111122223333",
    ]


async def test_one_that_another_region_is_asked_for_comes_from_there(world, served):
    async def list_keys(room, call, *, limit=None, marker=None):
        call.decided = True
        elsewhere = KEY.replace("us-east-1", "eu-west-1")
        with call.forward("further", "kms", "Decrypt", elsewhere, region="eu-west-1") as one:
            assert one.via == "kms.eu-west-1.amazonaws.com"
        return {"Keys": []}

    own, further = await recorded(world, served, list_keys)

    assert (own["awsRegion"], further["awsRegion"]) == ("us-east-1", "eu-west-1")


async def test_a_part_of_a_call_is_recorded_as_the_callers_own(world, served):
    async def list_keys(room, call, *, limit=None, marker=None):
        call.decided = True
        for key_id in (KEY, "other"):
            with call.part(f"part-{key_id[-1]}", "DescribeKey", {"key_id": key_id}) as part:
                assert not part.decided
        return {"Keys": []}

    own, first, second = await recorded(world, served, list_keys)

    assert first["userIdentity"] == own["userIdentity"]
    assert (first["eventName"], first["sourceIPAddress"]) == ("DescribeKey", own["sourceIPAddress"])
    assert [event["requestParameters"] for event in (first, second)] == [{"keyId": KEY}, {"keyId": "other"}]


@pytest.mark.parametrize("ending", [None, KeyError("x")])
async def test_leaving_it_tells_how_it_ended(world, ending):
    async with world:
        call = world.call(await world.caller(), "secretsmanager", "GetSecretValue")
        further = call.forward("further", "kms", "Decrypt", KEY)
        try:
            with further:
                if ending is not None:
                    raise ending
        except KeyError:
            pass

        assert (further.ended, further.error) == (True, ending)
