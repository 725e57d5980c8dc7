"""Parameters over every engine: what is written is found, in order, and what goes is gone."""

import asyncio
import json

from sqlalchemy import func, select

from keystead.parameters import deleting, store
from world import NOW, OTHER_ACCOUNT, allow, policy, to, world_on_each_engine  # noqa: F401  # a fixture

TABLES = (store.parameters, store.versions, store.labels, store.tags, store.enforced)
EXPIRY = [{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2025-06-25T15:06:40Z"}}]


async def rows(world):
    async with world.database.read() as connection:
        return [(await connection.execute(select(func.count()).select_from(table))).scalar_one() for table in TABLES]


async def test_a_life(world):
    async with world:
        tags = [{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}]
        asked = {"type": "SecureString", "tier": "Advanced", "policies": json.dumps(EXPIRY)}
        await world.ssm("put_parameter", name="/p", value="one", tags=tags, **asked)
        await world.ssm("put_parameter", name="/p", value="two", overwrite=True)
        await world.ssm("label_parameter_version", name="/p", labels=["live"])
        listed = await world.ssm("list_tags_for_resource", resource_type="Parameter", resource_id="p")
        read = await world.ssm("get_parameter", name="/p:live", with_decryption=True)
        before = await rows(world)

        gone = await deleting.enforce_due(world.parameters, NOW + 11 * 86_400)

        assert listed == {"TagList": tags}
        assert (read["Parameter"]["Value"], read["Parameter"]["Version"]) == ("two", 2)
        assert before == [1, 2, 1, 2, 1]
        assert len(gone) == 1
        assert await rows(world) == [0, 0, 0, 0, 0]


async def test_the_order_of_names_is_that_of_their_characters(world):
    names = ["/app/B", "/app/a", "/app/a-b", "/app/a/x", "/app/a0", "/app/b"]
    async with world:
        for name in reversed(names):
            await world.ssm("put_parameter", name=name, value="v", type="String")

        found, token = [], {}
        while True:
            page = await world.ssm("get_parameters_by_path", path="/app", recursive=True, max_results=1, **token)
            found += [one["Name"] for one in page["Parameters"]]
            if "NextToken" not in page:
                break
            token = {"next_token": page["NextToken"]}
        level = await world.ssm("get_parameters_by_path", path="/app/a", recursive=True)

        assert found == names
        assert [one["Name"] for one in level["Parameters"]] == ["/app/a/x"]


async def test_those_of_other_accounts_are_walked_by_account_and_name(world):
    async with world:
        other = await world.other()
        for name in ("/b", "/a"):
            await world.ssm("put_parameter", name=name, value="v", type="String", tier="Advanced")
            arn = (await world.ssm("get_parameter", name=name))["Parameter"]["ARN"]
            document = policy(to(f"arn:aws:iam::{OTHER_ACCOUNT}:root", allow("ssm:GetParameters")))
            await world.ssm("put_resource_policy", resource_arn=arn, policy=document)

        first = await world.ssm("describe_parameters", other, shared=True, max_results=1)
        second = await world.ssm(
            "describe_parameters", other, shared=True, max_results=1, next_token=first["NextToken"]
        )

        assert [one["Parameters"][0]["Name"] for one in (first, second)] == ["/a", "/b"]
        assert "NextToken" not in second


async def test_of_writers_at_once_each_makes_a_version_or_is_told(world):
    async with world:
        await world.ssm("put_parameter", name="/p", value="0", type="String")

        async def put(number):
            try:
                asked = {"name": "/p", "value": str(number), "overwrite": True}
                return (await world.ssm("put_parameter", **asked))["Version"]
            except tuple(world.rooms["ssm"].errors) as error:
                return world.told("ssm", error)[0]

        done = await asyncio.gather(*map(put, range(1, 6)))

        made = sorted(one for one in done if one != "TooManyUpdates")
        history = (await world.ssm("get_parameter_history", name="/p"))["Parameters"]
        assert made == list(range(2, 2 + len(made)))
        assert len(history) == 1 + len(made) >= 2
