"""What every engine promises, whichever it is. A further engine is finished when this file passes for its URL."""

import asyncio
import sqlite3
import sys
import textwrap
import uuid
from dataclasses import dataclass

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from keystead.database import sealed_keys, sqlite
from keystead.database.counter import ChangeCounter
from keystead.database.engine import Database
from keystead.database.errors import DatabaseLost, Unannounced
from keystead.database.feed import EVERYTHING, Feed
from keystead.database.tables import changes
from keystead.database.tables import sealed_keys as table


@dataclass
class Key:
    version: int = 1
    id: str = ""
    purpose: str = "domain"
    blob: bytes = b"sealed"

    def __post_init__(self):
        self.id = self.id or str(uuid.uuid4())


async def count(connection):
    return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_a_written_row_is_read_back(opened):
    async with opened() as database:
        key = Key()
        async with database.write("call") as tx:
            await sealed_keys.add(tx, key)

        async with database.read() as connection:
            found = await sealed_keys.load(connection)

        assert found == ((key.id, "domain", 1, b"sealed"),)
        assert "sealed" not in repr(found[0]).replace("SealedRow", "")


async def test_a_write_that_fails_leaves_nothing(opened):
    async with opened() as database:

        async def fail():
            async with database.write() as tx:
                await sealed_keys.add(tx, Key())
                raise LookupError

        with pytest.raises(LookupError):
            await fail()

        async with database.read() as connection:
            assert await count(connection) == 0
            assert (await connection.execute(select(changes))).all() == []


async def test_a_write_that_names_no_change_is_refused(opened):
    async with opened() as database:
        with pytest.raises(Unannounced):
            async with database.write() as tx:
                await tx.execute(delete(table))


async def test_a_write_that_nobody_caches_needs_no_change(opened):
    async with opened() as database:
        async with database.write(announced=False) as tx:
            await tx.execute(delete(table))

        async with database.read() as connection:
            assert (await connection.execute(select(changes))).all() == []


async def test_a_write_that_only_reads_needs_no_change(opened):
    async with opened() as database, database.write() as tx:
        await tx.execute(select(table))


async def test_a_change_is_kept_with_its_reason_and_time(opened):
    async with opened(clock=lambda: 1_700_000_000.5) as database:
        key = Key()
        async with database.write("the-call") as tx:
            await sealed_keys.add(tx, key)
            tx.changed("sealed_key", key.id)

        async with database.read() as connection:
            (row,) = (await connection.execute(select(changes))).all()

        assert (row.kind, row.id, row.because, row.at) == ("sealed_key", key.id, "the-call", 1_700_000_000.5)


async def test_changes_are_numbered_in_the_order_of_commits(opened):
    async with opened() as database:
        for number in range(5):
            async with database.write(str(number)) as tx:
                tx.changed("key", str(number))

        async with database.read() as connection:
            rows = (await connection.execute(select(changes.c.id).order_by(changes.c.seq))).scalars().all()

        assert rows == ["0", "1", "2", "3", "4"]


async def test_a_number_is_not_used_twice_after_the_newest_change_is_pruned(opened):
    async with opened() as database:
        numbers = []
        for _ in range(2):
            async with database.write() as tx:
                tx.changed("key", "k")
            async with database.write(announced=False) as tx:
                numbers.append((await tx.execute(select(func.max(changes.c.seq)))).scalar_one())
                await tx.execute(delete(changes))

        assert numbers[1] > numbers[0]


async def test_a_reader_sees_one_moment_while_a_writer_commits(opened):
    async with opened() as database, database.read() as connection:
        before = await count(connection)
        async with database.write() as tx:
            await sealed_keys.add(tx, Key())

        assert await count(connection) == before
        async with database.read() as later:
            assert await count(later) == before + 1


async def test_a_reader_cannot_write(opened):
    async with opened() as database, database.read() as connection:
        with pytest.raises(DBAPIError):
            await connection.execute(delete(table))


async def test_a_version_that_is_taken_is_refused_and_all_rolls_back(opened):
    async with opened() as database:
        async with database.write() as tx:
            await sealed_keys.add(tx, Key())

        async def again():
            async with database.write() as tx:
                await sealed_keys.add(tx, Key(purpose="other"))
                await sealed_keys.add(tx, Key())

        with pytest.raises(sealed_keys.VersionTaken):
            await again()

        async with database.read() as connection:
            assert await count(connection) == 1


