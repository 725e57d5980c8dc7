"""Calls that come through a service: believed only as that service forwarded them, for a caller, an action and a key."""

import os

import msgspec
import pytest

from keystead.identities import proof
from keystead.identities.errors import ForwardingUnproven
from world import allow, policy, to

ROOT = "arn:aws:iam::111122223333:root"
SERVICE = "secretsmanager.us-east-1.amazonaws.com"


async def prepared(world):
    """(a key that may be used through Secrets Manager only, a call that came to Secrets Manager)."""
    through = {"StringEquals": {"kms:ViaService": SERVICE}}
    administration = to(ROOT, allow("kms:*Policy", "kms:Describe*", "kms:CreateAlias"))
    use = to(ROOT, allow("kms:Encrypt", "kms:Decrypt", Condition=through))
    key = await world.key(policy=policy(administration, use))
    return key, world.call(await world.caller(), "secretsmanager", "CreateSecret")


async def encrypt(world, call, key_id):
    return await world.run_call(call, "encrypt", key_id=key_id, plaintext=b"x")


async def test_a_forwarded_call_uses_the_key_it_was_forwarded_for(world):
    async with world:
        key, call = await prepared(world)

        answer = await encrypt(world, call.forward("1", "kms", "Encrypt", key["Arn"]), key["KeyId"])

        assert answer["CiphertextBlob"]


async def test_it_may_be_forwarded_for_an_alias_of_the_key(world):
    async with world:
        key, call = await prepared(world)
        await world.kms("create_alias", alias_name="alias/app", target_key_id=key["KeyId"])
        alias = "arn:aws:kms:us-east-1:111122223333:alias/app"

        assert await encrypt(world, call.forward("1", "kms", "Encrypt", alias), "alias/app")
        with pytest.raises(ForwardingUnproven):  # the proof is of the alias, and the key is named otherwise
            await encrypt(world, call.forward("2", "kms", "Encrypt", alias), key["KeyId"])


async def test_the_managed_key_of_a_service_is_made_through_the_service(world):
    async with world:
        alias = "arn:aws:kms:us-east-1:111122223333:alias/aws/secretsmanager"
        call = world.call(await world.caller(), "secretsmanager", "CreateSecret")

        assert await encrypt(world, call.forward("1", "kms", "Encrypt", alias), "alias/aws/secretsmanager")


async def test_a_call_that_only_says_it_was_forwarded_is_not_believed(world):
    async with world:
        key, _ = await prepared(world)
        claiming = world.call(await world.caller(), "kms", "Encrypt", via=SERVICE)

        with pytest.raises(ForwardingUnproven):
            await encrypt(world, claiming, key["KeyId"])


CHANGES = {
    "another key": lambda key: {"proof": (None, "arn:aws:kms:us-east-1:111122223333:key/other")},
    "another action": lambda key: {"proof": ("kms:Decrypt", key)},
    "another service": lambda _: {"via": "ssm.us-east-1.amazonaws.com"},
    "another region": lambda _: {"via": "secretsmanager.eu-west-1.amazonaws.com"},
}


@pytest.mark.parametrize("changed", CHANGES)
async def test_a_proof_is_of_nothing_else(world, changed):
    async with world:
        key, call = await prepared(world)
        forwarded = call.forward("1", "kms", "Encrypt", key["Arn"])
        change = CHANGES[changed](key["Arn"])
        if "proof" in change:
            action, resource = change["proof"]
            change["proof"] = proof.make(forwarded, action or "kms:Encrypt", resource)

        with pytest.raises(ForwardingUnproven):
            await encrypt(world, msgspec.structs.replace(forwarded, **change), key["KeyId"])


async def test_a_proof_of_one_caller_does_not_serve_another(world):
    async with world:
        key, call = await prepared(world)
        forwarded = call.forward("1", "kms", "Encrypt", key["Arn"])
        other = await world.user("other", allow("kms:*"))

        with pytest.raises(ForwardingUnproven):
            await encrypt(world, msgspec.structs.replace(forwarded, caller=other), key["KeyId"])


async def test_a_proof_is_good_for_a_minute(world):
    async with world:
        key, call = await prepared(world)
        forwarded = call.forward("1", "kms", "Encrypt", key["Arn"])
        made = proof.make(forwarded, "kms:Encrypt", key["Arn"], now=1000.0)
        asked = (forwarded, "kms:Encrypt", (key["Arn"],))

        assert proof.holds(made, *asked, now=1059.9)
        assert not proof.holds(made, *asked, now=1060.0)


async def test_a_proof_whose_time_was_moved_is_none(world):
    async with world:
        key, call = await prepared(world)
        forwarded = call.forward("1", "kms", "Encrypt", key["Arn"])
        stretched = msgspec.structs.replace(
            forwarded,
            proof=proof.Proof("kms:Encrypt", key["Arn"], forwarded.proof.expires + 3600, forwarded.proof.mac),
        )

        with pytest.raises(ForwardingUnproven):
            await encrypt(world, stretched, key["KeyId"])


async def test_a_process_of_its_own_makes_proofs_of_its_own(world):
    async with world:
        key, call = await prepared(world)
        forwarded = call.forward("1", "kms", "Encrypt", key["Arn"])
        asked = (forwarded, "kms:Encrypt", (key["Arn"],))
        read, write = os.pipe()

        child = os.fork()
        if child == 0:
            os.write(write, b"y" if proof.holds(forwarded.proof, *asked) else b"n")
            os._exit(0)
        os.waitpid(child, 0)  # noqa: ASYNC222  # it ends at once

        assert proof.holds(forwarded.proof, *asked)
        assert os.read(read, 1) == b"n"
        os.close(read)
        os.close(write)
