"""The way to a decision: condition keys of a call, remembered decisions, what credentials without MFA may not do."""

import pytest

from keystead.access.errors import AccessDenied
from keystead.identities.authorize import authorize
from keystead.identities.conditions import CallContext
from keystead.identities.errors import SessionForbidden
from world import ACCOUNT, allow, policy, trusting

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def context(call, extra=None):
    return CallContext(call, "111122223333", extra)


async def test_global_keys_of_a_user(world):
    async with world:
        caller = await world.caller()
        get = context(world.call(caller, "kms", "Encrypt")).get

        assert get("aws:currenttime") == ("2025-06-15T15:06:40Z",)
        assert get("aws:epochtime") == ("1750000000",)
        assert get("aws:securetransport") == ("true",)
        assert get("aws:useragent") == ("boto3",)
        assert get("aws:sourceip") == ("192.0.2.1",)
        assert get("aws:requestedregion") == ("us-east-1",)
        assert get("aws:principalarn") == ("arn:aws:iam::111122223333:user/administrator",)
        assert get("aws:principalaccount") == ("111122223333",)
        assert get("aws:principaltype") == ("User",)
        assert get("aws:userid") == (caller.principal.unique_id,)
        assert get("aws:username") == ("administrator",)
        assert get("aws:resourceaccount") == ("111122223333",)
        assert get("aws:viaawsservice") == ("false",)


@pytest.mark.parametrize(
    "key",
    [
        "aws:multifactorauthpresent", "aws:multifactorauthage", "aws:tokenissuetime", "aws:sourceidentity",
        "aws:principaltag/team", "aws:sourcevpc", "aws:principalorgid", "aws:calledvia", "aws:federatedprovider", "",
    ],
)  # fmt: skip
async def test_keys_that_a_user_with_a_long_term_key_does_not_have(world, key):
    async with world:
        assert context(world.call(await world.caller(), "kms", "Encrypt")).get(key) is None


async def test_global_keys_of_a_role_session(world):
    async with world:
        arn = await world.role("reader", trust=trusting(ACCOUNT, "sts:*"), tags=[{"Key": "Team", "Value": "role"}])
        caller = await world.assume(arn, tags=[{"Key": "TEAM", "Value": "session"}], source_identity="zoe")
        get = context(world.call(caller, "kms", "Encrypt")).get

        assert get("aws:principalarn") == (arn,)
        assert get("aws:principaltype") == ("AssumedRole",)
        assert get("aws:userid") == (f"{caller.principal.unique_id}:session",)
        assert get("aws:username") is None
        assert get("aws:tokenissuetime") == ("2025-06-15T15:06:40Z",)
        assert get("aws:multifactorauthpresent") == ("false",)
        assert get("aws:sourceidentity") == ("zoe",)
        assert get("aws:principaltag/team") == ("session",)


async def test_a_forwarded_call_says_so_and_nothing_in_a_request_can(world):
    async with world:
        call = world.call(await world.caller(), "secretsmanager", "GetSecretValue")
        forwarded = call.forward("further", "kms", "Decrypt", "arn:aws:kms:us-east-1:111122223333:key/k")

        assert context(call, {"aws:viaawsservice": ("true",)}).get("aws:viaawsservice") == ("false",)
        get = context(forwarded).get
        assert get("aws:viaawsservice") == ("true",)
        assert get("aws:sourceip") == ("secretsmanager.amazonaws.com",)
        assert get("aws:multifactorauthpresent") == ("false",)
        assert get("aws:calledvia") is None


async def test_a_service_adds_keys_and_replaces_none(world):
    async with world:
        extra = {
            "kms:keyspec": ("SYMMETRIC_DEFAULT",),
            "aws:principalarn": ("forged",),
            "aws:principaltag/x": ("forged",),
        }
        get = context(world.call(await world.caller(), "kms", "Encrypt"), extra).get

        assert get("kms:keyspec") == ("SYMMETRIC_DEFAULT",)
        assert get("aws:principalarn") == ("arn:aws:iam::111122223333:user/administrator",)
        assert get("aws:principaltag/x") is None


