"""A new user or role of an old name is somebody else: nothing that was given to the old one is the new one's."""

import json
from urllib.parse import unquote

import pytest
from sqlalchemy import select

from keystead.access.errors import AccessDenied
from keystead.identities.names import fold
from keystead.identities.store.tables import policy_history
from world import ACCOUNT, NOW, allow, policy, trusting


async def recreate_user(world, name="zoe"):
    for key in (await world.iam("list_access_keys", user_name=name))["AccessKeyMetadata"]:
        await world.iam("delete_access_key", user_name=name, access_key_id=key["AccessKeyId"])
    for held in (await world.iam("list_user_policies", user_name=name))["PolicyNames"]:
        await world.iam("delete_user_policy", user_name=name, policy_name=held)
    await world.iam("delete_user", user_name=name)
    return await world.user(name)


async def test_a_role_does_not_trust_the_new_user_of_an_old_name(world):
    async with world:
        old = await world.user("zoe")
        role = await world.role("reader", trust=trusting(old.principal.arn))
        await world.assume(role, old)

        new = await recreate_user(world)

        assert new.principal.arn == old.principal.arn
        with pytest.raises(AccessDenied):
            await world.assume(role, new)


async def test_a_trust_policy_shows_the_unique_id_of_who_is_gone(world):
    async with world:
        old = await world.user("zoe")
        given = policy(trusting(old.principal.arn))
        await world.iam("create_role", role_name="reader", assume_role_policy_document=given)

        async def shown():
            return unquote((await world.iam("get_role", role_name="reader"))["Role"]["AssumeRolePolicyDocument"])

        assert await shown() == given
        await recreate_user(world)
        assert json.loads(await shown())["Statement"][0]["Principal"] == {"AWS": old.principal.unique_id}


async def test_a_role_does_not_trust_the_new_role_of_an_old_name(world):
    async with world:
        trust = trusting(ACCOUNT)
        first = await world.role("first", allow("sts:AssumeRole"), trust=trust)
        second = await world.role("second", trust=trusting(first))
        await world.assume(second, await world.assume(first))
        await world.iam("delete_role_policy", role_name="first", policy_name="inline")
        await world.iam("delete_role", role_name="first")

        await world.role("first", allow("sts:AssumeRole"), trust=trust)

        with pytest.raises(AccessDenied):
            await world.assume(second, await world.assume(first))


async def test_a_new_user_has_no_policies_tags_keys_or_boundary_of_the_old(world):
    async with world:
        await world.user("zoe", allow("kms:*"), tags=[{"Key": "team", "Value": "red"}])

        new = await recreate_user(world)

        assert new.standing.identity == ()
        assert new.tags == {}
        assert len((await world.iam("list_access_keys", user_name="zoe"))["AccessKeyMetadata"]) == 1


async def test_a_renamed_user_keeps_what_it_was_trusted_with(world):
    async with world:
        user = await world.user("zoe")
        role = await world.role("reader", trust=trusting(user.principal.arn))

        await world.iam("update_user", user_name="zoe", new_user_name="zoey", new_path="/team/")

        renamed = await world.caller(user.access_key_id)
        assert renamed.principal.arn == "arn:aws:iam::111122223333:user/team/zoey"
        assert renamed.principal.unique_id == user.principal.unique_id
        assert (await world.assume(role, renamed)).principal.account == ACCOUNT


async def test_a_renamed_user_is_shown_by_its_unique_id_which_may_be_put_back(world):
    async with world:
        user = await world.user("zoe")
        await world.role("reader", trust=trusting(user.principal.arn))
        await world.iam("update_user", user_name="zoe", new_user_name="zoey")
        await world.iam("create_user", user_name="zoe")

        role = (await world.iam("get_role", role_name="reader"))["Role"]
        shown = unquote(role["AssumeRolePolicyDocument"])
        await world.iam("update_assume_role_policy", role_name="reader", policy_document=shown)

        assert json.loads(shown)["Statement"][0]["Principal"] == {"AWS": user.principal.unique_id}
        assert (await world.assume(role["Arn"], await world.caller(user.access_key_id))).principal.entity_arn == role[
            "Arn"
        ]
        assert (await world.iam("list_roles"))["Roles"][0]["AssumeRolePolicyDocument"] == role[
            "AssumeRolePolicyDocument"
        ]


async def test_the_history_tells_who_could_what_and_when(world):
    async with world:
        user = await world.user("zoe", allow("kms:ListKeys"))
        world.now += 10
        await world.iam("delete_user_policy", user_name="zoe", policy_name="inline")
        world.now += 10
        await world.iam("attach_user_policy", user_name="zoe", policy_arn="arn:aws:iam::aws:policy/AdministratorAccess")

        async with world.database.read() as connection:
            mine = select(policy_history).where(policy_history.c.subject == user.principal.unique_id)
            rows = (await connection.execute(mine.order_by(policy_history.c.seq))).all()

        told = [(row.at - NOW, row.kind, row.name, row.value) for row in rows]
        assert told == [
            (0, "entity", "", user.principal.arn),
            (0, "inline", fold("inline"), policy(allow("kms:ListKeys"))),
            (10, "inline", fold("inline"), None),
            (
                20,
                "attached",
                "arn:aws:iam::aws:policy/AdministratorAccess",
                "arn:aws:iam::aws:policy/AdministratorAccess",
            ),
        ]
        assert all(row.because.startswith("call-") for row in rows)
