"""What the record says of a decision: the statements that allowed it, or how far each came; and who gets to see it."""

import json

import pytest

from keystead.access.errors import AccessDenied
from keystead.identities.authorize import authorize
from keystead.identities.errors import SessionForbidden
from keystead.trail.notes import Decided, Resource
from world import ACCOUNT, allow

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER = "444455556666"


def told(call, recipient="111122223333"):
    return [one.told(recipient, "kms:Decrypt", []) for one in call.notes.decisions]


async def test_an_allowance_names_the_statements_that_allowed(world):
    async with world:
        caller = await world.user("zoe", allow("kms:*"))
        call = world.call(caller, "kms", "Decrypt")

        authorize(call, "kms:Decrypt", KEY)

    assert told(call) == [
        {"resource": KEY, "statements": [{"policy": "inline policy inline of user zoe", "statement": "1"}]}
    ]


async def test_a_denial_says_how_far_each_statement_came(world):
    condition = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    async with world:
        caller = await world.user(
            "zoe",
            allow("s3:*"),
            allow("kms:Decrypt", resource="arn:aws:kms:*:*:key/other"),
            allow("kms:*", Sid="Here", Condition=condition),
        )
        call = world.call(caller, "kms", "Decrypt")

        with pytest.raises(AccessDenied):
            authorize(call, "kms:Decrypt", KEY)

    (one,) = told(call)
    policy = "inline policy inline of user zoe"
    assert (one["denied"], one["by"], one["others"]) == ("implicit", "identity", 1)
    assert one["statements"] == [
        {"step": 8, "policy": policy, "statement": "2", "effect": "Allow", "outcome": "resource"},
        {
            "step": 8,
            "policy": policy,
            "statement": "Here",
            "effect": "Allow",
            "outcome": "StringEquals aws:requestedregion",
            "given": ["us-east-1"],
        },
    ]


async def test_a_remembered_decision_is_told_again(world):
    async with world:
        caller = await world.user("zoe", allow("kms:*"))
        calls = [world.call(caller, "kms", "Decrypt") for _ in range(2)]

        for call in calls:
            authorize(call, "kms:Decrypt", KEY)

    assert told(calls[0]) == told(calls[1]) != []


async def test_what_credentials_may_not_ask_at_all_is_told(world):
    async with world:
        caller = await world.user("zoe", allow("iam:*"))
        session = await world.sts("get_session_token", caller)
        given = session["Credentials"]
        call = world.call(await world.caller(given["AccessKeyId"], given["SessionToken"]), "iam", "ListUsers")

        with pytest.raises(SessionForbidden):
            authorize(call, "iam:ListUsers")

    assert told(call)[0]["by"] == "the kind of credentials"


async def test_a_denial_tells_fifty_statements_at_most_and_long_texts_cut(world):
    async with world:
        many = [allow("kms:Decrypt", resource="arn:aws:kms:*:*:key/x") for _ in range(12)]
        caller = await world.user("zoe")
        for number in range(5):
            await world.iam(
                "create_policy", policy_name=f"p{number}", policy_document=json.dumps(
                    {"Version": "2012-10-17", "Statement": [{**one, "Sid": "x" * 200 + str(place)}
                                                            for place, one in enumerate(many)]}
                )
            )  # fmt: skip
            arn = f"arn:aws:iam::{ACCOUNT}:policy/p{number}"
            await world.iam("attach_user_policy", user_name="zoe", policy_arn=arn)
        call = world.call(await world.caller(caller.access_key_id), "kms", "Decrypt")

        with pytest.raises(AccessDenied):
            authorize(call, "kms:Decrypt", KEY)

    (one,) = told(call)
    assert (len(one["statements"]), one["others"]) == (50, 10)
    assert {len(statement["statement"]) for statement in one["statements"]} == {128}


DECIDED = Decided("kms:Decrypt", KEY, OTHER, "111122223333", {}, ({"policy": "mine"},), ({"policy": "theirs"},))


@pytest.mark.parametrize(
    ("recipient", "seen"),
    [(OTHER, [{"policy": "mine"}]), ("111122223333", [{"policy": "theirs"}]), ("777788889999", [])],
)
def test_each_account_sees_what_its_own_policies_said(recipient, seen):
    told = DECIDED.told(recipient, "kms:Decrypt", [Resource("111122223333", "AWS::KMS::Key", KEY)])

    assert told == {"statements": seen}
