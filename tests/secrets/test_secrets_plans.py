"""However many secrets there are, and however many versions each has: whatever is read is read by index."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event

OPERATIONS = {
    #  operation                  what is asked besides the secret
    "describe_secret":          {},
    "get_secret_value":         {},
    "get_resource_policy":      {},
    "list_secret_version_ids":  {"include_deprecated": True},
    "list_secrets":             {},
    "list_resource_policies":   {},
    "batch_get_secret_value":   {"secret_id_list": ["app"]},
    "put_secret_value":         {"secret_string": "three"},
    "update_secret":            {"description": "new"},
    "tag_resource":             {"tags": [{"Key": "team", "Value": "red"}]},
}  # fmt: skip  # a table
OF_NONE = {"list_secrets", "batch_get_secret_value"}
LISTINGS = [
    {"sort_by": "name", "sort_order": "desc"},
    {"sort_by": "last-accessed-date"},
    {"sort_by": "last-changed-date"},
    {"filters": [{"Key": "name", "Values": ["app"]}]},
    {"filters": [{"Key": "description", "Values": ["some text"]}]},
    {"filters": [{"Key": "tag-key", "Values": ["team"]}]},
    {"filters": [{"Key": "tag-value", "Values": ["blue"]}]},
    {"filters": [{"Key": "all", "Values": ["blue"]}]},
    {"filters": [{"Key": "primary-region", "Values": ["eu"]}], "include_planned_deletion": True},
]


@contextmanager
def statements(world):
    """What is read and written inside the block: (statement, parameters) of each."""
    said = []
    engines = {world.database._backend.reader.sync_engine, world.database._backend.writer.sync_engine}

    def said_so(connection, cursor, statement, parameters, context, executemany):
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            said.append((statement, parameters[0] if executemany else parameters))

    for engine in engines:
        event.listen(engine, "before_cursor_execute", said_so)
    try:
        yield said
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", said_so)


async def scans(world, said):
    """Steps of their plans that read a whole table, or sort one."""
    found = []
    async with world.database.read() as connection:
        for statement, parameters in list(said):
            asked = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found += [(row.detail, statement) for row in asked if row.detail.startswith("SCAN")]
    return [one for one in found if "CONSTANT" not in one[0]]


async def filled(world):
    tags = [{"Key": "team", "Value": "blue"}]
    await world.sm("create_secret", name="app", secret_string="one", description="some text", tags=tags)
    await world.sm("put_secret_value", secret_id="app", secret_string="two")


async def read_by_index(world, operation, **asked):
    world.secrets.known._forget("*")
    with statements(world) as said:
        await world.sm(operation, **asked)

    assert said
    assert await scans(world, said) == []


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_secret_is_read_and_written_by_index(world, operation):
    async with world:
        await filled(world)
        named = {} if operation in OF_NONE else {"secret_id": "app"}

        await read_by_index(world, operation, **named, **OPERATIONS[operation])


@pytest.mark.parametrize("asked", LISTINGS, ids=str)
async def test_a_listing_is_read_by_index(world, asked):
    async with world:
        await filled(world)

        await read_by_index(world, "list_secrets", **asked)


async def test_a_page_at_depth_is_read_by_index(world):
    async with world:
        for number in range(3):
            await world.sm("create_secret", name=f"app-{number}", secret_string="one")
        first = await world.sm("list_secrets", max_results=1)

        await read_by_index(world, "list_secrets", max_results=1, next_token=first["NextToken"])
