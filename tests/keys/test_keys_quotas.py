"""Quotas: how much an account may have, and how often it may ask."""

from dataclasses import replace

import pytest

from keystead.config import Settings
from keystead.keys.quotas import AWS_RATES, Quotas, Rates, read_rates
from world import ACCOUNT, OTHER_ACCOUNT, allow, policy, to

EUROPE = "eu-west-1"
THROTTLED = (
    "ThrottlingException",
    "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
)


def limited(world, **quotas):
    world.keys.quotas = replace(world.keys.quotas, **quotas)


def rated(world, **rates):
    world.keys.rates = Rates(rates)


async def test_the_defaults_are_aws_s_numbers():
    assert Quotas() == Quotas(100_000, 0, 50, 50_000, 32_768, 25, {})
    settings = Settings(data="x")
    assert (settings.kms_keys, settings.kms_grants_per_key, settings.kms_rates) == (100_000, 50_000, "")


async def test_an_account_has_so_many_keys_in_a_region_and_others_as_many(world):
    async with world:
        limited(world, keys=2)
        first = await world.key(multi_region=True)
        await world.key()

        assert (await world.refused("create_key"))[0] == "LimitExceededException"
        assert len((await world.kms("list_keys"))["Keys"]) == 2
        await world.key(await world.other())
        await world.run("kms", "replicate_key", key_id=first["KeyId"], replica_region=EUROPE)
        await world.kms("describe_key", key_id="alias/aws/ssm")  # AWS managed keys do not count


async def test_a_replica_counts_in_its_region(world):
    async with world:
        key = await world.key(multi_region=True)
        limited(world, keys=0)

        told = await world.refused("replicate_key", key_id=key["KeyId"], replica_region=EUROPE)

        assert told[0] == "LimitExceededException"


async def test_a_key_has_so_many_aliases(world):
    async with world:
        limited(world, aliases_per_key=2)
        key_id, other = (await world.key())["KeyId"], (await world.key())["KeyId"]
        for number in range(2):
            await world.kms("create_alias", alias_name=f"alias/{number}", target_key_id=key_id)
        await world.kms("create_alias", alias_name="alias/other", target_key_id=other)

        more = await world.refused("create_alias", alias_name="alias/2", target_key_id=key_id)
        moved = await world.refused("update_alias", alias_name="alias/other", target_key_id=key_id)

        assert more == moved == ("LimitExceededException", "A key cannot have more than 2 aliases.")


async def test_an_account_has_so_many_aliases_where_that_is_set(world):
    async with world:
        limited(world, aliases=1)
        one, other = (await world.key())["KeyId"], (await world.key())["KeyId"]
        await world.kms("create_alias", alias_name="alias/one", target_key_id=one)

        told = await world.refused("create_alias", alias_name="alias/other", target_key_id=other)

        assert told[0] == "LimitExceededException"


async def test_a_key_has_so_many_live_grants(world):
    async with world:
        limited(world, grants_per_key=1)
        key_id, role = (await world.key())["KeyId"], await world.role("grantee")
        asked = {"key_id": key_id, "grantee_principal": role, "operations": ["Encrypt"]}
        grant = await world.kms("create_grant", **asked)

        told = await world.refused("create_grant", **asked)
        await world.kms("revoke_grant", key_id=key_id, grant_id=grant["GrantId"])

        assert told == ("LimitExceededException", "A key cannot have more than 1 grants.")
        await world.kms("create_grant", **asked)


async def test_a_policy_has_so_many_bytes(world):
    async with world:
        text = policy(to(f"arn:aws:iam::{ACCOUNT}:root", allow("kms:*")))
        key_id = (await world.key(policy=text))["KeyId"]
        limited(world, policy_bytes=len(text))
        await world.kms("put_key_policy", key_id=key_id, policy=text)

        for operation, asked in (("put_key_policy", {"key_id": key_id}), ("create_key", {})):
            told = await world.refused(operation, policy=text + " ", **asked)
            assert told == ("LimitExceededException", f"A key policy cannot be larger than {len(text)} bytes.")


