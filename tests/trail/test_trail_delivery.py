"""CloudTrail's files: every record in one of them, one chain of digests for all nodes, whatever is killed and whenever."""

import asyncio
import json
import os
import shutil
from itertools import cycle

import pytest

from keystead.database.engine import Database
from keystead.trail import delivered
from keystead.trail.bucket import BucketLost, ObjectDiffers
from keystead.trail.delivered import DigestKey
from keystead.trail.digests import YEAR
from keystead.trail.log_files import AnotherBucket
from keystead.trail.retention import retire
from keystead.trail.segments import Reader

from .delivery import ACCOUNT, HOUR, NOW, OTHER, REGION, Fate, Found, Killed, stage


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """An SQLite file with the schema."""
    path = tmp_path_factory.mktemp("schema") / "keystead.db"

    async def make():
        database = Database.open(f"sqlite:///{path}")
        await database.migrate()
        await database.close()

    asyncio.run(make())
    return path


@pytest.fixture
def quick(tmp_path, migrated):
    """The arguments of a stage over SQLite."""
    return {"url": f"sqlite:///{tmp_path / 'keystead.db'}", "root": tmp_path, "migrated": migrated}


def recorded(*nodes):
    """eventIDs, of what is in the logs of these nodes."""
    found = []
    for node in nodes:
        reader = Reader(node.folder)
        found += [json.loads(record.event)["eventID"] for record in reader.after(-1, 100_000)]
        reader.close()
    return found


async def test_every_record_is_in_one_file_and_every_file_in_one_digest(url, tmp_path):
    async with stage(url, tmp_path) as house:
        await house.node.record(3)
        await house.node.record(2, OTHER)
        await house.node.record(1, region="us-east-1")
        await house.node.deliver()
        house.now += HOUR
        await house.node.record(4)
        await house.node.deliver()
        house.now += HOUR
        await house.node.deliver()

        found = Found(tmp_path)

        assert found.events() == dict.fromkeys(recorded(house.node), 1)
        digests = found.check_chain(await house.keys())
        assert [len(digest["logFiles"]) for digest in digests] == [1, 1]
        for account, region in ((ACCOUNT, REGION), (OTHER, REGION), (ACCOUNT, "us-east-1")):
            found.check_chain(await house.keys(), account, region)
            found.check_listed(account, region)


async def test_a_log_file_holds_the_records_as_they_lie_in_the_log(quick):
    async with stage(**quick) as house:
        await house.node.record(2)
        await house.node.deliver()
        reader = Reader(house.node.folder)
        events = [record.event for record in reader.after(-1, 10)]
        reader.close()

        ((key, content),) = Found(quick["root"]).contents.items()

        assert content == b'{"Records":[' + b",".join(events) + b"]}"
        assert key.startswith(
            f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2025/06/15/{ACCOUNT}_CloudTrail_{REGION}_20250615T1506Z_"
        )


async def test_hours_without_events_have_digests_too(quick):
    async with stage(**quick) as house:
        await house.node.record(1)
        for _ in range(5):
            await house.node.deliver()
            house.now += HOUR

        digests = Found(quick["root"]).check_chain(await house.keys())

        assert [len(digest["logFiles"]) for digest in digests] == [1, 0, 0, 0]
        assert digests[1]["newestEventTime"] is None
        assert digests[0]["previousDigestS3Object"] is None


async def test_a_digest_covers_all_the_time_that_nobody_was_there(quick):
    async with stage(**quick) as house:
        await house.node.record(1)
        await house.node.deliver()
        house.now += HOUR
        await house.node.deliver()
        house.now += 100 * HOUR
        await house.node.deliver()

        digests = Found(quick["root"]).check_chain(await house.keys())

        assert len(digests) == 2
        assert digests[1]["digestStartTime"] == digests[0]["digestEndTime"]


async def test_a_digest_says_where_each_log_stood(quick):
    async with stage(**quick) as house:
        await house.node.record(5)
        await house.node.deliver()
        house.now += HOUR
        await house.node.deliver()
        root = house.node.recorder._log.root.hex()

        (digest,) = Found(quick["root"]).check_chain(await house.keys())

        assert digest["keysteadLogs"] == [
            {"node": "node0", "origin": "keystead.invalid/an-id/node0", "size": 5, "root": root}
        ]
        assert digest["logFiles"][0]["keysteadRecords"] == {"node": "node0", "first": 0, "last": 4, "events": 5}


