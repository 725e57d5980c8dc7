"""What a key costs that no memory holds: one read of one moment, by index, however many keys there are."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event


@contextmanager
def statements(world):
    """What is read inside the block: (statement, parameters) of each, and how many transactions that took."""
    said, begun = [], []
    engine = world.database._backend.reader.sync_engine

    def said_so(connection, cursor, statement, parameters, context, executemany):
        said.append((statement, parameters))

    def began(connection):
        begun.append(connection)

    event.listen(engine, "before_cursor_execute", said_so)
    event.listen(engine, "begin", began)
    try:
        yield said, begun
    finally:
        event.remove(engine, "before_cursor_execute", said_so)
        event.remove(engine, "begin", began)


async def plan(world, statement, parameters):
    async with world.database.read() as connection:
        asked = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [row.detail for row in asked]


@pytest.mark.parametrize("operation", ["describe_key", "list_keys", "list_aliases"])
async def test_what_is_read_is_read_by_index(world, operation):
    async with world:
        caller = await world.caller()
        made = await world.kms("create_key", caller, multi_region=True)
        key = made["KeyMetadata"]["KeyId"]
        await world.kms("create_alias", caller, alias_name="alias/a", target_key_id=key)
        world.keys.known._keys.clear()

        named = {"key_id": key} if operation == "describe_key" else {}
        with statements(world) as (said, _):
            await world.kms(operation, caller, **named)

        plans = [step for one in list(said) for step in await plan(world, *one)]
        assert plans
        assert [step for step in plans if step.startswith("SCAN") and "CONSTANT" not in step] == []


async def test_a_miss_is_one_read_and_a_hit_is_none(world):
    async with world:
        caller = await world.caller()
        key = (await world.kms("create_key", caller))["KeyMetadata"]["KeyId"]
        await world.kms("describe_key", caller, key_id=key)
        world.keys.known._keys.clear()

        with statements(world) as (_, missed):
            await world.kms("describe_key", caller, key_id=key)
        with statements(world) as (said, _):
            await world.kms("describe_key", caller, key_id=key)

        assert len(missed) == 1
        assert said == []