async def test_a_denial_counts_as_a_decision_and_says_why(world):
    async with world:
        caller = await world.user("zoe")
        call = world.call(caller, "kms", "ListKeys")

        with pytest.raises(AccessDenied) as denied:
            authorize(call, "kms:ListKeys")

        assert call.decided
        assert denied.value.text == (
            "User: arn:aws:iam::111122223333:user/zoe is not authorized to perform: kms:ListKeys on resource: * "
            "because no identity-based policy allows the kms:ListKeys action"
        )


async def test_an_explicit_denial_says_that_it_is_one(world):
    async with world:
        caller = await world.user("zoe", allow("kms:*"), allow("kms:List*") | {"Effect": "Deny"})

        with pytest.raises(AccessDenied) as denied:
            authorize(world.call(caller, "kms", "ListKeys"), "kms:ListKeys")

        assert denied.value.text.endswith("with an explicit deny in an identity-based policy")


async def test_a_decision_without_conditions_is_remembered(world):
    async with world:
        caller = await world.user("zoe", allow("kms:ListKeys"))

        one = authorize(world.call(caller, "kms", "ListKeys"), "kms:ListKeys")
        other = authorize(world.call(caller, "kms", "ListKeys"), "kms:ListKeys")

        assert one.allowed
        assert one.constant
        assert other is one


async def test_a_decision_that_hangs_on_the_request_is_made_again(world):
    async with world:
        ip = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
        caller = await world.user("zoe", allow("kms:ListKeys", Condition=ip))
        authorize(world.call(caller, "kms", "ListKeys"), "kms:ListKeys")
        elsewhere = world.call(caller, "kms", "ListKeys")
        elsewhere.source_ip = "198.51.100.1"

        with pytest.raises(AccessDenied):
            authorize(elsewhere, "kms:ListKeys")


async def test_remembered_decisions_are_bounded(world):
    async with world:
        caller = await world.user("zoe", allow("kms:*"))

        for number in range(3000):
            authorize(world.call(caller, "kms", "DescribeKey"), "kms:DescribeKey", f"{KEY}{number}")

        assert len(caller.decisions) <= 1024


@pytest.mark.parametrize(
    "action", ["iam:ListUsers", "iam:CreateAccessKey", "sts:GetSessionToken", "sts:GetFederationToken"]
)
async def test_credentials_of_get_session_token_may_not(world, action):
    async with world:
        issued = (await world.sts("get_session_token"))["Credentials"]
        caller = await world.caller(issued["AccessKeyId"], issued["SessionToken"])
        call = world.call(caller, action.partition(":")[0], action.partition(":")[2])

        for _ in range(2):
            with pytest.raises(SessionForbidden):
                authorize(call, action)
        assert call.decided


async def test_credentials_of_get_session_token_may_do_the_rest(world):
    async with world:
        issued = (await world.sts("get_session_token"))["Credentials"]
        caller = await world.caller(issued["AccessKeyId"], issued["SessionToken"])

        assert authorize(world.call(caller, "kms", "ListKeys"), "kms:ListKeys").allowed


async def test_a_boundary_limits_and_does_not_grant(world):
    async with world:
        made = await world.iam("create_policy", policy_name="bound", policy_document=policy(allow("kms:List*")))
        caller = await world.user(
            "zoe", allow("kms:ListKeys", "kms:CreateKey"), permissions_boundary=made["Policy"]["Arn"]
        )

        assert authorize(world.call(caller, "kms", "ListKeys"), "kms:ListKeys").allowed
        with pytest.raises(AccessDenied, match="because no permissions boundary allows the kms:CreateKey action"):
            authorize(world.call(caller, "kms", "CreateKey"), "kms:CreateKey")
        with pytest.raises(AccessDenied, match="because no identity-based policy"):
            authorize(world.call(caller, "kms", "ListAliases"), "kms:ListAliases")
