"""The index: every record once, whatever is killed between which steps, and nothing that the log does not say."""

import asyncio
import gc
import itertools
import json
import signal
import subprocess
import sys
from collections import Counter
from contextlib import asynccontextmanager, contextmanager

import pytest
from sqlalchemy import event as sql_events

from keystead.database.engine import Database
from keystead.trail import event as events
from keystead.trail import index as indexing
from keystead.trail import store
from keystead.trail.client import LocalRecorder
from keystead.trail.index import Index, IndexAhead
from keystead.trail.notes import Notes
from keystead.trail.segments import Reader
from keystead.trail.terms import term

from .contents import contents

ACCOUNT, OWNER = "111122223333", "444455556666"
NOW = 1_750_000_000
DAY = 86400
ARN = "arn:aws:kms:us-east-1:{account}:key/{key}"


def made(number, *, account=ACCOUNT, name="Encrypt", key="k", error=None, at=None, recipient=None, **named):
    notes = Notes()
    notes.resource(account, "AWS::KMS::Key", ARN.format(account=account, key=key))
    return events.event(
        request_id=f"r{number}",
        at=NOW + number if at is None else at,
        source="kms.amazonaws.com",
        name=name,
        region="us-east-1",
        identity={"type": "IAMUser", "accountId": ACCOUNT, "userName": "alice", "accessKeyId": "AKIA"},
        invoked_by=None,
        source_ip="192.0.2.1",
        user_agent="boto3",
        error=error,
        parameters={"keyId": key},
        response=None,
        notes=notes,
        read_only=True,
        recipient_account=recipient or ACCOUNT,
        tls=None,
        shared_id=None,
        **named,
    )


class Stage:
    """A log, a database, and what was learned of the use of keys."""

    def __init__(self, database, folder):
        self.database = database
        self.folder = folder
        self.recorder = LocalRecorder(folder)
        self.reader = Reader(folder)
        self.uses = []
        self.index = self.new_index()

    def new_index(self, **named):
        return Index(self.database, self.folder, usage=self.learn, **named)

    async def learn(self, tx, used):
        self.uses += used

    async def record(self, *made_events):
        await asyncio.gather(*(self.recorder.record(event) for event in made_events))

    async def rows(self):
        async with self.database.read() as connection:
            return await contents(connection)

    def logged(self):
        return [record.event.decode() for record in self.reader.after(-1, 100_000)]


@asynccontextmanager
async def staged(url, folder):
    database = Database.open(url)
    await database.migrate()
    stage = Stage(database, folder)
    try:
        yield stage
    finally:
        await stage.recorder.close()
        await database.close()


async def test_every_record_is_indexed_as_it_lies_in_the_log(url, folder):
    async with staged(url, folder) as stage:
        await stage.record(*(made(number) for number in range(10)))

        await stage.index.follow()

        assert [row.record for row in await stage.rows()] == stage.logged()


async def test_postings_lead_to_a_record_by_all_that_it_says(url, folder):
    async with staged(url, folder) as stage:
        await stage.record(made(5))

        await stage.index.follow()

        (row,) = await stage.rows()
        pairs = [
            ("", ""),
            ("EventName", "Encrypt"),
            ("EventSource", "kms.amazonaws.com"),
            ("Username", "alice"),
            ("AccessKeyId", "AKIA"),
            ("ReadOnly", "true"),
            ("ResourceName", ARN.format(account=ACCOUNT, key="k")),
            ("ResourceType", "AWS::KMS::Key"),
            ("RequestId", "r5"),
        ]
        assert row.terms == tuple(sorted(term(ACCOUNT, "us-east-1", pair) for pair in pairs))


async def test_following_again_goes_on_where_it_stopped(url, folder, monkeypatch):
    monkeypatch.setattr(indexing, "BATCH", 3)
    async with staged(url, folder) as stage:
        await stage.record(*(made(number) for number in range(7)))
        await stage.index.follow()
        await stage.record(*(made(number) for number in range(7, 15)))

        await stage.new_index().follow()
        await stage.index.follow()

        assert [row.record for row in await stage.rows()] == stage.logged()


class Stopped(Exception):
    """In the middle of things."""


