"""Who a request comes from: access keys, sessions, and how soon a change is noticed."""

import asyncio
import contextlib
import hashlib
import hmac
import re

import pytest

from keystead.database.counter import ChangeCounter
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.identities.errors import AccountExists, SessionExpired
from keystead.identities.room import Identities
from world import ACCOUNT, allow, policy, trusting

SMALL = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}'
SCOPE = ("20250615", "us-east-1", "kms")


def signing_key(secret, date, region, service):
    """AWS's documented derivation of a SigV4 signing key."""
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return key


async def session(world, **asked):
    answer = await world.sts("get_session_token", **asked)
    return answer["Credentials"]


async def test_an_access_key_leads_to_its_user(world):
    async with world:
        caller = await world.caller()

        assert caller.principal.arn == "arn:aws:iam::111122223333:user/administrator"
        assert caller.principal.account == "111122223333"
        assert caller.user_name == "administrator"
        assert caller.access_key_id == world.key_id
        assert not caller.temporary


async def test_identifiers_have_the_documented_form(world):
    async with world:
        caller = await world.caller()
        issued = await session(world)

        assert re.fullmatch("AKIA[A-Z2-7]{16}", caller.access_key_id)
        assert re.fullmatch("AIDA[A-Z0-9]{17}", caller.userid)
        assert re.fullmatch("ASIA[A-Z2-7]{16}", issued["AccessKeyId"])
        assert len(world.secret) == 40


async def test_the_signing_key_is_the_one_the_client_derives(world):
    async with world:
        credential = await world.identities.authenticate(world.key_id, None)

        assert await world.identities.signing_key(credential, *SCOPE) == signing_key(world.secret, *SCOPE)


async def test_signing_keys_are_asked_for_once_and_dropped_with_the_day(world):
    async with world:
        credential = await world.identities.authenticate(world.key_id, None)
        for _ in range(3):
            await world.identities.signing_key(credential, *SCOPE)
        assert set(credential.keys._kept) == {SCOPE}

        tomorrow = ("20250616", *SCOPE[1:])
        await world.identities.signing_key(credential, *tomorrow)

        assert set(credential.keys._kept) == {tomorrow}


async def test_signing_keys_of_one_credential_are_bounded(world):
    async with world:
        credential = await world.identities.authenticate(world.key_id, None)

        for number in range(200):
            await world.identities.signing_key(credential, "20250615", f"region-{number}", "kms")

        assert len(credential.keys._kept) <= 64


@pytest.mark.parametrize("token", [None, "", "made-up"])
async def test_an_unknown_key_is_nobody(world, token):
    async with world:
        assert await world.identities.authenticate("AKIAAAAAAAAAAAAAAAAA", token) is None


async def test_nobody_has_a_signing_key_that_costs_the_same_and_fits_nothing(world):
    async with world:
        decoy = await world.identities.signing_key(None, *SCOPE)

        assert len(decoy) == 32
        assert decoy == await world.identities.signing_key(None, *SCOPE)
        assert decoy != signing_key(world.secret, *SCOPE)


async def test_a_long_term_key_comes_without_a_token(world):
    async with world:
        assert await world.identities.authenticate(world.key_id, "a-token") is None
        assert await world.identities.authenticate(world.key_id, "") is None


async def test_a_session_needs_its_own_token(world):
    async with world:
        one, other = await session(world), await session(world)

        for token in (None, "", other["SessionToken"], one["SessionToken"] + "=", one["SessionToken"][:-1], "\udcff"):
            assert await world.identities.authenticate(one["AccessKeyId"], token) is None
        credential = await world.identities.authenticate(one["AccessKeyId"], one["SessionToken"])
        assert credential.caller.temporary


async def test_a_session_ends_on_the_second(world):
    async with world:
        issued = await session(world, duration_seconds=900)
        assert issued["Expiration"] == world.now + 900

        world.now += 899
        assert await world.identities.authenticate(issued["AccessKeyId"], issued["SessionToken"])
        world.now += 1
        with pytest.raises(SessionExpired):
            await world.identities.authenticate(issued["AccessKeyId"], issued["SessionToken"])


async def test_only_the_right_token_learns_that_a_session_expired(world):
    async with world:
        issued = await session(world, duration_seconds=900)
        world.now += 1000

        assert await world.identities.authenticate(issued["AccessKeyId"], "made-up") is None


async def test_expired_sessions_are_swept_after_a_day(world):
    async with world:
        issued, later = await session(world, duration_seconds=900), await session(world, duration_seconds=129_600)
        assert await world.identities.sweep(world.now) == 0

        world.now += 900 + 86_401

        assert await world.identities.sweep(world.now) == 1
        assert await world.identities.authenticate(issued["AccessKeyId"], issued["SessionToken"]) is None
        assert await world.identities.authenticate(later["AccessKeyId"], later["SessionToken"])