async def test_the_files_of_several_nodes_make_one_chain(url, tmp_path):
    async with stage(url, tmp_path, nodes=("node0", "node1", "node2")) as house:
        for _ in range(3):
            for node in house.nodes:
                await node.record(2)
                await node.log_files.deliver()
            house.now += HOUR
            for node in reversed(house.nodes):
                await node.digests.deliver()

        found = Found(tmp_path)

        assert found.events() == dict.fromkeys(recorded(*house.nodes), 1)
        digests = found.check_chain(await house.keys())
        found.check_listed()
        assert [len(digest["logFiles"]) for digest in digests] == [3, 3, 3]
        assert [log["node"] for log in digests[-1]["keysteadLogs"]] == ["node0", "node1", "node2"]


async def test_a_node_with_a_bucket_of_its_own_delivers_nothing_and_loses_nothing(quick, tmp_path):
    async with stage(**quick, nodes=("node0", "node1")) as house:
        await house.nodes[0].record(1)
        await house.nodes[0].deliver()
        await house.nodes[1].record(1)
        elsewhere, house.bucket._root = house.bucket._root, tmp_path / "elsewhere"
        with pytest.raises(AnotherBucket):
            await house.nodes[1].log_files.deliver()
        async with house.database.read() as connection:
            errors = {attempt.node: attempt.error for attempt in await delivered.noted(connection)}

        house.bucket._root = elsewhere
        await house.nodes[1].log_files.deliver()

        assert errors == {"node0": None, "node1": "AnotherBucket"}
        assert Found(tmp_path).events() == dict.fromkeys(recorded(*house.nodes), 1)
        assert not list((tmp_path / "elsewhere").rglob("*.gz"))


STEP = 1 if os.environ.get("KEYSTEAD_SOAK") else 3
"""Of the points where it may be killed: all, or every third, each kind of them all the same."""


async def scenario(house, moved):
    """Some hours of a node's life; what is killed is started again, and goes on."""
    for number in range(2):
        await house.node.record(2)
        await house.node.record(1, OTHER)
        await until_done(house, moved)
        house.now = NOW + (number + 1) * HOUR
    house.now = NOW + 10 * HOUR
    for _ in range(2):  # the second time for digests of what the first has brought
        await until_done(house, moved)
        house.now += HOUR


async def until_done(house, moved):
    while True:
        try:
            await house.node.deliver()
        except Killed:
            house.node.log_files.close()
            house.node.start()
            house.now += moved
        else:
            return


@pytest.fixture
def unsynced(monkeypatch):
    """A killed process loses nothing that it has written: the disk need not be waited for."""
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, lambda _: None)


@pytest.mark.slow
async def test_killed_at_every_step_it_goes_on_as_though_nothing_had_been(quick, tmp_path, unsynced):
    """With the clock as it was, an hour back, or some minutes later when it starts again."""
    points = 0
    for moved in cycle((0, -HOUR, 400)):
        root = tmp_path / str(points)
        root.mkdir()
        fate = Fate(points)
        async with stage(f"sqlite:///{root / 'keystead.db'}", root, fate, migrated=quick["migrated"]) as house:
            await scenario(house, moved)
            found = Found(root)

            assert found.events() == dict.fromkeys(recorded(house.node), 1), points
            for account in (ACCOUNT, OTHER):
                found.check_chain(await house.keys(), account)
                found.check_listed(account)
        shutil.rmtree(root)
        if fate.left is not None:
            break
        points += STEP
    assert points > 40


async def test_a_clock_that_goes_back_makes_no_second_digest_of_a_time(quick):
    async with stage(**quick) as house:
        await house.node.record(1)
        await house.node.deliver()
        house.now += 3 * HOUR
        await house.node.deliver()
        house.now -= 2 * HOUR
        await house.node.record(1)
        await house.node.deliver()
        house.now += HOUR
        await house.node.deliver()
        before = len(Found(quick["root"]).chain())
        house.now += 3 * HOUR
        await house.node.deliver()

        found = Found(quick["root"])
        assert before == 1
        assert len(found.check_chain(await house.keys())) == 2
        found.check_listed()


async def test_another_content_under_a_name_is_refused_and_told(quick):
    async with stage(**quick) as house:
        await house.node.record(1)
        cut = await house.node.log_files._plan(0, 0)
        (name, part), *_ = house.node.log_files._parts(cut)
        key = house.node.log_files._write_file(cut, *name, part).key
        (quick["root"] / "bucket" / key).write_bytes(b"somebody was here")

        with pytest.raises(ObjectDiffers):
            await house.node.log_files.deliver()

        assert (quick["root"] / "bucket" / key).read_bytes() == b"somebody was here"
        async with house.database.read() as connection:
            assert [attempt.error for attempt in await delivered.noted(connection)] == ["ObjectDiffers"]


