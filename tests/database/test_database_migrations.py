"""The migrated schema is what the rooms declare: nobody forgot a migration, and nobody wrote one too many."""

import importlib
import importlib.util

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from keystead.database import schema
from keystead.database.engine import metadata
from keystead.database.migrate import configured

STORES = (
    "keystead.identities.store",
    "keystead.keys.store",
    "keystead.secrets.store",
    "keystead.parameters.store",
    "keystead.rotation.store",
    "keystead.trail.store",
    "keystead.trail.outbox",
    "keystead.trail.delivered",
    "keystead.explain.store",
    "keystead.stores.store",
)


def written(name):
    return importlib.util.find_spec(name) is not None


async def test_the_migrated_schema_is_the_declared_one(opened):
    for name in filter(written, STORES):
        importlib.import_module(name)
    async with opened() as database, database.read() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True, "compare_server_default": True}), metadata
            )
        )

    of_rooms_not_written = [name for name in STORES if not written(name)]
    if of_rooms_not_written:
        differences = [found for found in differences if not str(found[0]).startswith("remove")]
    assert differences == []


@pytest.mark.parametrize("name", STORES)
def test_every_store_is_written(name):
    assert written(name)


def test_migrations_are_one_line_of_numbers():
    script = ScriptDirectory.from_config(configured(None))

    revisions = [revision.revision for revision in script.walk_revisions()]

    assert revisions == sorted(revisions, reverse=True)
    assert revisions[-1] == "0001"
    assert [script.get_revision(later).down_revision for later in revisions[:-1]] == revisions[1:]


def test_the_newest_version_is_told_without_alembic():
    assert schema.newest() == ScriptDirectory.from_config(configured(None)).get_current_head()


async def test_a_schema_of_an_older_version_is_not_the_newest(opened):
    async with opened() as database:
        async with database.read() as connection:
            assert await connection.run_sync(schema.is_newest)

        async with database.write(announced=False) as tx:
            await tx.execute(text("UPDATE alembic_version SET version_num = '0001'"))

        async with database.read() as connection:
            assert not await connection.run_sync(schema.is_newest)


async def test_every_name_is_given_so_that_migrations_can_speak_of_it(opened):
    async with opened() as database, database.read() as connection:

        def unnamed(sync):
            found = inspect(sync)
            return [
                (table, constraint)
                for table in found.get_table_names()
                if table != "alembic_version"
                for constraint in (*found.get_foreign_keys(table), *found.get_unique_constraints(table))
                if not constraint["name"]
            ]

        assert await connection.run_sync(unnamed) == []
