"""Secrets over every engine: what is written is found, in order, and what goes is gone."""

import asyncio

from sqlalchemy import func, select

from keystead.secrets import deleting, listing, store
from keystead.secrets.lastaccess import LastAccess
from keystead.trail.uses import Read
from world import ACCOUNT, OTHER_ACCOUNT, allow, policy, to, world_on_each_engine  # noqa: F401  # a fixture

TABLES = (store.secrets, store.versions, store.labels, store.tags, store.words, store.replicas)


async def rows(world):
    async with world.database.read() as connection:
        return [(await connection.execute(select(func.count()).select_from(table))).scalar_one() for table in TABLES]


async def test_a_life(world):
    async with world:
        regions = [{"Region": "eu-west-1"}]
        tags = [{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}]
        await world.sm("create_secret", name="app", secret_string="one", tags=tags, add_replica_regions=regions)
        await world.sm("put_secret_value", secret_id="app", secret_binary=b"two", version_stages=["AWSCURRENT", "x"])
        await world.sm("update_secret", secret_id="app", description="words to find")
        document = policy(to("arn:aws:iam::111122223333:root", allow("secretsmanager:*")))
        await world.sm("put_resource_policy", secret_id="app", resource_policy=document)

        assert (await world.sm("get_secret_value", secret_id="app"))["SecretBinary"] == b"two"
        described = await world.sm("describe_secret", secret_id="app")
        assert described["Tags"] == tags
        assert [one["Status"] for one in described["ReplicationStatus"]] == ["InSync"]
        found = await world.sm("list_secrets", filters=[{"Key": "description", "Values": ["find"]}])
        assert [one["Name"] for one in found["SecretList"]] == ["app"]
        await world.sm("remove_regions_from_replication", secret_id="app", remove_replica_regions=["eu-west-1"])
        await world.sm("delete_secret", secret_id="app")
        assert await deleting.delete_due(world.secrets, world.now + 31 * 86_400) == [described["ARN"]]
        assert await rows(world) == [0] * len(TABLES)


async def test_a_life_in_two_accounts(world):
    async with world:
        theirs = await world.other()
        both = [to(f"arn:aws:iam::{account}:root", allow("kms:*")) for account in (ACCOUNT, OTHER_ACCOUNT)]
        key = (await world.key(theirs, policy=policy(*both)))["Arn"]
        primary = (await world.sm("create_secret", name="app", secret_string="one"))["ARN"]
        asked = {"kms_key_id": key, "cross_account_primary_arn": primary}
        replica = (await world.sm("create_secret", theirs, name="app", **asked))["ARN"]
        named = {"secret_id": "app", "cross_account_replica_arn": replica}
        await world.sm("associate_cross_account_replica", **named)
        await world.sm("put_secret_value", secret_id="app", secret_string="two")

        assert (await world.sm("get_secret_value", theirs, secret_id="app"))["SecretString"] == "two"
        described = await world.sm("describe_secret", secret_id="app")
        (entry,) = described["CrossAccountReplicas"]
        assert (entry["ReplicaSecretARN"], entry["ReplicationStatus"]) == (replica, "InSync")
        assert (
            described["VersionIdsToStages"]
            == (await world.sm("describe_secret", theirs, secret_id="app"))["VersionIdsToStages"]
        )
        await world.sm("stop_replication_to_replica", theirs, secret_id="app")
        await world.sm("disassociate_cross_account_replica", **named)
        for caller in (None, theirs):
            await world.sm("delete_secret", caller, secret_id="app", force_delete_without_recovery=True)
        assert await rows(world) == [0] * len(TABLES)


async def test_names_are_in_the_order_of_their_bytes(world):
    async with world:
        for name in ("b", "B", "a/c", "a-c", "a_c", "_"):
            await world.sm("create_secret", name=name)

        listed = await world.sm("list_secrets", sort_by="name")
        begins = await world.sm("list_secrets", filters=[{"Key": "name", "Values": ["a"]}], sort_by="name")

        assert [one["Name"] for one in listed["SecretList"]] == ["B", "_", "a-c", "a/c", "a_c", "b"]
        assert [one["Name"] for one in begins["SecretList"]] == ["a-c", "a/c", "a_c"]


async def test_of_many_who_create_one_name_one_does(world):
    async with world:
        asked = [world.sm("create_secret", name="app", secret_string=str(number)) for number in range(5)]

        done = await asyncio.gather(*asked, return_exceptions=True)

        made = [one for one in done if isinstance(one, dict)]
        assert len(made) == 1
        read = await world.sm("get_secret_value", secret_id="app")
        assert read["VersionId"] == made[0]["VersionId"]


async def test_of_many_who_write_one_token_one_does(world):
    async with world:
        await world.sm("create_secret", name="app", secret_string="0")
        asked = [
            world.sm("put_secret_value", secret_id="app", secret_string=value, client_request_token="t" * 32)
            for value in "112"
        ]

        done = await asyncio.gather(*asked, return_exceptions=True)

        value = (await world.sm("get_secret_value", secret_id="app"))["SecretString"]
        assert [isinstance(one, dict) for one in done] == [given == value for given in "112"]


async def test_two_writers_leave_one_current_version(world):
    async with world:
        await world.sm("create_secret", name="app", secret_string="0")

        await asyncio.gather(*(world.sm("put_secret_value", secret_id="app", secret_string=str(n)) for n in range(6)))

        stages = (await world.sm("describe_secret", secret_id="app"))["VersionIdsToStages"]
        assert sorted(stages.values()) == [["AWSCURRENT"], ["AWSPREVIOUS"]]


async def test_days_of_reading_are_folded_in(world):
    async with world:
        made = await world.sm("create_secret", name="app", secret_string="0")
        read = Read(
            made["ARN"], made["VersionId"], None, None, 1_750_000_123.0, "e", "GetSecretValue", None, None, None
        )
        day = 1_750_000_123.0 // 86_400 * 86_400
        access = LastAccess()

        for _ in range(2):
            async with world.database.write("fold", announced=False) as tx:
                await access.fold(tx, [read, read._replace(at=read.at - 86_400), read._replace(secret_arn="junk")])

        assert (await world.sm("describe_secret", secret_id="app"))["LastAccessedDate"] == day
        (version,) = (await world.sm("list_secret_version_ids", secret_id="app"))["Versions"]
        assert version["LastAccessedDate"] == day


async def test_a_page_is_read_by_index(world):
    async with world:
        for sort in listing.COLUMNS:
            query = listing.ordered(listing.Listing("1", "r", sort=sort), None).limit(10)
            plan = "EXPLAIN QUERY PLAN " if not world.database.shared else "EXPLAIN "
            text = str(query.compile(compile_kwargs={"literal_binds": True}))
            async with world.database.read() as connection:
                if world.database.shared:
                    await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
                lines = " ".join(str(row) for row in await connection.exec_driver_sql(plan + text))
            assert any(index in lines for index in ("ix_secrets_", "uq_secrets_", "autoindex_secrets")), lines
            assert "TEMP B-TREE" not in lines, lines
