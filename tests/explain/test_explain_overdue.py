"""What is overdue, at a clock that the test sets: each kind is told once its time has come, and not before."""

import pytest

from keystead.explain.overdue import Days, overdue
from keystead.explain.room import Explain
from world import ACCOUNT, World, allow

DAY = 86400.0


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def kinds(found):
    return {one.kind for one in found}


async def test_each_kind_is_told_when_its_time_has_come(world):
    async with world:
        room = Explain(world.database, None, world.keys, None, None, None, world.clock)
        zoe = await world.user("zoe", allow("kms:*"))
        key = await world.key()
        await world.kms("enable_key_rotation", key_id=key["KeyId"], rotation_period_in_days=90)
        await world.kms(
            "create_grant", key_id=key["KeyId"], grantee_principal=zoe.principal.arn, operations=["Decrypt"]
        )
        fresh = await overdue(room, ACCOUNT, Days())

        world.now += 91 * DAY
        later = await overdue(room, ACCOUNT, Days())
        world.now += 300 * DAY
        much_later = await overdue(room, ACCOUNT, Days())

    assert fresh == []
    assert kinds(later) == {"rotation-due", "unused-key", "old-access-key", "unused-access-key"}
    assert kinds(much_later) == {*kinds(later), "old-grant"}
    assert {one.subject for one in later if one.kind == "rotation-due"} == {key["Arn"]}
    assert zoe.access_key_id in {one.subject for one in later if one.kind == "old-access-key"}
