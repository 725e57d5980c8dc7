"""Key policies: the root of trust of a key, and that nobody locks themselves out."""

import json

import pytest

from keystead.access.errors import AccessDenied
from world import ACCOUNT, OTHER_ACCOUNT, allow, deny, policy, to

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
MALFORMED = "MalformedPolicyDocumentException"
LOCKED_OUT = (MALFORMED, "The new key policy will not allow you to update the key policy in the future.")
INVALID_PRINCIPAL = (MALFORMED, "Policy contains a statement with one or more invalid principals.")


def denied(caller, action, arn, why):
    return (
        "AccessDeniedException",
        f"User: {caller.principal.arn} is not authorized to perform: {action} on resource: {arn} because {why}",
    )


async def test_a_key_without_a_policy_delegates_to_its_account(world):
    async with world:
        key = await world.key()

        kept = json.loads((await world.kms("get_key_policy", key_id=key["KeyId"]))["Policy"])

        assert kept == {
            "Version": "2012-10-17",
            "Id": "key-default-1",
            "Statement": [
                {
                    "Sid": "Enable IAM User Permissions",
                    "Effect": "Allow",
                    "Principal": {"AWS": ROOT},
                    "Action": "kms:*",
                    "Resource": "*",
                }
            ],
        }


async def test_with_delegation_iam_decides(world):
    async with world:
        key = await world.key()
        allowed = await world.user("allowed", allow("kms:Encrypt", resource=key["Arn"]))
        nobody = await world.user("nobody")

        await world.kms("encrypt", allowed, key_id=key["KeyId"], plaintext=b"x")

        assert await world.refused("encrypt", nobody, key_id=key["KeyId"], plaintext=b"x") == denied(
            nobody, "kms:Encrypt", key["Arn"], "no identity-based policy allows the kms:Encrypt action"
        )


async def test_without_delegation_iam_counts_for_nothing(world):
    async with world:
        administrator = await world.caller()
        key = await world.key(policy=policy(to(administrator.principal.arn, allow("kms:*"))))
        user = await world.user("iam-only", allow("kms:*"))

        assert await world.refused("encrypt", user, key_id=key["KeyId"], plaintext=b"x") == denied(
            user, "kms:Encrypt", key["Arn"], "no resource-based policy allows the kms:Encrypt action"
        )


async def test_a_denial_in_iam_counts_without_delegation(world):
    async with world:
        user = await world.user("torn", deny("kms:Encrypt"))
        mine = to((await world.caller()).principal.arn, allow("kms:*"))
        key = await world.key(policy=policy(mine, to(user.principal.arn, allow("kms:Encrypt"))))

        code, text = await world.refused("encrypt", user, key_id=key["KeyId"], plaintext=b"x")

        assert code == "AccessDeniedException"
        assert text.endswith("with an explicit deny in an identity-based policy")


async def test_the_policy_comes_back_byte_for_byte(world):
    async with world:
        text = (
            '{ "Statement" : [ {"Effect":"Allow","Action":"kms:*","Principal":{"AWS":"'
            + ROOT
            + '"},"Resource":"*"}]}\n'
        )
        key = await world.key(policy=text)

        assert (await world.kms("get_key_policy", key_id=key["KeyId"]))["Policy"] == text


async def test_nobody_locks_themselves_out(world):
    async with world:
        key = await world.key()
        locking = policy(to(f"arn:aws:iam::{OTHER_ACCOUNT}:root", allow("kms:*")))

        assert await world.refused("put_key_policy", key_id=key["KeyId"], policy=locking) == LOCKED_OUT
        assert await world.refused("create_key", policy=locking) == LOCKED_OUT