async def test_a_row_that_refers_to_nothing_is_refused(opened):
    from keystead.identities.store.tables import access_keys

    async with opened() as database:
        row = {"id": "AKIA", "user_id": "AIDA", "secret_token": b"", "status": "Active", "created_at": 0.0}

        async def orphan():
            async with database.write() as tx:
                await tx.execute(insert(access_keys).values(row))
                tx.changed("identity", EVERYTHING)

        with pytest.raises(IntegrityError):
            await orphan()


async def test_writers_that_read_first_do_not_overtake_each_other(opened):
    """Each adds one to what it read: a transaction that began too late would lose an increment or fail."""
    async with opened() as one, opened() as other:
        async with one.write() as tx:
            await sealed_keys.add(tx, Key(version=0, id="counter"))

        async def increment(database):
            async with database.write() as tx:
                version = (await tx.execute(select(table.c.version))).scalar_one()
                await asyncio.sleep(0)
                await tx.execute(update(table).values(version=version + 1))
                tx.changed("sealed_key", "counter")

        await asyncio.gather(*(increment(database) for database in (one, other) for _ in range(10)))

        async with one.read() as connection:
            assert (await connection.execute(select(table.c.version))).scalar_one() == 20


async def test_processes_write_to_the_same_database(opened, url):
    script = textwrap.dedent(
        """
        import asyncio, sys
        from sqlalchemy import select, update
        from keystead.database.engine import Database
        from keystead.database.tables import sealed_keys as table

        async def main():
            database = Database.open(sys.argv[1])
            for _ in range(20):
                async with database.write() as tx:
                    version = (await tx.execute(select(table.c.version))).scalar_one()
                    await tx.execute(update(table).values(version=version + 1))
                    tx.changed("sealed_key", "counter")
            await database.close()

        asyncio.run(main())
        """
    )
    async with opened() as database:
        async with database.write() as tx:
            await sealed_keys.add(tx, Key(version=0, id="counter"))

        command = (sys.executable, "-W", "error", "-c", script, url)
        started = [await asyncio.create_subprocess_exec(*command) for _ in range(2)]
        ended = [await process.wait() for process in started]

        assert ended == [0, 0]
        async with database.read() as connection:
            assert (await connection.execute(select(table.c.version))).scalar_one() == 40


async def test_a_cancelled_write_is_whole_or_absent_and_never_unannounced(opened, tmp_path):
    """Cancelled at every step it waits at: what was committed was announced, and the next writer is not held up."""
    counter = ChangeCounter(tmp_path / "changes", slot=0)
    async with opened(counter=counter) as database:
        feed = Feed(database, counter)
        seen = []
        feed.on("sealed_key", seen.append)

        async def one(key):
            async with database.write() as tx:
                await sealed_keys.add(tx, key)

        for steps in range(30):
            key = Key(version=steps)
            task = asyncio.create_task(one(key))
            for _ in range(steps):
                await asyncio.sleep(0.0002)
            task.cancel()
            ended = await asyncio.gather(task, return_exceptions=True)
            async with database.read() as connection:
                there = key.id in {row.id for row in await sealed_keys.load(connection)}
            assert there == (key.id in seen)
            assert ended == [None] or isinstance(ended[0], asyncio.CancelledError)

        await asyncio.wait_for(one(Key(version=1000)), 5)
    counter.close()


CRASHING = textwrap.dedent(
    """
    import asyncio, itertools, os, sys
    from keystead.database.engine import Database

    async def main():
        database = Database.open(sys.argv[1])
        for number in itertools.count():
            async with database.write() as tx:
                for part in ("one", "two", "three"):
                    tx.changed(part, str(number))
            os.write(1, b".\\n")

    asyncio.run(main())
    """
)


async def test_a_killed_writer_loses_nothing_acknowledged_leaves_nothing_half_and_holds_nobody_up(opened, url):
    async with opened() as database:
        acknowledged = []
        for milliseconds in (0, 3, 7, 20):
            command = (sys.executable, "-c", CRASHING, url)
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            first = await process.stdout.readline()
            await asyncio.sleep(milliseconds / 1000)
            process.kill()
            rest = (await process.communicate())[0]
            acknowledged.append(len((first + rest).splitlines()))

            async with asyncio.timeout(5), database.write() as tx:
                tx.changed("between", "runs")

        counts = select(changes.c.kind, func.count()).group_by(changes.c.kind)
        async with database.read() as connection:
            found = dict((await connection.execute(counts)).all())
        assert found["one"] == found["two"] == found["three"]
        assert sum(acknowledged) <= found["one"] <= sum(acknowledged) + len(acknowledged)


