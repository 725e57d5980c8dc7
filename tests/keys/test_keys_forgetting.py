"""What the keyholder holds open of a key goes when the key can no longer be used, here and on other nodes."""

import asyncio

import pytest

from keystead.database.feed import EVERYTHING
from keystead.keys.forgetting import Forgetting
from keystead.keys.store import KIND

SIGNING = {"key_spec": "ECC_NIST_P256", "key_usage": "SIGN_VERIFY"}
ASKED = {"message": b"x", "signing_algorithm": "ECDSA_SHA_256"}


def held(world):
    materials = world.keyholder._software._materials
    return {
        material.key_id
        for opened in (materials._symmetric, materials._working)
        for generation in (opened._young, opened._old)
        for material in generation
    }


async def used(world):
    """A signing key and a symmetric one, which the keyholder holds open."""
    signing, symmetric = (await world.key(**SIGNING))["KeyId"], (await world.key())["KeyId"]
    await world.kms("sign", key_id=signing, **ASKED)
    await world.kms("encrypt", key_id=symmetric, plaintext=b"x")
    assert held(world) >= {signing, symmetric}
    return signing, symmetric


@pytest.mark.parametrize(
    ("operation", "asked"), [("disable_key", {}), ("schedule_key_deletion", {"pending_window_in_days": 7})]
)
async def test_nothing_is_held_of_a_key_once_it_cannot_be_used(world, operation, asked):
    async with world:
        signing, symmetric = await used(world)

        await world.kms(operation, key_id=signing, **asked)

        assert held(world) == {symmetric}
        await world.kms(operation, key_id=symmetric, **asked)
        assert held(world) == set()


async def test_a_key_that_is_enabled_again_is_opened_again(world):
    async with world:
        signing, _ = await used(world)
        await world.kms("disable_key", key_id=signing)

        await world.kms("enable_key", key_id=signing)
        await world.kms("sign", key_id=signing, **ASKED)

        assert signing in held(world)


async def test_a_change_on_another_node_is_told_to_this_nodes_keyholder(world):
    async with world:
        signing, symmetric = await used(world)

        async with world.database.write("another node") as tx:
            tx.changed(KIND, f"us-east-1/{signing}")
        await asyncio.sleep(0)

        assert held(world) == {symmetric}


async def test_when_everything_may_have_changed_nothing_is_held(world):
    async with world:
        await used(world)

        async with world.database.write("another node") as tx:
            tx.changed(KIND, EVERYTHING)
        await asyncio.sleep(0)

        assert held(world) == set()


async def test_a_keyholder_that_is_gone_does_not_stop_a_key_from_being_disabled(world, monkeypatch):
    from keystead.keyholder.errors import KeyholderLost

    async def gone(_key_id):
        raise KeyholderLost

    async with world:
        signing, _ = await used(world)
        monkeypatch.setattr(world.keyholder, "forget", gone)

        await world.kms("disable_key", key_id=signing)

        assert (await world.kms("describe_key", key_id=signing))["KeyMetadata"]["KeyState"] == "Disabled"
        assert isinstance(world.keys._forgetting, Forgetting)
