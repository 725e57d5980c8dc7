"""Rotation: on a schedule and on demand; old material opens what it sealed."""

import pytest

from keystead.keys import rotation
from keystead.keys.key import DAY


async def test_new_material_encrypts_and_old_material_still_opens(world):
    async with world:
        key = await world.key()
        old = await world.kms("encrypt", key_id=key["KeyId"], plaintext=b"old")

        rotated = await world.kms("rotate_key_on_demand", key_id=key["KeyId"])

        new = await world.kms("encrypt", key_id=key["KeyId"], plaintext=b"new")
        opened = [await world.kms("decrypt", ciphertext_blob=made["CiphertextBlob"]) for made in (old, new)]
        assert rotated == {"KeyId": key["Arn"]}
        assert [answer["Plaintext"] for answer in opened] == [b"old", b"new"]
        assert opened[0]["KeyMaterialId"] == key["CurrentKeyMaterialId"] != opened[1]["KeyMaterialId"]


async def test_reencrypt_moves_to_the_newest_material(world):
    async with world:
        key = await world.key()
        old = await world.kms("encrypt", key_id=key["KeyId"], plaintext=b"x")
        await world.kms("rotate_key_on_demand", key_id=key["KeyId"])

        moved = await world.kms("re_encrypt", ciphertext_blob=old["CiphertextBlob"], destination_key_id=key["KeyId"])

        assert moved["SourceKeyMaterialId"] == key["CurrentKeyMaterialId"]
        described = await world.kms("describe_key", key_id=key["KeyId"])
        assert moved["DestinationKeyMaterialId"] == described["KeyMetadata"]["CurrentKeyMaterialId"]


@pytest.mark.parametrize(("period", "days"), [(None, 365), (90, 90), (2560, 2560)])
async def test_a_scheduled_rotation_happens_when_it_is_due_and_not_before(world, period, days):
    async with world:
        key = await world.key()
        await world.kms("enable_key_rotation", key_id=key["KeyId"], rotation_period_in_days=period)
        status = await world.kms("get_key_rotation_status", key_id=key["KeyId"])
        due = world.now + days * DAY

        early = await rotation.rotate_due(world.keys, due - 1)
        on_time = await rotation.rotate_due(world.keys, due)
        again = await rotation.rotate_due(world.keys, due)

        assert status == {
            "KeyId": key["Arn"],
            "KeyRotationEnabled": True,
            "RotationPeriodInDays": days,
            "NextRotationDate": due,
        }
        assert (len(early), len(on_time), len(again)) == (0, 1, 0)
        listed = await world.kms("list_key_rotations", key_id=key["KeyId"])
        assert [entry["RotationType"] for entry in listed["Rotations"]] == ["AUTOMATIC"]
        assert on_time[0].material_id == listed["Rotations"][0]["KeyMaterialId"]


async def test_a_disabled_key_rotates_only_once_it_is_enabled_again(world):
    async with world:
        key_id = (await world.key())["KeyId"]
        await world.kms("enable_key_rotation", key_id=key_id, rotation_period_in_days=90)
        await world.kms("disable_key", key_id=key_id)
        due = world.now + 91 * DAY

        while_disabled = await rotation.rotate_due(world.keys, due)
        await world.kms("enable_key", key_id=key_id)

        assert while_disabled == []
        assert len(await rotation.rotate_due(world.keys, due)) == 1


async def test_a_key_that_is_to_be_deleted_shows_no_rotation_and_gets_it_back(world):
    async with world:
        key = await world.key()
        await world.kms("enable_key_rotation", key_id=key["KeyId"])
        await world.kms("schedule_key_deletion", key_id=key["KeyId"], pending_window_in_days=7)
        dying = await world.kms("get_key_rotation_status", key_id=key["KeyId"])

        await world.kms("cancel_key_deletion", key_id=key["KeyId"])

        assert dying == {"KeyId": key["Arn"], "KeyRotationEnabled": False}
        assert (await world.kms("get_key_rotation_status", key_id=key["KeyId"]))["KeyRotationEnabled"] is True


async def test_twenty_five_rotations_on_demand_and_no_more(world):
    async with world:
        key = await world.key()

        for _ in range(25):
            await world.kms("rotate_key_on_demand", key_id=key["KeyId"])

        assert await world.refused("rotate_key_on_demand", key_id=key["KeyId"]) == (
            "LimitExceededException",
            (
                "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be "
                f"performed for this key: {key['Arn']}"
            ),
        )


async def test_none_on_demand_within_twenty_minutes_of_a_scheduled_one(world):
    async with world:
        key_id = (await world.key())["KeyId"]
        await world.kms("enable_key_rotation", key_id=key_id, rotation_period_in_days=90)
        world.now += 90 * DAY - 60

        told = await world.refused("rotate_key_on_demand", key_id=key_id)

        assert told[0] == "ConflictException"


async def test_a_rotation_on_demand_leaves_the_schedule_alone(world):
    async with world:
        key_id = (await world.key())["KeyId"]
        await world.kms("enable_key_rotation", key_id=key_id, rotation_period_in_days=90)
        before = await world.kms("get_key_rotation_status", key_id=key_id)
        world.now += DAY

        await world.kms("rotate_key_on_demand", key_id=key_id)

        assert await world.kms("get_key_rotation_status", key_id=key_id) == before


async def test_the_first_material_is_listed_only_when_asked_for(world):
    async with world:
        key = await world.key()
        await world.kms("rotate_key_on_demand", key_id=key["KeyId"])

        rotations = await world.kms("list_key_rotations", key_id=key["KeyId"])
        everything = await world.kms("list_key_rotations", key_id=key["KeyId"], include_key_material="ALL_KEY_MATERIAL")

        assert [entry["KeyMaterialState"] for entry in rotations["Rotations"]] == ["CURRENT"]
        assert [entry["KeyMaterialState"] for entry in everything["Rotations"]] == ["NON_CURRENT", "CURRENT"]
        assert everything["Rotations"][0] == {
            "KeyId": key["Arn"],
            "KeyMaterialId": key["CurrentKeyMaterialId"],
            "KeyMaterialState": "NON_CURRENT",
        }


async def test_a_rotation_that_was_done_by_somebody_else_is_not_done_again(world):
    async with world:
        key_id = (await world.key())["KeyId"]
        await world.kms("enable_key_rotation", key_id=key_id, rotation_period_in_days=90)
        due = world.now + 90 * DAY

        first = await rotation.rotate_one(world.keys, "us-east-1", key_id, due)
        second = await rotation.rotate_one(world.keys, "us-east-1", key_id, due)

        assert first is not None
        assert second is None