async def test_a_session_ends_with_its_user(world):
    async with world:
        user = await world.user("zoe")
        issued = (await world.sts("get_session_token", user))["Credentials"]

        await world.iam("delete_access_key", user_name="zoe", access_key_id=user.access_key_id)
        await world.iam("delete_user", user_name="zoe")

        assert await world.identities.authenticate(issued["AccessKeyId"], issued["SessionToken"]) is None


@pytest.mark.parametrize("end", ["deactivate", "delete"])
async def test_a_key_that_ended_fails_on_the_next_request_of_every_worker(world, end):
    async with world:
        user = await world.user("zoe")
        counter = ChangeCounter(world.folder / "changes", slot=1)
        database = Database.open(world.url, counter=counter)
        feed = Feed(database, counter)
        worker = Identities(database, feed, world.keyholder, world.clock)

        async def request():
            if not feed.current():
                await feed.catch_up()
            return await worker.authenticate(user.access_key_id, None)

        assert await request() is not None
        asked = {"user_name": "zoe", "access_key_id": user.access_key_id}
        if end == "deactivate":
            await world.iam("update_access_key", status="Inactive", **asked)
        else:
            await world.iam("delete_access_key", **asked)

        assert await request() is None
        assert await world.identities.authenticate(user.access_key_id, None) is None
        if end == "deactivate":
            await world.iam("update_access_key", status="Active", **asked)
            assert await request() is not None
        await database.close()
        counter.close()


async def test_a_change_of_policy_counts_from_the_next_request(world):
    async with world:
        user = await world.user("zoe")
        assert user.standing.identity == ()

        await world.iam(
            "put_user_policy",
            user_name="zoe",
            policy_name="p",
            policy_document=policy(allow("kms:ListKeys")),
        )

        assert len((await world.caller(user.access_key_id)).standing.identity) == 1


async def test_a_new_session_disturbs_nobodys_cache(world):
    async with world:
        before = await world.identities.authenticate(world.key_id, None)

        await session(world)

        assert world.feed.current()
        assert await world.identities.authenticate(world.key_id, None) is before


async def test_a_change_of_one_user_leaves_the_others_cache(world):
    async with world:
        user = await world.user("zoe")
        before = await world.identities.authenticate(world.key_id, None)

        await world.iam("attach_user_policy", user_name="zoe", policy_arn="arn:aws:iam::aws:policy/IAMFullAccess")

        assert await world.identities.authenticate(world.key_id, None) is before
        assert len((await world.caller(user.access_key_id)).standing.identity) == 1


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        ("put_role_policy", {"policy_name": "p", "policy_document": SMALL}),
        ("attach_role_policy", {"policy_arn": "arn:aws:iam::aws:policy/IAMFullAccess"}),
        ("put_role_permissions_boundary", {"permissions_boundary": "arn:aws:iam::aws:policy/IAMFullAccess"}),
        ("tag_role", {"tags": [{"Key": "a", "Value": "b"}]}),
    ],
)
async def test_a_change_of_a_role_counts_for_its_sessions_at_once(world, operation, asked):
    async with world:
        role = await world.role("reader", trust=trusting(ACCOUNT))
        before = await world.assume(role)

        await world.iam(operation, role_name="reader", **asked)

        assert world.identities._known.get(before.access_key_id) is None


async def test_a_session_policy_that_changes_counts_at_once(world):
    async with world:
        role = await world.role("admin", allow("*"), trust=trusting(ACCOUNT))
        arn = (await world.iam("create_policy", policy_name="p", policy_document=SMALL))["Policy"]["Arn"]
        answer = await world.sts("assume_role", role_arn=role, role_session_name="s1", policy_arns=[{"arn": arn}])
        given = answer["Credentials"]
        before = (await world.caller(given["AccessKeyId"], given["SessionToken"])).standing.session

        await world.iam("create_policy_version", policy_arn=arn, policy_document=SMALL + " ", set_as_default=True)

        assert (await world.caller(given["AccessKeyId"], given["SessionToken"])).standing.session != before


async def test_made_up_keys_take_two_looks_at_a_time_and_leave_the_rest_to_others(world):
    async with world:
        most = [0, 0]
        read = world.database.read

        @contextlib.asynccontextmanager
        async def counting():
            async with read() as connection:
                most[0] += 1
                most[1] = max(most)
                yield connection
            most[0] -= 1

        world.database.read = counting
        made_up = [f"AKIA{number:016}" for number in range(20)]

        await asyncio.gather(*(world.identities.authenticate(key, None) for key in made_up))

        assert most == [0, 2]


async def test_a_change_in_one_account_leaves_the_other_accounts_cache(world):
    async with world:
        before = await world.identities.authenticate(world.other_key_id, None)

        await world.iam("create_user", user_name="zoe")

        assert await world.identities.authenticate(world.other_key_id, None) is before


async def test_a_key_asked_for_before_it_was_made_is_found_once_it_is(world, monkeypatch):
    async with world:
        await world.iam("create_user", user_name="zoe")
        foreseen = "AKIA" + "A" * 16
        assert await world.identities.authenticate(foreseen, None) is None
        monkeypatch.setattr("keystead.identities.new_keys.new_access_key_id", lambda prefix: foreseen)

        await world.iam("create_access_key", user_name="zoe")

        assert await world.identities.authenticate(foreseen, None) is not None


