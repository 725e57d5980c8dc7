"""Parameter policies under a clock: what expires, what is said before and instead, and which documents are refused."""

import json

from sqlalchemy import select

from keystead.parameters import deleting
from keystead.trail.outbox import outbox
from world import ACCOUNT, NOW

DAY = 86_400.0
HOUR = 3600.0
EXPIRY = "2025-06-25T15:06:40Z"
"""NOW and ten days."""


def policies(*listed):
    return json.dumps([{"Type": kind, "Version": "1.0", "Attributes": given} for kind, given in listed])


EXPIRES = ("Expiration", {"Timestamp": EXPIRY})
BEFORE = ("ExpirationNotification", {"Before": "15", "Unit": "Hours"})
UNCHANGED = ("NoChangeNotification", {"After": "2", "Unit": "Days"})


async def put(world, document, value="v", **asked):
    return await world.ssm("put_parameter", name="/p", value=value, tier="Advanced", policies=document, **asked)


async def due(world, at):
    """What is done by then, and the events of it."""
    world.now = at
    await world.feed.catch_up()
    gone = await deleting.enforce_due(world.parameters, at)
    async with world.database.read() as connection:
        rows = await connection.execute(select(outbox.c.event).order_by(outbox.c.seq))
        return gone, [json.loads(row.event) for row in rows]


async def statuses(world):
    shown = (await world.ssm("describe_parameters"))["Parameters"][0]["Policies"]
    return {one["PolicyType"]: one["PolicyStatus"] for one in shown}


async def test_a_parameter_expires_with_an_event_and_its_name_is_free(world):
    async with world:
        await put(world, policies(EXPIRES), type="SecureString")

        early = await due(world, NOW + 10 * DAY - 1)
        gone, events = await due(world, NOW + 10 * DAY)

        arn = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/p"
        assert early == ([], [])
        assert gone == [arn]
        assert [(one["eventName"], one["resources"][0]["ARN"]) for one in events] == [("ParameterExpired", arn)]
        assert events[0]["serviceEventDetails"]["parameter-name"] == "/p"
        assert (await world.refusal("ssm", "get_parameter", name="/p"))[0] == "ParameterNotFound"
        assert (await world.ssm("put_parameter", name="/p", value="w", type="String"))["Version"] == 1
        assert await due(world, NOW + 11 * DAY) == ([], events)


async def test_it_is_said_once_before_it_expires(world):
    async with world:
        await put(world, policies(EXPIRES, BEFORE), type="String")
        at = NOW + 10 * DAY - 15 * HOUR

        assert (await due(world, at - 1))[1] == []
        first = (await due(world, at))[1]
        second = (await due(world, at + HOUR))[1]

        assert [one["eventName"] for one in first] == ["ParameterExpirationNotification"]
        assert second == first
        assert await statuses(world) == {"Expiration": "Pending", "ExpirationNotification": "Finished"}


async def test_a_change_of_the_value_sets_back_what_waits_for_none_and_not_the_expiry(world):
    async with world:
        await put(world, policies(EXPIRES, UNCHANGED), type="String")
        world.now = NOW + DAY
        await world.ssm("put_parameter", name="/p", value="w", overwrite=True)

        assert (await due(world, NOW + 2 * DAY))[1] == []
        said = (await due(world, NOW + 3 * DAY))[1]
        world.now = NOW + 4 * DAY
        await world.ssm("put_parameter", name="/p", value="x", overwrite=True)
        again = (await due(world, NOW + 6 * DAY))[1]

        assert [one["eventName"] for one in said] == ["ParameterNoChangeNotification"]
        assert len(again) == 2
        assert (await due(world, NOW + 10 * DAY))[0] != []


async def test_a_new_set_takes_the_place_of_the_old_one_and_an_empty_one_ends_it(world):
    async with world:
        await put(world, policies(EXPIRES, UNCHANGED), type="String")
        await put(world, policies(UNCHANGED), overwrite=True)
        assert await statuses(world) == {"NoChangeNotification": "Pending"}

        await put(world, "[{}]", overwrite=True)

        assert await statuses(world) == {}
        assert await due(world, NOW + 100 * DAY) == ([], [])
        history = (await world.ssm("get_parameter_history", name="/p"))["Parameters"]
        assert [len(one["Policies"]) for one in history] == [2, 1, 0]


async def test_a_document_that_cannot_be(world):
    refused = {
        "no JSON": "InvalidPolicyAttributeException",
        "{}": "InvalidPolicyAttributeException",
        policies(("Other", {})): "InvalidPolicyTypeException",
        policies(("Expiration", {"Timestamp": "tomorrow"})): "InvalidPolicyAttributeException",
        policies(("Expiration", {"Timestamp": "2020-01-01T00:00:00Z"})): "InvalidPolicyAttributeException",
        policies(("NoChangeNotification", {"After": "0", "Unit": "Days"})): "InvalidPolicyAttributeException",
        policies(("NoChangeNotification", {"After": "1", "Unit": "Weeks"})): "InvalidPolicyAttributeException",
        policies(("NoChangeNotification", {"Before": "1", "Unit": "Days"})): "InvalidPolicyAttributeException",
        policies(EXPIRES, EXPIRES): "IncompatiblePolicyException",
        policies(BEFORE): "IncompatiblePolicyException",
        policies(*[UNCHANGED] * 11): "PoliciesLimitExceededException",
    }
    async with world:
        for document, code in refused.items():
            asked = {"name": "/p", "value": "v", "type": "String", "tier": "Advanced", "policies": document}
            assert (await world.refusal("ssm", "put_parameter", **asked))[0] == code, document
        standard = {"name": "/p", "value": "v", "type": "String", "policies": policies(UNCHANGED)}
        assert (await world.refusal("ssm", "put_parameter", **standard))[0] == "ValidationException"


async def test_an_instant_may_have_an_offset(world):
    async with world:
        await put(world, policies(("Expiration", {"Timestamp": "2025-06-25T17:06:40+02:00"})), type="String")

        assert (await due(world, NOW + 10 * DAY - 1))[0] == []
        assert len((await due(world, NOW + 10 * DAY))[0]) == 1
