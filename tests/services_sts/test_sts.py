"""STS, as clients see it: who am I, session tokens, and roles assumed with everything that may come along."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keystead.access.errors import AccessDenied
from keystead.identities.authorize import authorize
from keystead.services.sts.errors import TABLE
from world import ACCOUNT, OTHER_ACCOUNT, World, allow, policy, trusting


async def refusal(awaitable):
    with pytest.raises(tuple(TABLE)) as raised:
        await awaitable
    error = raised.value
    code, text = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    return code, text and text.format_map({name: getattr(error, name) for name in dir(error)})


def denied(who, action, role):
    return "AccessDenied", f"User: {who} is not authorized to perform: {action} on resource: {role}"


async def test_who_am_i_needs_no_permission(world):
    async with world:
        user = await world.user("zoe", allow("sts:*") | {"Effect": "Deny"})

        assert await world.sts("get_caller_identity", user) == {
            "UserId": user.userid,
            "Account": "111122223333",
            "Arn": "arn:aws:iam::111122223333:user/zoe",
        }


async def test_an_assumed_role_is_its_session(world):
    async with world:
        role = await world.role("reader", trust=trusting(ACCOUNT), path="/team/")
        answer = await world.sts("assume_role", role_arn=role, role_session_name="monday")

        given = answer["Credentials"]
        assert re.fullmatch("ASIA[A-Z2-7]{16}", given["AccessKeyId"])
        assert given["Expiration"] == world.now + 3600
        assert set(answer) == {"Credentials", "AssumedRoleUser"}
        caller = await world.caller(given["AccessKeyId"], given["SessionToken"])
        assert answer["AssumedRoleUser"] == {
            "AssumedRoleId": caller.userid,
            "Arn": "arn:aws:sts::111122223333:assumed-role/reader/monday",
        }
        assert await world.sts("get_caller_identity", caller) == {
            "UserId": caller.userid,
            "Account": "111122223333",
            "Arn": "arn:aws:sts::111122223333:assumed-role/reader/monday",
        }


async def test_assuming_a_role_notes_the_role_for_the_record(world):
    from keystead.services.sts import assume_role

    async with world:
        role = await world.role("reader", trust=trusting(ACCOUNT))
        call = world.call(await world.caller(), "sts", "AssumeRole")

        await assume_role(world.identities, call, role_arn=role, role_session_name="monday")

        (noted,) = call.notes.resources
        assert (noted.account, noted.type, noted.arn) == (ACCOUNT, "AWS::IAM::Role", role)


async def test_a_trust_in_the_account_needs_the_callers_own_permission(world):
    async with world:
        role = await world.role("reader", trust=trusting(ACCOUNT))
        without = await world.user("zoe")
        allowed = await world.user("max", allow("sts:AssumeRole", resource=role))

        assert await refusal(world.assume(role, without)) == denied(without.principal.arn, "sts:AssumeRole", role)
        assert (await world.assume(role, allowed)).principal.entity_arn == role


async def test_a_trust_in_the_user_is_enough_in_its_account(world):
    async with world:
        user = await world.user("zoe")
        role = await world.role("reader", trust=trusting(user.principal.arn))

        assert (await world.assume(role, user)).principal.entity_arn == role


async def test_another_account_needs_both_sides(world):
    async with world:
        other = await world.caller(world.other_key_id)
        role = await world.role("reader", trust=trusting(OTHER_ACCOUNT))
        untrusting = await world.role("private", trust=trusting(ACCOUNT))
        await world.iam("create_user", other, user_name="zoe")
        key = (await world.iam("create_access_key", other, user_name="zoe"))["AccessKey"]
        without = await world.caller(key["AccessKeyId"])

        assert (await world.assume(role, other)).principal.account == ACCOUNT
        assert (await refusal(world.assume(role, without)))[0] == "AccessDenied"
        assert (await refusal(world.assume(untrusting, other)))[0] == "AccessDenied"


async def test_a_trusted_user_of_another_account_needs_its_own_permission_too(world):
    async with world:
        other = await world.caller(world.other_key_id)
        await world.iam("create_user", other, user_name="zoe")
        key = (await world.iam("create_access_key", other, user_name="zoe"))["AccessKey"]
        user = await world.caller(key["AccessKeyId"])
        role = await world.role("reader", trust=trusting(user.principal.arn))

        assert (await refusal(world.assume(role, user)))[0] == "AccessDenied"
        await world.iam(
            "put_user_policy",
            other,
            user_name="zoe",
            policy_name="p",
            policy_document=policy(allow("sts:AssumeRole")),
        )
        assert await world.assume(role, await world.caller(key["AccessKeyId"]))


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::111122223333:role/nobody",
        "arn:aws:iam::111122223333:role/READER",
        "arn:aws:iam::111122223333:role/path/reader",
        "arn:aws:iam::999999999999:role/reader",
        "arn:aws:iam::111122223333:user/administrator",
        "arn:aws:sts::111122223333:assumed-role/reader/x",
        "not an arn but long enough",
    ],
)
async def test_a_role_that_is_not_there_is_refused_like_one_that_is_not_trusting(world, arn):
    async with world:
        await world.role("reader", trust=trusting(ACCOUNT))
        caller = await world.caller()

        assert await refusal(world.assume(arn)) == denied(caller.principal.arn, "sts:AssumeRole", arn)


async def test_a_role_does_not_trust_itself(world):
    async with world:
        role = await world.role("reader", trust=trusting("arn:aws:iam::111122223333:user/administrator"))

        assert (await refusal(world.assume(role, await world.assume(role))))[0] == "AccessDenied"


@pytest.mark.parametrize(
    ("condition", "right", "wrong"),
    [
        ({"StringEquals": {"sts:ExternalId": "abc"}}, {"external_id": "abc"}, {}),
        ({"StringEquals": {"sts:ExternalId": "abc"}}, {"external_id": "abc"}, {"external_id": "abd"}),
        ({"StringLike": {"sts:RoleSessionName": "mon*"}}, {"session": "monday"}, {"session": "friday"}),
        ({"NumericLessThanEquals": {"sts:DurationSeconds": "900"}}, {"duration_seconds": 900}, {}),
        ({"StringEquals": {"sts:SourceIdentity": "zoe"}}, {"source_identity": "zoe"}, {"source_identity": "max"}),
        (
            {"StringEquals": {"aws:RequestTag/team": "red"}},
            {"tags": [{"Key": "Team", "Value": "red"}]},
            {"tags": [{"Key": "Team", "Value": "blue"}]},
        ),
        (
            {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}},
            {"tags": [{"Key": "a", "Value": ""}]},
            {"tags": [{"Key": "c", "Value": ""}]},
        ),
        (
            {"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": "a"}},
            {"tags": [{"Key": "a", "Value": ""}], "transitive_tag_keys": ["a"]},
            {"tags": [{"Key": "a", "Value": ""}]},
        ),
    ],
)
async def test_conditions_of_a_trust_policy_are_supplied(world, condition, right, wrong):
    async with world:
        user = await world.user("zoe")
        trust = trusting(
            user.principal.arn, "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity", Condition=condition
        )
        role = await world.role("reader", trust=trust)

        assert await world.assume(role, user, **right)
        assert (await refusal(world.assume(role, user, **wrong)))[0] == "AccessDenied"


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("sts:TagSession", {"tags": [{"Key": "a", "Value": "b"}]}),
        ("sts:SetSourceIdentity", {"source_identity": "zoe"}),
    ],
)
async def test_tags_and_source_identity_need_permission_of_their_own(world, action, asked):
    async with world:
        user = await world.user("zoe")
        without = await world.role("without", trust=trusting(user.principal.arn))
        having = await world.role("having", trust=trusting(user.principal.arn, "sts:AssumeRole", action))

        assert await refusal(world.assume(without, user, **asked)) == denied(user.principal.arn, action, without)
        assert await world.assume(having, user, **asked)


async def test_a_source_identity_stays_along_the_chain_and_cannot_be_changed(world):
    async with world:
        trust = trusting(ACCOUNT, "sts:*")
        first = await world.role("first", allow("sts:*"), trust=trust)
        second = await world.role("second", trust=trust)
        plain = await world.role("plain", trust=trusting(ACCOUNT))
        caller = await world.assume(first, source_identity="zoe")

        further = await world.sts("assume_role", caller, role_arn=second, role_session_name="session")
        assert further["SourceIdentity"] == "zoe"
        assert (await world.assume(second, caller, source_identity="zoe")).source_identity == "zoe"
        assert (await refusal(world.assume(second, caller, source_identity="max"))) == denied(
            caller.principal.arn, "sts:SetSourceIdentity", second
        )
        assert (await refusal(world.assume(plain, caller)))[0] == "AccessDenied"


async def test_session_tags_override_the_roles_and_transitive_ones_go_along(world):
    async with world:
        trust = trusting(ACCOUNT, "sts:*")
        first = await world.role("first", allow("sts:*"), trust=trust, tags=[{"Key": "Team", "Value": "role"}])
        second = await world.role("second", trust=trust, tags=[{"Key": "Desk", "Value": "9"}])
        plain = await world.role("plain", trust=trusting(ACCOUNT))

        tags = [{"Key": "TEAM", "Value": "red"}, {"Key": "Floor", "Value": "2"}]
        caller = await world.assume(first, tags=tags, transitive_tag_keys=["team"])
        assert caller.tags == {"team": "red", "floor": "2"}
        assert caller.transitive == {"TEAM": "red"}

        further = await world.assume(second, caller)
        assert further.tags == {"team": "red", "desk": "9"}
        assert further.transitive == {"TEAM": "red"}
        assert (await refusal(world.assume(second, caller, tags=[{"Key": "team", "Value": "blue"}])))[
            0
        ] == "ValidationError"
        assert (await refusal(world.assume(plain, caller)))[1].count("sts:TagSession")


async def test_tags_that_make_no_sense_are_refused(world):
    async with world:
        role = await world.role("reader", trust=trusting(ACCOUNT, "sts:*"))

        for asked in (
            {"tags": [{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}]},
            {"tags": [{"Key": "aws:a", "Value": ""}]},
            {"tags": [], "transitive_tag_keys": ["a"]},
        ):
            assert (await refusal(world.assume(role, **asked)))[0] == "ValidationError"


async def test_a_session_is_no_longer_than_its_role_allows(world):
    async with world:
        trust = trusting(ACCOUNT)
        role = await world.role("reader", trust=trust)
        long = await world.role("long", trust=trust, max_session_duration=43_200)

        assert await refusal(world.assume(role, duration_seconds=3601)) == (
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
        caller = await world.assume(long, duration_seconds=43_200)
        assert caller.expires_at == world.now + 43_200


async def test_a_chained_session_is_an_hour_at_most(world):
    async with world:
        trust = trusting(ACCOUNT)
        first = await world.role("first", allow("sts:*"), trust=trust)
        long = await world.role("long", trust=trust, max_session_duration=43_200)
        caller = await world.assume(first)

        assert await refusal(world.assume(long, caller, duration_seconds=3601)) == (
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        )
        chained = await world.assume(long, caller, duration_seconds=3600)
        assert chained.chained
        assert not caller.chained


async def test_a_session_policy_limits_and_does_not_grant(world):
    async with world:
        role = await world.role("reader", allow("kms:List*"), trust=trusting(ACCOUNT))
        session = policy(allow("kms:ListKeys", "kms:CreateKey"))

        answer = await world.sts("assume_role", role_arn=role, role_session_name="s1", policy=session)
        assert 0 < answer["PackedPolicySize"] <= 100
        caller = await world.caller(answer["Credentials"]["AccessKeyId"], answer["Credentials"]["SessionToken"])

        assert authorize(world.call(caller, "kms", "ListKeys"), "kms:ListKeys").allowed
        for action in ("kms:CreateKey", "kms:ListAliases"):
            with pytest.raises(AccessDenied):
                authorize(world.call(caller, "kms", "x"), action)


async def test_managed_policies_limit_a_session_too(world):
    async with world:
        role = await world.role("admin", allow("*"), trust=trusting(ACCOUNT))
        arns = [{"arn": "arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser"}]

        caller = await world.assume(role, policy_arns=arns)

        assert authorize(world.call(caller, "kms", "ListKeys"), "kms:ListKeys").allowed
        with pytest.raises(AccessDenied):
            authorize(world.call(caller, "kms", "Encrypt"), "kms:Encrypt")


async def test_a_session_whose_managed_policy_is_gone_may_do_nothing(world):
    async with world:
        role = await world.role("admin", allow("*"), trust=trusting(ACCOUNT))
        made = await world.iam("create_policy", policy_name="p", policy_document=policy(allow("kms:*")))
        answer = await world.sts(
            "assume_role", role_arn=role, role_session_name="s1", policy_arns=[{"arn": made["Policy"]["Arn"]}]
        )
        await world.iam("delete_policy", policy_arn=made["Policy"]["Arn"])

        caller = await world.caller(answer["Credentials"]["AccessKeyId"], answer["Credentials"]["SessionToken"])

        with pytest.raises(AccessDenied):
            authorize(world.call(caller, "kms", "ListKeys"), "kms:ListKeys")


async def test_session_policies_are_checked_and_bounded(world):
    async with world:
        role = await world.role("reader", trust=trusting(ACCOUNT, "sts:*"))
        large = policy(allow("kms:" + "x" * 3000))
        many = [{"Key": f"{n:02}" + "k" * 120, "Value": ("%032x" % (n**40))[:200]} for n in range(50)]

        assert (await refusal(world.assume(role, policy="{")))[0] == "MalformedPolicyDocument"
        code, text = await refusal(world.assume(role, policy=large))
        assert code == "PackedPolicyTooLarge"
        assert re.fullmatch("Packed policy consumes 1[0-9][0-9]% of allotted space, please use smaller policy.", text)
        assert await world.assume(role, tags=many[:10])
        missing = [{"arn": "arn:aws:iam::aws:policy/NoSuch"}]
        assert (await refusal(world.assume(role, policy_arns=missing)))[0] == "ValidationError"


async def test_a_session_token_is_the_user_without_iam_and_most_of_sts(world):
    async with world:
        role = await world.role("reader", trust=trusting(ACCOUNT))
        issued = (await world.sts("get_session_token"))["Credentials"]
        assert issued["Expiration"] == world.now + 43_200
        caller = await world.caller(issued["AccessKeyId"], issued["SessionToken"])

        assert (await world.sts("get_caller_identity", caller))["Arn"].endswith("user/administrator")
        assert await world.assume(role, caller)
        assert authorize(world.call(caller, "kms", "ListKeys"), "kms:ListKeys").allowed
        assert await refusal(world.sts("get_session_token", caller)) == (
            "AccessDenied",
            "Cannot call GetSessionToken with session credentials",
        )


async def test_a_role_asks_for_no_session_token(world):
    async with world:
        role = await world.role("admin", allow("*"), trust=trusting(ACCOUNT))

        assert (await refusal(world.sts("get_session_token", await world.assume(role))))[0] == "AccessDenied"


async def test_root_assumes_no_role(world):
    import dataclasses

    from keystead.access.decision import Standing
    from keystead.access.request import Principal, PrincipalKind

    async with world:
        role = await world.role("reader", trust=trusting(ACCOUNT))
        arn = f"arn:aws:iam::{ACCOUNT}:root"
        root = dataclasses.replace(
            await world.caller(),
            principal=Principal(PrincipalKind.ROOT, arn, ACCOUNT, ACCOUNT, arn),
            standing=Standing(),
        )

        assert await refusal(world.assume(role, root)) == ("AccessDenied", "Roles may not be assumed by root accounts.")


async def test_credentials_of_get_session_token_may_pass_tags_and_a_source_identity(world):
    async with world:
        role = await world.role("reader", trust=trusting(ACCOUNT, "sts:*"))
        issued = (await world.sts("get_session_token"))["Credentials"]
        caller = await world.caller(issued["AccessKeyId"], issued["SessionToken"])

        session = await world.assume(role, caller, tags=[{"Key": "a", "Value": "b"}], source_identity="zoe")

        assert (session.tags, session.source_identity) == ({"a": "b"}, "zoe")


async def test_a_session_token_is_the_callers_though_its_name_is_another_users_by_now(world):
    async with world:
        user = await world.user("zoe")
        await world.iam("update_user", user_name="zoe", new_user_name="max")
        await world.iam("create_user", user_name="zoe")

        issued = (await world.sts("get_session_token", user))["Credentials"]

        session = await world.caller(issued["AccessKeyId"], issued["SessionToken"])
        assert session.principal.unique_id == user.principal.unique_id
        assert session.user_name == "max"


@pytest.mark.parametrize(
    ("arns", "said"),
    [
        ([{}], "Policy  does not exist or is not attachable."),
        ([{"arn": f"arn:aws:iam::111122223333:policy/p{n}"} for n in range(11)], "length less than or equal to 10"),
    ],
)
async def test_policy_arns_of_a_session_are_all_heard_or_refused(world, arns, said):
    async with world:
        role = await world.role("reader", trust=trusting(ACCOUNT))

        code, text = await refusal(world.assume(role, policy_arns=arns))

        assert code == "ValidationError"
        assert said in text


async def test_a_role_deleted_while_its_session_is_made_gives_none(world):
    from keystead.identities import new_keys, sessions
    from keystead.identities.errors import EntityNotFound
    from keystead.identities.store import entities

    async with world:
        arn = await world.role("reader", trust=trusting(ACCOUNT))
        async with world.database.read() as connection:
            role = await entities.by_arn(connection, arn)
        new = await new_keys.make(world.keyholder, "ASIA")
        await world.iam("delete_role", role_name="reader")
        await world.role("reader", trust=trusting(ACCOUNT))

        with pytest.raises(EntityNotFound):
            async with world.database.write("late") as tx:
                await sessions.issue(tx, role, new, sessions.Asked(900, name="late"))


ACTIONS = st.sets(st.sampled_from(["kms:ListKeys", "kms:CreateKey", "kms:ListAliases", "kms:GenerateRandom"]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(own=ACTIONS, boundary=st.none() | ACTIONS, session=st.none() | ACTIONS, denied_=ACTIONS)
def test_a_session_never_has_more_than_its_role(tmp_path_factory, own, boundary, session, denied_):
    """The session may do exactly what role, boundary and session policy all allow, less what any denies."""
    import asyncio

    async def follow():
        folder = tmp_path_factory.mktemp("world")
        async with World(folder) as world:
            nothing = allow("nothing:here")
            asked = {}
            if boundary is not None:
                document = policy(nothing, *(allow(action) for action in boundary))
                made = await world.iam("create_policy", policy_name="b", policy_document=document)
                asked["permissions_boundary"] = made["Policy"]["Arn"]
            statements = [allow(action) for action in own]
            statements += [allow(action) | {"Effect": "Deny"} for action in denied_]
            role = await world.role("r", nothing, *statements, trust=trusting(ACCOUNT), **asked)
            limits = {}
            if session is not None:
                limits["policy"] = policy(nothing, *(allow(action) for action in session))
            caller = await world.assume(role, **limits)
            everything = {"kms:ListKeys", "kms:CreateKey", "kms:ListAliases", "kms:GenerateRandom"}
            expected = own & (everything if boundary is None else boundary)
            expected = (expected & (everything if session is None else session)) - denied_
            for action in everything:
                call = world.call(caller, "kms", action)
                if action in expected:
                    assert authorize(call, action).allowed
                else:
                    with pytest.raises(AccessDenied):
                        authorize(call, action)

    asyncio.run(follow())
