"""Kinds of keys: customer managed, AWS managed, AWS owned; and what cannot be made here."""

import json

import pytest

from keystead.keys import rotation
from keystead.keys.key import DAY, Manager
from keystead.keys.making import Plan
from keystead.keys.policies import Checked, default
from world import ACCOUNT


async def test_a_new_key_is_described_as_aws_does(world):
    async with world:
        key = await world.key(description="mine")

        assert key == {
            "AWSAccountId": ACCOUNT,
            "KeyId": key["KeyId"],
            "Arn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key['KeyId']}",
            "CreationDate": world.now,
            "Enabled": True,
            "Description": "mine",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyState": "Enabled",
            "Origin": "AWS_KMS",
            "KeyManager": "CUSTOMER",
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "MultiRegion": False,
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "CurrentKeyMaterialId": key["CurrentKeyMaterialId"],
        }


async def test_an_aws_managed_key_is_made_when_it_is_first_asked_for(world):
    async with world:
        described = (await world.kms("describe_key", key_id="alias/aws/secretsmanager"))["KeyMetadata"]
        again = (await world.kms("describe_key", key_id="alias/aws/secretsmanager"))["KeyMetadata"]

        assert described == again
        assert described["KeyManager"] == "AWS"
        kept = json.loads((await world.kms("get_key_policy", key_id=described["KeyId"]))["Policy"])
        assert kept["Id"] == "auto-secretsmanager-1"
        (alias,) = (await world.kms("list_aliases"))["Aliases"]
        assert (alias["AliasName"], alias["TargetKeyId"]) == ("alias/aws/secretsmanager", described["KeyId"])


async def test_who_may_not_use_an_aws_managed_key_does_not_bring_it_into_being(world):
    async with world:
        nobody = await world.user("nobody")

        told = await world.refused("describe_key", nobody, key_id="alias/aws/secretsmanager")

        assert told[0] == "AccessDeniedException"
        assert (await world.kms("list_keys"))["Keys"] == []


@pytest.mark.parametrize(
    "operation",
    ["disable_key", "schedule_key_deletion", "enable_key_rotation", "disable_key_rotation", "rotate_key_on_demand"],
)
async def test_an_aws_managed_key_is_not_its_accounts_to_change(world, operation):
    async with world:
        key_id = (await world.kms("describe_key", key_id="alias/aws/ssm"))["KeyMetadata"]["KeyId"]

        assert (await world.refused(operation, key_id=key_id))[0] == "AccessDeniedException"


async def test_an_aws_managed_key_is_used_only_through_its_service(world):
    async with world:
        key = (await world.kms("describe_key", key_id="alias/aws/secretsmanager"))["KeyMetadata"]
        asked = {"key_id": key["KeyId"], "plaintext": b"x"}
        through = world.call(await world.caller(), "secretsmanager", "CreateSecret").forward(
            "1", "kms", "Encrypt", key["Arn"]
        )
        through_another = world.call(await world.caller(), "ssm", "PutParameter").forward(
            "2", "kms", "Encrypt", key["Arn"]
        )

        assert (await world.refused("encrypt", **asked))[0] == "AccessDeniedException"
        await world.run_call(through, "encrypt", **asked)

        with pytest.raises(Exception, match="not authorized"):
            await world.run_call(through_another, "encrypt", **asked)


async def test_an_aws_managed_key_rotates_every_year(world):
    async with world:
        await world.kms("describe_key", key_id="alias/aws/ssm")

        assert await rotation.rotate_due(world.keys, world.now + 364 * DAY) == []
        assert len(await rotation.rotate_due(world.keys, world.now + 365 * DAY)) == 1


async def test_an_aws_owned_key_is_invisible(world):
    async with world:
        plan = Plan(ACCOUNT, "us-east-1", Checked.trusted(default(ACCOUNT)), world.now, manager=Manager.AWS_OWNED)
        call = world.call(await world.caller(), "kms", "CreateKey")
        key = await world.keys.make(call, plan)

        told = ("NotFoundException", f"Key '{key.arn}' does not exist")
        assert await world.refused("describe_key", key_id=key.id) == told
        assert await world.refused("encrypt", key_id=key.arn, plaintext=b"x") == told
        assert (await world.kms("list_keys"))["Keys"] == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"key_spec": "RSA_2048", "key_usage": "KEY_AGREEMENT"}, "ValidationException"),
        ({"key_spec": "RSA_2048"}, "ValidationException"),
        ({"key_spec": "ECC_NIST_P256", "key_usage": "ENCRYPT_DECRYPT"}, "ValidationException"),
        ({"key_spec": "SM2", "key_usage": "SIGN_VERIFY"}, "UnsupportedOperationException"),
        ({"key_spec": "RSA_2048", "customer_master_key_spec": "RSA_3072"}, "ValidationException"),
    ],
)
async def test_a_kind_of_key_that_cannot_be_is_refused_and_nothing_made(world, asked, code):
    async with world:
        assert (await world.refused("create_key", **asked))[0] == code
        assert (await world.kms("list_keys"))["Keys"] == []


async def test_the_last_use_is_told_once_it_is_folded_in(world):
    from keystead.keys import lastuse
    from keystead.trail.uses import Used

    async with world:
        key = await world.key()
        unused = await world.kms("get_key_last_usage", key_id=key["KeyId"])
        uses = [
            Used(key["Arn"], "Encrypt", world.now + 2, "e2", "r2"),
            Used(key["Arn"], "Decrypt", world.now + 1, "e1", "r1"),
        ]

        async with world.database.write("index", announced=False) as tx:
            await lastuse.fold(tx, uses)
            await lastuse.fold(tx, uses[1:])

        assert unused["KeyLastUsage"] == {}
        assert (await world.kms("get_key_last_usage", key_id=key["KeyId"]))["KeyLastUsage"] == {
            "Operation": "Encrypt",
            "Timestamp": world.now + 2,
            "CloudTrailEventId": "e2",
            "KmsRequestId": "r2",
        }


async def test_a_key_in_use_can_be_guarded_against_being_disabled(world):
    from world import deny, policy, to

    async with world:
        guard = deny("kms:DisableKey", Condition={"NumericLessThan": {"kms:TrailingDaysWithoutKeyUsage": "30"}})
        everyone = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
        root = f"arn:aws:iam::{ACCOUNT}:root"
        key = await world.key(policy=policy(to(root, everyone), to("*", guard)))

        assert (await world.refused("disable_key", key_id=key["KeyId"]))[0] == "AccessDeniedException"
        world.now += 31 * DAY
        await world.kms("disable_key", key_id=key["KeyId"])