@contextmanager
def stopped_at(database, statement):
    """Whatever writes to the database ends at its statement of that number, counted from 0."""
    numbers = itertools.count()

    def stop(*_):
        if next(numbers) == statement:
            raise Stopped

    engine = database._backend.writer.sync_engine
    sql_events.listen(engine, "before_cursor_execute", stop)
    try:
        yield
    finally:
        sql_events.remove(engine, "before_cursor_execute", stop)


async def stops(stage, statement):
    try:
        with stopped_at(stage.database, statement):
            await stage.new_index().follow()
    except Stopped:
        return True
    return False


async def test_nothing_is_lost_or_doubled_wherever_it_fails(url, folder, monkeypatch):
    """At each of its statements in turn, and then run again from the start."""
    monkeypatch.setattr(indexing, "BATCH", 4)
    async with staged(url, folder) as stage:
        await stage.record(*(made(number) for number in range(10)))
        statement = 0
        while await stops(stage, statement):
            statement += 1

        assert statement > 6
        assert [row.record for row in await stage.rows()] == stage.logged()


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from sqlalchemy import event
from keystead.database.engine import Database
from keystead.trail import index

async def main(url, folder, statement):
    index.BATCH = 5
    database = Database.open(url)
    left = [statement]

    def die(*_):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for moment in ("before_cursor_execute", "commit"):
        event.listen(database._backend.writer.sync_engine, moment, die)
    await index.Index(database, Path(folder)).follow()
    await database.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.mark.slow
@pytest.mark.timeout(300)  # a process for each statement
async def test_nothing_is_lost_or_doubled_wherever_it_is_killed(url, folder):
    """kill -9 before each statement and each commit in turn, and then run again."""
    async with staged(url, folder) as stage:
        await stage.record(*(made(number) for number in range(10)))
        killed = []
        for statement in itertools.count():
            command = [sys.executable, "-c", KILLED, url, str(folder), str(statement)]
            status = await asyncio.to_thread(lambda: subprocess.run(command, check=False).returncode)  # noqa: B023  # awaited
            if status == 0:
                break
            killed.append(status)

        assert killed == [-signal.SIGKILL] * len(killed)
        assert len(killed) > 8
        assert [row.record for row in await stage.rows()] == stage.logged()


@pytest.mark.slow
async def test_it_can_be_cancelled_and_run_again(url, folder, monkeypatch):
    monkeypatch.setattr(indexing, "BATCH", 4)
    async with staged(url, folder) as stage:
        await stage.record(*(made(number) for number in range(10)))
        for turns in range(0, 40, 4):
            task = asyncio.create_task(stage.new_index().follow())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            del task
            await asyncio.sleep(0.01)
            gc.collect()  # sqlite3 holds the lock of a connection closed in mid-statement until its cursor is collected

        await stage.new_index().follow()

        assert [row.record for row in await stage.rows()] == stage.logged()


async def test_two_that_follow_one_log_at_once_index_each_record_once(url, folder, monkeypatch):
    monkeypatch.setattr(indexing, "BATCH", 2)
    async with staged(url, folder) as stage:
        await stage.record(*(made(number) for number in range(30)))

        await asyncio.gather(*(stage.new_index().follow() for _ in range(4)))

        assert [row.record for row in await stage.rows()] == stage.logged()


async def test_when_usage_cannot_be_kept_nothing_is_indexed(url, folder):
    async def fail(tx, used):
        raise LookupError

    async with staged(url, folder) as stage:
        await stage.record(made(1))

        with pytest.raises(LookupError):
            await Index(stage.database, folder, usage=fail).follow()

        assert await stage.rows() == []


async def test_the_index_is_made_again_from_the_log_alone(url, folder):
    async with staged(url, folder) as stage:
        await stage.record(*(made(number) for number in range(5)))
        await stage.index.follow()
        before = await stage.rows()
        async with stage.database.write("damage", announced=False) as tx:
            await tx.execute(store.postings.delete())

        await stage.index.rebuild()

        assert await stage.rows() == before