def looks(world):
    """Counts looks at the database from here on."""
    counted, read = [], world.database.read

    def counting():
        counted.append(1)
        return read()

    world.database.read = counting
    return counted


@pytest.mark.parametrize(
    ("key", "token"),
    [
        ("unknown", None),
        ("unknown", "made-up"),
        ("inactive", None),
        ("long-term", "made-up"),
        ("session", None),
        ("session", "made-up"),
    ],
)
async def test_every_refusal_costs_one_look_at_the_database_however_often(world, key, token):
    async with world:
        issued = await session(world)
        spare = (await world.iam("create_access_key"))["AccessKey"]["AccessKeyId"]
        await world.iam("update_access_key", access_key_id=spare, status="Inactive")
        keys = {"unknown": "AKIA" + "A" * 16, "inactive": spare, "long-term": world.key_id}
        key_id = (keys | {"session": issued["AccessKeyId"]})[key]
        await world.identities.authenticate(world.key_id, None)
        await world.identities.authenticate(issued["AccessKeyId"], issued["SessionToken"])
        counted = looks(world)

        for _ in range(3):
            assert await world.identities.authenticate(key_id, token) is None

        assert len(counted) == 3


async def test_a_known_caller_costs_no_look_at_the_database(world):
    async with world:
        issued = await session(world)
        known = ((world.key_id, None), (issued["AccessKeyId"], issued["SessionToken"]))
        for key, token in known:
            await world.identities.authenticate(key, token)
        counted = looks(world)

        for key, token in known:
            assert await world.identities.authenticate(key, token)

        assert counted == []


async def test_a_wrong_signature_can_be_made_to_cost_the_same_look(world):
    async with world:
        counted = looks(world)

        await world.identities.look_in_vain()

        assert len(counted) == 1


async def test_no_repr_shows_a_secret(world):
    async with world:
        issued = await session(world)
        credential = await world.identities.authenticate(issued["AccessKeyId"], issued["SessionToken"])
        key = await world.identities.signing_key(credential, *SCOPE)

        shown = repr(credential) + repr(credential.keys) + repr(credential.caller)

        for secret in (issued["SecretAccessKey"], issued["SessionToken"], repr(key), repr(credential.secret_token)):
            assert secret not in shown


async def test_an_account_is_made_once(world):
    async with world:
        with pytest.raises(AccountExists):
            await world.identities.create_account("111122223333")


async def test_a_user_is_recorded_as_cloudtrail_records_one(world):
    async with world:
        caller = await world.caller()

        assert caller.identity == {
            "type": "IAMUser",
            "principalId": caller.userid,
            "arn": "arn:aws:iam::111122223333:user/administrator",
            "accountId": "111122223333",
            "accessKeyId": world.key_id,
            "userName": "administrator",
        }


async def test_a_role_session_is_recorded_as_cloudtrail_records_one(world):
    async with world:
        arn = await world.role("reader", trust=trusting(ACCOUNT), path="/team/")
        caller = await world.assume(arn, session="monday")

        issuer = caller.identity["sessionContext"].pop("sessionIssuer")
        role_id = caller.principal.unique_id
        assert re.fullmatch("AROA[A-Z0-9]{17}", role_id)
        assert issuer == {
            "type": "Role",
            "principalId": role_id,
            "arn": "arn:aws:iam::111122223333:role/team/reader",
            "accountId": "111122223333",
            "userName": "reader",
        }
        assert caller.identity == {
            "type": "AssumedRole",
            "principalId": f"{role_id}:monday",
            "arn": "arn:aws:sts::111122223333:assumed-role/reader/monday",
            "accountId": "111122223333",
            "accessKeyId": caller.access_key_id,
            "sessionContext": {"attributes": {"creationDate": "2025-06-15T15:06:40Z", "mfaAuthenticated": "false"}},
        }
        assert caller.userid == f"{role_id}:monday"
        assert caller.principal.entity_arn == "arn:aws:iam::111122223333:role/team/reader"


async def test_principals_are_found_by_their_arns(world):
    async with world:
        user = await world.user("zoe")
        role = await world.role("reader", trust=trusting(ACCOUNT), path="/team/")
        found = world.identities.principal

        assert (await found("arn:aws:iam::111122223333:user/zoe")).unique_id == user.principal.unique_id
        assert (await found(role)).kind.value == "AssumedRole"
        session_arn = "arn:aws:sts::111122223333:assumed-role/reader/any"
        assert (await found(session_arn)).entity_arn == role
        assert (await found("arn:aws:iam::111122223333:root")).unique_id == "111122223333"
        for absent in (
            "arn:aws:iam::111122223333:user/ZOE",
            "arn:aws:iam::111122223333:user/path/zoe",
            "arn:aws:iam::111122223333:role/reader",
            "arn:aws:iam::999999999999:root",
            "arn:aws:sts::111122223333:assumed-role/nobody/any",
            "zoe",
            "",
        ):
            assert await found(absent) is None
