"""The change feed within a node: what one process writes, every cache forgets before it is believed again."""

import asyncio
import math
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from keystead.database import feed as feeds
from keystead.database.cache import Cache
from keystead.database.counter import ChangeCounter
from keystead.database.engine import Database
from keystead.database.feed import EVERYTHING, Feed
from keystead.database.tables import changes


class Process:
    """One process of a node: its database, feed, and what its cache was told to forget."""

    def __init__(self, opened, path, slot):
        self.counter = ChangeCounter(path, slot=slot)
        self.opened = opened(counter=self.counter)
        self.feed = Feed(self.opened.database, self.counter, lease=math.inf)
        self.forgot = []
        self.feed.on("key", self.forgot.append)

    async def __aenter__(self):
        self.database = await self.opened.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self.opened.__aexit__(*error)
        self.counter.close()

    async def write(self, *ids, kind="key"):
        async with self.database.write() as tx:
            for changed in ids:
                tx.changed(kind, changed)


@pytest.fixture
def process(opened, tmp_path):
    return lambda slot: Process(opened, tmp_path / "changes", slot)


async def test_a_process_forgets_its_own_writes_before_it_goes_on(process):
    async with process(0) as one:
        await one.write("a", "b")

        assert one.forgot == ["a", "b"]


async def test_another_process_forgets_when_it_catches_up(process):
    async with process(0) as one, process(1) as other:
        await other.feed.catch_up()
        other.forgot.clear()
        assert other.feed.current()

        await one.write("a")

        assert not other.feed.current()
        await other.feed.catch_up()
        assert other.forgot == ["a"]
        assert other.feed.current()


async def test_the_first_look_forgets_everything(process):
    async with process(0) as one:
        assert not one.feed.current()

        await one.feed.catch_up()

        assert one.forgot == [EVERYTHING]


async def test_other_kinds_are_not_told(process):
    async with process(0) as one:
        await one.write("a", kind="alias")

        assert one.forgot == []


async def test_nothing_is_read_while_nothing_has_changed(process):
    async with process(0) as one:
        await one.feed.catch_up()
        one.forgot.clear()
        await one.database.close()  # reading would open it again, and show

        await one.feed.catch_up()

        assert one.forgot == []
        assert one.database._backend.reader.pool.checkedin() == 0


async def test_a_process_that_starts_makes_the_others_look(process):
    async with process(0) as one:
        await one.feed.catch_up()

        async with process(1):
            assert not one.feed.current()


async def test_after_too_many_changes_everything_is_forgotten(process, monkeypatch):
    monkeypatch.setattr(feeds, "TOO_MANY", 3)
    async with process(0) as one, process(1) as other:
        await other.feed.catch_up()
        other.forgot.clear()

        await one.write("a", "b", "c", "d")
        await other.feed.catch_up()
        await one.write("e")
        await other.feed.catch_up()

        assert other.forgot == [EVERYTHING, "e"]


async def test_who_is_behind_what_was_pruned_forgets_everything(process, monkeypatch):
    monkeypatch.setattr(feeds, "TOO_MANY", 3)
    monkeypatch.setattr(feeds, "KEPT", 5)
    async with process(0) as one, process(1) as other:
        await other.feed.catch_up()
        other.forgot.clear()
        await one.write(*(f"k{number}" for number in range(9)))

        await feeds.prune(one.database)
        await other.feed.catch_up()

        async with one.database.read() as connection:
            kept = (await connection.execute(select(changes.c.id).order_by(changes.c.seq))).scalars().all()
        assert kept == [f"k{number}" for number in range(4, 9)]
        assert other.forgot == [EVERYTHING]


async def test_calls_that_arrive_together_all_wait_for_the_same_news(process):
    async with process(0) as one, process(1) as other:
        await other.feed.catch_up()
        other.forgot.clear()
        await one.write("a")

        async def call():
            await other.feed.catch_up()
            return list(other.forgot)

        assert await asyncio.gather(*(call() for _ in range(5))) == [["a"]] * 5


async def test_a_feed_without_a_counter_knows_its_own_writes(opened):
    async with opened() as database:
        feed = Feed(database, lease=math.inf)
        forgot = []
        feed.on("key", forgot.append)

        async with database.write() as tx:
            tx.changed("key", "a")

        assert feed.current()
        assert forgot == ["a"]


async def test_what_was_overtaken_while_it_loaded_is_not_kept(process):
    async with process(0) as one:
        cache = Cache(one.feed, 10)
        one.feed.on("key", cache.evict)

        async def load():
            await one.write("a")  # somebody writes after we have read
            return "old"

        assert await cache.load("a", load) == "old"
        assert cache.get("a") is None


async def test_what_was_not_overtaken_is_kept_until_it_changes(process):
    async with process(0) as one:
        cache = Cache(one.feed, 10)
        one.feed.on("key", cache.evict)

        async def load():
            return "value"

        await cache.load("a", load)
        assert cache.get("a") == "value"
        await one.write("a")
        assert cache.get("a") is None


async def test_a_cache_is_bounded_and_drops_what_came_first(process):
    async with process(0) as one:
        cache = Cache(one.feed, 2)

        for number in (1, 2, 3):
            cache.keep(number, str(number), one.feed.generation)

        assert [cache.get(number) for number in (1, 2, 3)] == [None, "2", "3"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(0, 1), st.sampled_from("ab")),
            st.tuples(st.just("read"), st.integers(0, 1), st.sampled_from("ab")),
        ),
        max_size=12,
    )
)
def test_a_cached_value_is_never_older_than_the_last_write_that_returned(opened, tmp_path_factory, steps):
    """Two processes, two keys: the truth is kept beside, and every read through a cache must be equal to it."""

    async def follow():
        truth = {"a": 0, "b": 0}
        path = tmp_path_factory.mktemp("node") / "changes"
        async with Process(opened, path, 0) as one, Process(opened, path, 1) as other:
            both = []
            for process in (one, other):
                cache = Cache(process.feed, 10)
                process.feed.on(
                    "key", lambda changed, cache=cache: cache.clear() if changed == EVERYTHING else cache.evict(changed)
                )
                both.append((process, cache))
            for step, which, key in steps:
                process, cache = both[which]
                if step == "write":
                    truth[key] += 1
                    await process.write(key)
                    continue
                if not process.feed.current():
                    await process.feed.catch_up()

                async def load(key=key):
                    await asyncio.sleep(0)
                    return [truth[key]]

                assert await cache.load(key, load) == [truth[key]]

    asyncio.run(follow())


async def test_a_database_of_one_node_has_no_lease(tmp_path):
    database = Database.open(f"sqlite:///{tmp_path / 'keystead.db'}")
    feed = Feed(database, lease=0.001)

    await feed.start()

    assert feed.current()
    await feed.close()
    await database.close()


def test_the_counter_is_what_the_drawing_says(tmp_path):
    counter = ChangeCounter(tmp_path / "changes", slot=2, slots=4)
    counter.bump()

    assert struct.unpack("=4Q", counter.state()) == (0, 0, 2, 0)
    assert (tmp_path / "changes").stat().st_mode & 0o777 == 0o600
    counter.close()


def test_a_slot_wraps_around(tmp_path):
    (tmp_path / "changes").write_bytes(b"\xff" * 8)

    counter = ChangeCounter(tmp_path / "changes", slot=0, slots=1)

    assert counter.state() == bytes(8)
    counter.close()


def test_a_slot_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="slot"):
        ChangeCounter(tmp_path / "changes", slot=4, slots=4)