async def test_text_is_ordered_and_compared_by_its_bytes(opened):
    ids = ["B", "a", "_", "Z", "-", "é", "z", "10", "9", "a b", "ab", "ａ"]
    async with opened() as database:
        async with database.write() as tx:
            for number, identifier in enumerate(ids):
                await sealed_keys.add(tx, Key(number, identifier))

        async with database.read() as connection:
            ordered = (await connection.execute(select(table.c.id).order_by(table.c.id))).scalars().all()
            after = select(table.c.id).where(table.c.id > "Z").order_by(table.c.id)
            rest = (await connection.execute(after)).scalars().all()

        expected = sorted(ids, key=str.encode)
        assert ordered == expected
        assert rest == expected[expected.index("Z") + 1 :]


async def test_an_error_shows_no_value_that_was_to_be_stored(opened):
    async with opened() as database:
        async with database.write() as tx:
            await sealed_keys.add(tx, Key())

        async def again():
            async with database.write() as tx:
                key = Key(blob=b"wrapped-secret")
                row = {name: getattr(key, name) for name in ("id", "purpose", "version", "blob")} | {"created_at": 1.0}
                await tx.execute(insert(table).values(row))

        with pytest.raises(IntegrityError) as raised:
            await again()

        assert "wrapped-secret" not in str(raised.value)
        assert "wrapped-secret" not in repr(raised.value)


async def test_nodes_that_start_together_migrate_once(opened):
    nodes = [opened() for _ in range(4)]

    await asyncio.gather(*(node.database.migrate() for node in nodes))

    async with nodes[0] as database, database.read() as connection:
        assert len((await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).all()) == 1
    for node in nodes[1:]:
        await node.database.close()


async def test_ping_needs_a_database_that_can_be_written(opened):
    async with opened() as database:
        await database.ping()


async def test_migrating_twice_changes_nothing(opened):
    async with opened() as database:
        async with database.write() as tx:
            await sealed_keys.add(tx, Key())

        await database.migrate()

        async with database.read() as connection:
            assert await count(connection) == 1


async def test_an_error_of_the_caller_inside_a_block_is_not_taken_for_a_loss(opened):
    async with opened() as database:

        async def fail():
            async with database.write():
                raise TimeoutError

        with pytest.raises(TimeoutError):
            await fail()


def test_sqlite_keeps_its_file_to_its_owner_and_its_commits_on_disk(tmp_path):
    """Not of the contract: what this engine is set up with."""

    async def facts():
        database = Database.open(f"sqlite+aiosqlite:///{tmp_path / 'k.db'}")
        await database.migrate()
        async with database.write(announced=False) as tx:
            pragmas = [
                (await tx.connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            ]
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        await database.close()
        return pragmas, modes

    pragmas, modes = asyncio.run(facts())

    assert pragmas == ["wal", 2, 1, 10_000]
    assert "k.db-wal" in modes
    assert set(modes.values()) == {0o600}


def test_sqlite_in_memory_is_refused():
    with pytest.raises(ValueError, match="file"):
        Database.open("sqlite+aiosqlite://")


async def test_sqlite_that_another_process_writes_to_for_too_long_is_lost_for_now(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "PRAGMAS", ("PRAGMA busy_timeout = 50", *sqlite.PRAGMAS[1:]))
    path = tmp_path / "k.db"
    database = Database.open(f"sqlite:///{path}")
    await database.migrate()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(DatabaseLost) as raised:
        await database.ping()

    assert raised.value.reason == "SQLITE_BUSY"
    other.close()
    await database.ping()
    await database.close()


async def test_sqlite_on_a_full_disk_is_lost_for_now_and_keeps_what_it_had(tmp_path):
    database = Database.open(f"sqlite:///{tmp_path / 'k.db'}")
    await database.migrate()
    async with database.write() as tx:
        await sealed_keys.add(tx, Key())

    async def too_much():
        async with database.write() as tx:
            await tx.connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite's own way to a full disk
            await sealed_keys.add(tx, Key(2, blob=bytes(1_000_000)))

    with pytest.raises(DatabaseLost) as raised:
        await too_much()

    assert raised.value.reason == "SQLITE_FULL"
    async with database.read() as connection:
        assert await count(connection) == 1
    await database.close()
