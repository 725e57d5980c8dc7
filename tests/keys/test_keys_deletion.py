"""Deletion: after its window a key is gone for good, and nothing that it sealed opens."""

import pytest
from sqlalchemy import func, select

from keystead.keys import deletion
from keystead.keys.key import DAY
from keystead.keys.store import aliases, grants, keys, materials, tags, usage


async def doomed(world):
    key = await world.key(tags=[{"TagKey": "a", "TagValue": "b"}])
    blob = (await world.kms("encrypt", key_id=key["KeyId"], plaintext=b"x"))["CiphertextBlob"]
    await world.kms("create_alias", alias_name="alias/doomed", target_key_id=key["KeyId"])
    role = await world.role("r")
    await world.kms("create_grant", key_id=key["KeyId"], grantee_principal=role, operations=["Encrypt"])
    return key, blob


async def count(world, table, *where):
    async with world.database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(table).where(*where))).scalar()


async def test_it_is_announced_with_its_date(world):
    async with world:
        key, _ = await doomed(world)

        told = await world.kms("schedule_key_deletion", key_id=key["KeyId"], pending_window_in_days=7)

        assert told == {
            "KeyId": key["Arn"],
            "KeyState": "PendingDeletion",
            "PendingWindowInDays": 7,
            "DeletionDate": world.now + 7 * DAY,
        }
        described = (await world.kms("describe_key", key_id=key["KeyId"]))["KeyMetadata"]
        assert (described["DeletionDate"], described["Enabled"]) == (told["DeletionDate"], False)


async def test_nothing_is_destroyed_before_its_time(world):
    async with world:
        key, blob = await doomed(world)
        await world.kms("schedule_key_deletion", key_id=key["KeyId"], pending_window_in_days=7)

        done = await deletion.delete_due(world.keys, world.now + 7 * DAY - 1)

        assert done == []
        await world.kms("cancel_key_deletion", key_id=key["KeyId"])
        await world.kms("enable_key", key_id=key["KeyId"])
        assert (await world.kms("decrypt", ciphertext_blob=blob))["Plaintext"] == b"x"


async def test_a_cancelled_deletion_leaves_a_disabled_key(world):
    async with world:
        key, _ = await doomed(world)
        await world.kms("schedule_key_deletion", key_id=key["KeyId"])

        told = await world.kms("cancel_key_deletion", key_id=key["KeyId"])

        assert told == {"KeyId": key["Arn"]}
        described = (await world.kms("describe_key", key_id=key["KeyId"]))["KeyMetadata"]
        assert described["KeyState"] == "Disabled"
        assert "DeletionDate" not in described
        assert await deletion.delete_due(world.keys, world.now + 40 * DAY) == []


async def test_when_its_time_has_come_all_of_it_goes(world):
    async with world:
        key, blob = await doomed(world)
        await world.kms("schedule_key_deletion", key_id=key["KeyId"], pending_window_in_days=7)

        done = await deletion.delete_due(world.keys, world.now + 7 * DAY)

        assert [happened.key_arn for happened in done] == [key["Arn"]]
        for table in (keys, materials, aliases, tags, usage):
            assert await count(world, table) == 0
        assert await count(world, grants, grants.c.ended_at.is_(None)) == 0
        assert (await world.refused("describe_key", key_id=key["KeyId"])) == (
            "NotFoundException",
            f"Key '{key['Arn']}' does not exist",
        )
        assert (await world.refused("decrypt", ciphertext_blob=blob))[0] == "AccessDeniedException"
        assert (await world.refused("describe_key", key_id="alias/doomed"))[0] == "NotFoundException"


async def test_the_wrapped_material_is_overwritten_on_disk(world):
    async with world:
        key, _ = await doomed(world)
        async with world.database.read() as connection:
            token = (await connection.execute(select(materials.c.token))).scalar()
        await world.kms("schedule_key_deletion", key_id=key["KeyId"], pending_window_in_days=7)

        await deletion.delete_due(world.keys, world.now + 7 * DAY)
        await world.database.close()

        files = [path for path in world.folder.iterdir() if path.name.startswith("keystead.db")]
        assert not [path.name for path in files if token in path.read_bytes()]


@pytest.mark.parametrize("days", [1, 6, 31, 365])
async def test_the_window_is_seven_to_thirty_days(world, days):
    async with world:
        key = await world.key()

        told = await world.refused("schedule_key_deletion", key_id=key["KeyId"], pending_window_in_days=days)

        assert told[0] == "ValidationException"
        assert (await world.kms("describe_key", key_id=key["KeyId"]))["KeyMetadata"]["Enabled"]
