"""However many secrets there are, and however many versions each has: whatever is read is read by index."""

import sqlite3
from contextlib import closing, contextmanager

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
def statements(world, *more):
    """What is read and written inside the block: (statement, parameters) of each."""
    said = []
    engines = {world.database._backend.reader.sync_engine, world.database._backend.writer.sync_engine}

    def said_so(connection, cursor, statement, parameters, context, executemany):
        if statement.startswith(("SELECT", "UPDATE", "DELETE", *more)):
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


COPIED = {
    #  table             of which secret   columns that each copy has of its own
    "secrets":         ("id",        {"id": "new", "name": "'copy/' || new", "created_at": "created_at + new * 1e-6"}),
    "secret_versions": ("secret_id", {"secret_id": "new"}),
    "secret_labels":   ("secret_id", {"secret_id": "new"}),
    "secret_tags":     ("secret_id", {"secret_id": "new"}),
    "secret_words":    ("secret_id", {"secret_id": "new"}),
}  # fmt: skip  # a table
GROWN = {
    #  what                         operation                       what is asked; SECRET is one that nobody has changed yet
    "a page":                      ("list_secrets",                {"max_results": 5}),
    "a page by name":              ("list_secrets",                {"max_results": 5, "sort_by": "name", "sort_order": "desc"}),
    "a page by last access":       ("list_secrets",                {"max_results": 5, "sort_by": "last-accessed-date"}),
    "a page by last change":       ("list_secrets",                {"max_results": 5, "sort_by": "last-changed-date"}),
    "a page of names":             ("list_secrets",                {"filters": [{"Key": "name", "Values": ["app/"]}]}),
    "what none has":               ("list_secrets",                {"filters": [{"Key": "description", "Values": ["no"]}]}),
    "a value":                     ("get_secret_value",            {"secret_id": "SECRET"}),
    "versions":                    ("list_secret_version_ids",     {"secret_id": "SECRET", "include_deprecated": True}),
    "PutSecretValue":              ("put_secret_value",            {"secret_id": "SECRET", "secret_string": "x"}),
    "UpdateSecret":                ("update_secret",               {"secret_id": "SECRET", "description": "other words"}),
    "TagResource":                 ("tag_resource",                {"secret_id": "SECRET", "tags": [{"Key": "n", "Value": "1"}]}),
    "UntagResource":               ("untag_resource",              {"secret_id": "SECRET", "tag_keys": ["team"]}),
    "ReplicateSecretToRegions":    ("replicate_secret_to_regions", {"secret_id": "SECRET", "add_replica_regions": [{"Region": "eu-west-1"}]}),
    "CreateSecret":                ("create_secret",               {"name": "SECRET/new", "secret_string": "x"}),
    "DeleteSecret":                ("delete_secret",               {"secret_id": "SECRET", "force_delete_without_recovery": True}),
}  # fmt: skip  # a table


def grow(file, count):
    """So many copies of the first secret, with all that belongs to it."""
    with closing(sqlite3.connect(file)) as database, database:
        (last,) = database.execute("SELECT max(id) FROM secrets").fetchone()
        numbers = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i + ? AS new FROM n"
        )
        database.execute(f"CREATE TEMP TABLE copies AS {numbers}", (count, last))
        for table, (which, own) in COPIED.items():
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            chosen = ", ".join(own.get(column, f'"{column}"') for column in columns)
            of_first = f"SELECT * FROM {table} WHERE {which} = 1"  # noqa: S608  # names from above
            database.execute(f"INSERT INTO {table} SELECT {chosen} FROM ({of_first}), copies")  # noqa: S608  # likewise


def steps(file, said):
    """Of SQLite's virtual machine, for these statements once more; nothing is kept. They do not depend on what else the machine does."""
    taken = 0

    def tick():
        nonlocal taken
        taken += 1

    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("BEGIN")
        database.set_progress_handler(tick, 1)
        for statement, parameters in said:
            database.execute(statement, parameters).fetchall()
        database.set_progress_handler(None, 1)
        database.execute("ROLLBACK")
    return taken


@pytest.mark.slow
async def test_with_more_secrets_no_operation_takes_more_steps(world):
    """Each is asked with some, and with fifty times as many."""
    async with world:
        tags = [{"Key": "team", "Value": "blue"}]
        for number in range(2 * len(GROWN)):
            asked = {"description": "some text", "tags": tags}
            await world.sm("create_secret", name=f"app/{number}", secret_string="one", **asked)
        found = []
        for count, first in ((40, 0), (2_000, len(GROWN))):
            grow(world.folder / "keystead.db", count)
            found.append(await measured(world, first))

        few, many = found
        assert {name: (few[name], many[name]) for name in few if many[name] > 1.1 * few[name]} == {}


async def measured(world, first):
    taken = {}
    copy = world.folder / "copy.db"
    for number, (name, (operation, asked)) in enumerate(GROWN.items(), first):
        named = {
            key: value.replace("SECRET", f"app/{number}") if isinstance(value, str) else value
            for key, value in asked.items()
        }
        world.secrets.known._forget("*")
        with closing(sqlite3.connect(world.folder / "keystead.db")) as of, closing(sqlite3.connect(copy)) as to:
            of.backup(to)
        with statements(world, "INSERT") as said:
            await world.sm(operation, **named)
        taken[name] = steps(copy, said)
    return taken