async def test_a_bucket_that_is_gone_for_a_while_gets_everything_when_it_is_back(quick, monkeypatch):
    async with stage(**quick) as house:
        await house.node.record(1)

        def lost(*_):
            raise BucketLost("gone")

        with monkeypatch.context() as patched:
            patched.setattr(type(house.bucket), "put", lost)
            for _ in range(3):
                with pytest.raises(BucketLost):
                    await house.node.log_files.deliver()
                house.now += HOUR
        await house.node.deliver()
        house.now += HOUR
        await house.node.deliver()

        found = Found(quick["root"])
        assert found.events() == dict.fromkeys(recorded(house.node), 1)
        found.check_chain(await house.keys())
        found.check_listed()


async def test_a_database_put_back_goes_on_from_what_the_bucket_has(quick):
    """As after a restore: what the bucket has is taken over, and the chain does not fork."""
    async with stage(**quick) as house:
        await house.node.record(1)
        await house.node.deliver()
        house.now += HOUR
        await house.node.deliver()
        kept = {name: list(await rows(house, name)) for name in ("trail_digests",)}
        for _ in range(3):
            house.now += HOUR
            await house.node.deliver()
        await put_back(house, kept)
        house.node.start()
        house.now += HOUR
        for _ in range(2):
            await house.node.deliver()
            house.now += HOUR
        await house.node.deliver()

        digests = Found(quick["root"]).check_chain(await house.keys())
        ends = [digest["digestEndTime"] for digest in digests]
        assert len(ends) == len(set(ends)) >= 6


async def rows(house, name):
    async with house.database.read() as connection:
        return list((await connection.exec_driver_sql(f"SELECT * FROM {name}")).mappings())  # noqa: S608  # names of ours


async def put_back(house, kept):
    async with house.real.write(announced=False) as tx:
        for name, known in kept.items():
            await tx.connection.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608  # likewise
            await tx.execute(delivered.digests.insert(), [dict(row) for row in known])


async def test_what_only_looks_like_a_later_digest_is_passed_over(quick):
    async with stage(**quick) as house:
        await house.node.record(1)
        await house.node.deliver()
        house.now += HOUR
        await house.node.deliver()
        (key, _), *_ = Found(quick["root"]).chain()
        later = house.files.trail.digest_key(ACCOUNT, REGION, NOW + 90 * 60)
        stored = house.bucket.get(key)
        house.bucket.put(later, stored.content, dict(stored.metadata))
        house.now += HOUR
        await house.node.deliver()

        ends = [
            digest["digestS3Object"] for key, digest in Found(quick["root"]).chain() if key == digest["digestS3Object"]
        ]

        assert len(ends) == 2
        assert (quick["root"] / "bucket" / later).exists()


async def test_the_key_of_digests_is_renewed_and_the_old_one_still_told(quick):
    async with stage(**quick) as house:
        await house.node.record(1)
        await house.node.deliver()
        house.now += HOUR
        await house.node.deliver()
        house.now += YEAR
        await house.node.deliver()

        keys = await house.keys()
        digests = Found(quick["root"]).check_chain(keys)
        assert [type(key) for key in keys] == [DigestKey, DigestKey]
        assert [digest["digestPublicKeyFingerprint"] for digest in digests] == [key.fingerprint for key in keys]


async def test_a_record_that_is_of_nowhere_stops_nothing(quick):
    async with stage(**quick) as house:
        await house.node.recorder.record(
            b'{"eventTime":"2025-01-01T00:00:00Z","awsRegion":"../..","recipientAccountId":"1"}'
        )
        await house.node.recorder.record(b"not JSON at all")
        await house.node.record(1)

        await house.node.deliver()

        assert sum(Found(quick["root"]).events().values()) == 1


async def test_what_has_been_kept_long_enough_goes_and_the_chain_goes_on(quick):
    async with stage(**quick) as house:
        for _ in range(6):
            await house.node.record(1)
            await house.node.deliver()
            house.now += HOUR
        await house.node.deliver()
        before = Found(quick["root"])

        gone = await retire(house.database, house.files, "node0", house.now - 3 * HOUR)
        again = await retire(house.database, house.files, "node0", house.now - 3 * HOUR)
        await house.node.record(1)
        await house.node.deliver()
        house.now += HOUR
        await house.node.deliver()

        after = Found(quick["root"])
        assert (gone > 4, again) == (True, 0)
        assert len(after.chain()) < len(before.chain())
        assert after.chain()[-1][1]["previousDigestS3Object"] == after.chain()[-2][0]
        kept = {file["s3Object"] for _, digest in after.chain() for file in digest["logFiles"]}
        assert kept >= set(after.logs)


async def test_the_newest_digest_and_what_no_digest_lists_stay(quick):
    async with stage(**quick) as house:
        await house.node.record(1)
        await house.node.deliver()
        house.now += HOUR
        await house.node.record(1)
        await house.node.deliver()

        await retire(house.database, house.files, "node0", house.now + 100 * HOUR)

        found = Found(quick["root"])
        assert len(found.chain()) == 1
        assert len(found.logs) == 1