async def test_nodes_share_a_database_and_each_follows_its_own_log(url, tmp_path):
    (tmp_path / "a").mkdir()
    async with staged(url, tmp_path / "a" / "trail") as stage:
        other = LocalRecorder(tmp_path / "b")
        await stage.record(*(made(number) for number in range(3)))
        for number in range(3, 7):
            await other.record(made(number))

        await stage.new_index(node="a").follow()
        await Index(stage.database, tmp_path / "b", node="b").follow()

        rows = await stage.rows()
        assert Counter(row.node for row in rows) == {"a": 3, "b": 4}
        await other.close()


async def test_a_successful_use_of_a_key_is_told_once_and_the_newest_of_a_batch(url, folder):
    async with staged(url, folder) as stage:
        await stage.record(made(1, key="a"))
        await stage.record(made(2, key="a", name="Decrypt"))
        await stage.record(made(3, key="b"))

        await stage.index.follow()

        told = [(used.key_arn, used.operation, used.at, used.request_id) for used in stage.uses]
        assert told == [
            (ARN.format(account=ACCOUNT, key="a"), "Decrypt", NOW + 2, "r2"),
            (ARN.format(account=ACCOUNT, key="b"), "Encrypt", NOW + 3, "r3"),
        ]


@pytest.mark.parametrize("named", [{"error": ("DisabledException", None)}, {"name": "DescribeKey"}])
async def test_what_fails_or_only_looks_is_no_use_of_a_key(url, folder, named):
    async with staged(url, folder) as stage:
        await stage.record(made(1, **named))

        await stage.index.follow()

        assert stage.uses == []


async def test_a_use_across_accounts_counts_in_the_log_of_the_keys_owner(url, folder):
    async with staged(url, folder) as stage:
        own, owners = made(1, account=OWNER), made(1, account=OWNER, recipient=OWNER)
        await stage.record(own, owners)

        await stage.index.follow()

        assert [used.event_id for used in stage.uses] == [json.loads(owners)["eventID"]]


async def test_an_event_of_the_service_that_is_in_the_log_twice_is_indexed_once(url, folder):
    class Rotated:
        account, region, key_id, key_arn, material_id = ACCOUNT, "us-east-1", "k", "arn", "m"

    async with staged(url, folder) as stage:
        twice = events.service_event("RotateKey", Rotated, at=NOW)
        await stage.record(twice, twice, made(1))
        await stage.index.follow()
        await stage.record(twice, made(2))

        await stage.index.follow()

        assert Counter(row.seen.event_name for row in await stage.rows()) == {"RotateKey": 1, "Encrypt": 2}


async def test_what_is_no_record_is_passed_over(url, folder):
    async with staged(url, folder) as stage:
        await stage.record(b"not JSON", b'{"eventName": "X"}', b"\xff", made(1))

        await stage.index.follow()

        assert [row.seen.event_name for row in await stage.rows()] == ["Encrypt"]


@pytest.mark.parametrize("name", ["a\0b", "x" * 2001, "\U0001f511" * 600])
async def test_a_name_that_no_database_would_index_does_not_stop_the_index(url, folder, name):
    async with staged(url, folder) as stage:
        await stage.record(made(1, key=name), made(2))

        await stage.index.follow()

        assert len(await stage.rows()) == 2


async def test_an_index_that_knows_more_than_the_log_is_reported(url, tmp_path):
    async with staged(url, tmp_path / "one") as stage:
        await stage.record(made(1), made(2))
        await stage.index.follow()
        shorter = LocalRecorder(tmp_path / "two")
        await shorter.record(made(1))

        with pytest.raises(IndexAhead):
            await Index(stage.database, tmp_path / "two").follow()

        await shorter.close()


async def test_blocks_older_than_ninety_days_are_pruned_with_their_postings(url, folder, monkeypatch):
    monkeypatch.setattr(indexing, "BATCH", 3)
    monkeypatch.setattr(indexing, "AT_ONCE", 2)
    async with staged(url, folder) as stage:
        old = [made(number, at=NOW - 91 * DAY + number, key=f"k{number}") for number in range(8)]
        await stage.record(*old)
        await stage.index.follow()
        await stage.record(*(made(number) for number in range(2)))
        await stage.index.follow()

        await stage.index.prune(NOW)

        assert [row.seen.at for row in await stage.rows()] == [NOW, NOW + 1]
        await stage.index.follow()
        assert len(await stage.rows()) == 2