async def test_the_lockout_check_is_bypassed_by_name_and_that_can_be_forbidden(world):
    async with world:
        key = await world.key()
        locking = policy(to(f"arn:aws:iam::{OTHER_ACCOUNT}:root", allow("kms:*")))
        bypassing = {"key_id": key["KeyId"], "policy": locking, "bypass_policy_lockout_safety_check": True}
        careful = await world.user(
            "careful",
            allow("kms:*"),
            deny("kms:*", Condition={"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}),
        )

        assert (await world.refused("put_key_policy", careful, **bypassing))[0] == "AccessDeniedException"
        await world.kms("put_key_policy", **bypassing)

        assert (await world.refused("describe_key", key_id=key["KeyId"]))[0] == "AccessDeniedException"


async def test_an_author_whose_iam_denies_putkeypolicy_is_locked_out_by_any_policy(world):
    async with world:
        author = await world.user("author", allow("kms:*"), deny("kms:PutKeyPolicy"))

        told = await world.refused("create_key", author, policy=policy(to(ROOT, allow("kms:*"))))

        assert told == LOCKED_OUT
        await world.key(author)


@pytest.mark.parametrize(
    "principal",
    [f"arn:aws:iam::{ACCOUNT}:user/nobody", f"arn:aws:iam::{ACCOUNT}:role/nobody", "AIDAAAAAAAAAAAAAAAAAA"],
)
async def test_a_principal_that_does_not_exist_is_refused(world, principal):
    async with world:
        told = await world.refused(
            "create_key", policy=policy(to(ROOT, allow("kms:*")), to(principal, allow("kms:Encrypt")))
        )

        assert told == INVALID_PRINCIPAL


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a":1}', "null", '{"Version":"2012-10-17","Statement":[]}'])
async def test_what_is_no_policy_is_malformed_and_changes_nothing(world, text):
    async with world:
        key = await world.key()
        before = (await world.kms("get_key_policy", key_id=key["KeyId"]))["Policy"]

        assert (await world.refused("put_key_policy", key_id=key["KeyId"], policy=text))[0] == MALFORMED

        assert (await world.kms("get_key_policy", key_id=key["KeyId"]))["Policy"] == before


async def test_a_policy_of_more_than_32_kib_is_refused(world):
    async with world:
        key = await world.key()
        long = policy(to(ROOT, allow("kms:*", Sid="s" * 33_000)))

        told = await world.refused("put_key_policy", key_id=key["KeyId"], policy=long)

        assert told[0] == "LimitExceededException"


async def test_a_user_made_again_under_the_old_name_has_nothing(world):
    async with world:
        user = await world.user("zoe")
        key = await world.key(policy=policy(to(ROOT, allow("kms:*")), to(user.principal.arn, allow("kms:Encrypt"))))
        await world.kms("encrypt", user, key_id=key["KeyId"], plaintext=b"x")

        await remove_user(world, "zoe", user.access_key_id)
        again = await world.user("zoe")

        assert (await world.refused("encrypt", again, key_id=key["KeyId"], plaintext=b"x"))[0] == (
            "AccessDeniedException"
        )
        shown = json.loads((await world.kms("get_key_policy", key_id=key["KeyId"]))["Policy"])
        assert shown["Statement"][1]["Principal"] == {"AWS": user.principal.unique_id}


async def remove_user(world, name, access_key_id):
    await world.iam("delete_access_key", user_name=name, access_key_id=access_key_id)
    await world.iam("delete_user", user_name=name)


async def test_the_policy_has_one_name(world):
    async with world:
        key_id = (await world.key())["KeyId"]
        text = (await world.kms("get_key_policy", key_id=key_id))["Policy"]

        assert (await world.kms("list_key_policies", key_id=key_id))["PolicyNames"] == ["default"]
        assert (await world.refused("get_key_policy", key_id=key_id, policy_name="AWS_RAM"))[0] == "NotFoundException"
        assert await world.refused("put_key_policy", key_id=key_id, policy=text, policy_name="AWS_RAM") == (
            "ValidationException",
            "The AWS_RAM policy can only be managed by the RAM service",
        )


async def test_every_policy_a_key_ever_had_is_kept_with_its_time(world):
    from sqlalchemy import select

    from keystead.keys.store import policy_history

    async with world:
        key_id = (await world.key())["KeyId"]
        world.now += 10
        text = policy(to(ROOT, allow("kms:*")))
        await world.kms("put_key_policy", key_id=key_id, policy=text)

        async with world.database.read() as connection:
            rows = (await connection.execute(select(policy_history).order_by(policy_history.c.seq))).all()

        assert [row.at for row in rows] == [world.now - 10, world.now]
        assert rows[1].policy == text


async def test_a_condition_on_the_encryption_context_holds(world):
    async with world:
        own_table = allow("kms:Encrypt", Condition={"StringEquals": {"kms:EncryptionContext:table": "customers"}})
        user = await world.user("clerk", own_table)
        key_id = (await world.key())["KeyId"]
        asked = {"key_id": key_id, "plaintext": b"x"}

        await world.kms("encrypt", user, **asked, encryption_context={"Table": "customers"})

        for context in ({}, {"table": "orders"}):
            told = await world.refused("encrypt", user, **asked, encryption_context=context)
            assert told[0] == "AccessDeniedException"


async def test_a_key_tied_to_a_service_cannot_be_used_directly_whatever_the_caller_says(world):
    async with world:
        only_through = {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
        administration = to(ROOT, allow("kms:*Policy", "kms:Describe*"))
        key = await world.key(
            policy=policy(administration, to(ROOT, allow("kms:Encrypt", "kms:Decrypt", Condition=only_through)))
        )
        asked = {"key_id": key["KeyId"], "plaintext": b"x"}
        direct = world.call(await world.caller(), "kms", "Encrypt")
        forwarded = world.call(await world.caller(), "secretsmanager", "CreateSecret").forward(
            "f", "kms", "Encrypt", key["Arn"]
        )

        assert (await world.refused("encrypt", **asked))[0] == "AccessDeniedException"
        await world.run_call(forwarded, "encrypt", **asked)

        assert direct.via is None
        assert forwarded.source_ip == "secretsmanager.amazonaws.com"


async def test_a_denial_across_accounts_tells_the_caller_nothing_of_the_keys_policy(world):
    async with world:
        key = await world.key()
        far = await world.other()
        call = world.call(far, "kms", "Decrypt")

        with pytest.raises(AccessDenied):
            await world.keys.admit(call, "Decrypt", key["Arn"])

    (decided,) = call.notes.decisions
    said = decided.told(far.principal.account, "kms:Decrypt", call.notes.resources)["statements"]
    assert [one["policy"] for one in said] == ["arn:aws:iam::aws:policy/AdministratorAccess"]