async def test_a_key_has_so_many_rotations_on_demand(world):
    async with world:
        limited(world, on_demand_rotations=1)
        key_id = (await world.key())["KeyId"]
        await world.kms("rotate_key_on_demand", key_id=key_id)

        assert (await world.refused("rotate_key_on_demand", key_id=key_id))[0] == "LimitExceededException"


# Rates


async def encrypts(world, key_id, caller=None):
    return await world.kms("encrypt", caller, key_id=key_id, plaintext=b"x")


async def test_an_account_uses_keys_so_often_a_second(world):
    async with world:
        key_id = (await world.key())["KeyId"]
        theirs = (await world.key(await world.other()))["KeyId"]
        rated(world, symmetric=2.0)

        for _ in range(2):
            await encrypts(world, key_id)
        told = await world.refused("encrypt", key_id=key_id, plaintext=b"x")
        await encrypts(world, theirs, await world.other())
        world.now += 0.5
        await encrypts(world, key_id)
        again = await world.refused("encrypt", key_id=key_id, plaintext=b"x")
        world.now += 60
        for _ in range(2):
            await encrypts(world, key_id)

        assert told == again == THROTTLED
        assert (await world.refused("encrypt", key_id=key_id, plaintext=b"x")) == THROTTLED


async def test_each_kind_of_key_has_a_rate_of_its_own(world):
    async with world:
        symmetric = (await world.key())["KeyId"]
        curve = (await world.key(key_spec="ECC_NIST_P256", key_usage="SIGN_VERIFY"))["KeyId"]
        rated(world, ecc=1.0)
        asked = {"key_id": curve, "message": b"x", "signing_algorithm": "ECDSA_SHA_256"}

        await world.kms("sign", **asked)

        assert (await world.refused("sign", **asked)) == THROTTLED
        for _ in range(5):
            await encrypts(world, symmetric)


async def test_what_a_caller_may_not_do_does_not_count(world):
    async with world:
        key_id = (await world.key())["KeyId"]
        nobody = await world.user("nobody")
        rated(world, symmetric=1.0)

        for _ in range(3):
            assert (await world.refused("encrypt", nobody, key_id=key_id, plaintext=b"x"))[0] == "AccessDeniedException"
        await encrypts(world, key_id)


def test_calls_without_a_key_are_counted_by_their_name(world):
    rated(world, symmetric=1.0, create=1.0, management=1.0)
    throttle = world.keys.throttle

    for action in ("CreateKey", "DescribeKey", "GenerateRandom"):
        throttle(called(world, action))
        with pytest.raises(Exception, match="^$"):
            throttle(called(world, action))
    with pytest.raises(Exception, match="^$"):
        throttle(called(world, "ReplicateKey"))
    for _ in range(5):
        throttle(called(world, "Encrypt"))  # counted when it is known what the key is


def called(world, action, account=ACCOUNT):
    class Called:
        via = None
        at = world.now

    Called.action, Called.account = action, account
    return Called()


def test_a_service_s_own_calls_are_not_counted(world):
    rates = Rates({"symmetric": 1.0})
    call = called(world, "Encrypt", OTHER_ACCOUNT)
    call.via = "secretsmanager.us-east-1.amazonaws.com"

    for _ in range(5):
        rates.take(call, "symmetric")


def test_a_clock_that_goes_back_gives_nothing_away(world):
    rates = Rates({"symmetric": 1.0})
    call = called(world, "Encrypt")
    rates.take(call, "symmetric")

    call.at -= 100
    with pytest.raises(Exception, match="^$"):
        rates.take(call, "symmetric")
    call.at += 100.5
    with pytest.raises(Exception, match="^$"):
        rates.take(call, "symmetric")


def test_rates_are_read_and_divided_among_workers():
    assert read_rates("", 4) == {}
    assert read_rates("aws", 1) == AWS_RATES
    assert read_rates("symmetric=10000, create=5", 2) == {"symmetric": 5000.0, "create": 2.5}


@pytest.mark.parametrize(
    "text", ["fast", "symmetric", "symmetric=x", "symmetric=0", "symmetric=-1", "sm2=5", "rsa=nan"]
)
def test_rates_that_make_no_sense_are_refused(text):
    with pytest.raises(ValueError):
        read_rates(text, 1)
