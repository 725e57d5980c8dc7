"""The change feed between nodes: what is written on one is forgotten on all within a second, or nothing is answered."""

import asyncio
import time

import asyncpg
import pytest

from keystead.database import feed as feeds
from keystead.database.counter import ChangeCounter
from keystead.database.errors import DatabaseLost
from keystead.database.feed import EVERYTHING, Feed

from .proxy import Proxy

PROMISED = 1.0


class Node:
    """One process of a node, with a cache that remembers what it was told to forget."""

    def __init__(self, opened, url=None, counter=None, **named):
        self.opened = opened(at=url, counter=counter)
        self.feed = Feed(self.opened.database, counter, **named)
        self.forgot = []
        self.told = asyncio.Event()
        self.feed.on("key", self._forget)

    def _forget(self, changed):
        self.forgot.append(changed)
        self.told.set()

    async def __aenter__(self):
        self.database = await self.opened.__aenter__()
        await self.feed.start()
        self.forgot.clear()
        self.told.clear()
        return self

    async def __aexit__(self, *error):
        await self.feed.close()
        await self.opened.__aexit__(*error)

    async def write(self, changed):
        async with self.database.write() as tx:
            tx.changed("key", changed)

    async def until(self, condition, seconds=10.0):
        """Seconds that it took for the condition to hold."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < seconds
            await asyncio.sleep(0.005)
        return time.monotonic() - began


@pytest.fixture
def url(postgresql_url):
    return postgresql_url


@pytest.fixture
def nodes(opened):
    return lambda **named: Node(opened, **named)


async def test_what_one_node_writes_another_forgets_within_a_second(nodes):
    async with nodes() as one, nodes() as other:
        began = time.monotonic()
        await one.write("a")

        await asyncio.wait_for(other.told.wait(), PROMISED)
        assert other.forgot == ["a"]
        assert time.monotonic() - began < PROMISED
        assert other.feed.current()


async def test_a_change_that_was_not_announced_is_found_within_a_second(nodes, url):
    async with nodes() as node:
        unannounced = await asyncpg.connect(url)
        await unannounced.execute("INSERT INTO changes (kind, id, because, at) VALUES ('key', 'a', '', 0)")

        await asyncio.wait_for(node.told.wait(), PROMISED)

        assert node.forgot == ["a"]
        await unannounced.close()


async def test_a_process_hears_of_its_own_node_at_once_and_of_others_within_a_second(nodes, tmp_path):
    counters = [ChangeCounter(tmp_path / "changes", slot=slot, slots=2) for slot in (0, 1)]
    async with nodes(counter=counters[0]) as one, nodes(counter=counters[1]) as sibling, nodes() as other:
        await sibling.feed.catch_up()
        assert sibling.feed.current()

        await one.write("near")
        assert not sibling.feed.current()
        await sibling.feed.catch_up()
        assert "near" in sibling.forgot

        await other.write("far")
        await sibling.until(lambda: "far" in sibling.forgot, PROMISED)
        await sibling.feed.catch_up()
        assert sibling.feed.current()
    for counter in counters:
        counter.close()


async def test_a_write_that_was_rolled_back_is_not_announced(nodes):
    async with nodes() as one, nodes() as other:

        async def fail():
            async with one.database.write() as tx:
                tx.changed("key", "a")
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        await one.write("b")

        await asyncio.wait_for(other.told.wait(), PROMISED)
        assert other.forgot == ["b"]


async def test_nothing_is_believed_before_the_first_contact(opened):
    async with opened() as database:
        feed = Feed(database)

        assert not feed.current()
        with pytest.raises(DatabaseLost):
            await feed.catch_up()


async def test_nothing_is_believed_after_the_feed_is_closed(nodes):
    async with nodes() as node:
        await node.feed.close()

        assert not node.feed.current()


async def test_the_lease_runs_from_the_beginning_of_the_last_reading(opened):
    now = [100.0]
    async with opened() as database:
        feed = Feed(database, lease=5.0, clock=lambda: now[0])
        await feed.start()

        now[0] = 104.9
        assert feed.current()
        now[0] = 105.0
        assert not feed.current()
        with pytest.raises(DatabaseLost):
            await feed.catch_up()
        await feed.close()


async def test_a_node_that_is_cut_off_stops_answering_after_its_lease(nodes, url):
    async with Proxy(url) as proxy, nodes(url=proxy.url, lease=1.0) as node:
        began = time.monotonic()
        proxy.silence()

        await node.until(lambda: not node.feed.current())

        assert 0.4 < time.monotonic() - began < 1.1
        with pytest.raises(DatabaseLost):
            await asyncio.wait_for(node.feed.catch_up(), 0.1)


@pytest.mark.slow
async def test_who_is_patient_waits_for_the_lease(opened, url):
    async with Proxy(url) as proxy, opened(proxy.url) as database:
        feed = Feed(database, lease=1.0, patience=PROMISED * 20)
        await feed.start()
        proxy.silence()
        while feed.current():  # noqa: ASYNC110  # time passes, and nobody tells
            await asyncio.sleep(0.05)
        asked = asyncio.create_task(feed.catch_up())
        await asyncio.sleep(0.2)
        assert not asked.done()

        proxy.restore()

        await asked
        assert feed.current()
        await feed.close()


@pytest.mark.slow
async def test_a_node_that_is_let_in_again_knows_what_happened_before_it_answers(nodes, url):
    async with Proxy(url) as proxy, nodes(url=proxy.url, lease=1.0) as node, nodes() as other:
        proxy.silence()
        await node.until(lambda: not node.feed.current())
        await other.write("taken away")
        assert node.forgot == []

        proxy.restore()
        await node.until(node.feed.current)

        assert set(node.forgot) & {"taken away", EVERYTHING}


@pytest.mark.slow
@pytest.mark.parametrize("silent", [0.0, 2.5])
async def test_after_a_new_connection_everything_is_forgotten(nodes, url, silent):
    """Where it leads to may be another server. The old connection was closed, or gave no answer for too long."""
    async with Proxy(url) as proxy, nodes(url=proxy.url) as node, nodes() as other:
        proxy.silence()
        await asyncio.sleep(silent)
        proxy.cut()
        proxy.restore()

        await node.until(lambda: EVERYTHING in node.forgot)

        await other.write("b")
        await node.until(lambda: "b" in node.forgot, PROMISED)


@pytest.mark.slow
async def test_reading_from_a_silent_database_ends_with_a_loss(nodes, url, monkeypatch):
    monkeypatch.setattr("keystead.database.postgresql.COMMAND_SECONDS", 1.0)
    async with Proxy(url) as proxy, nodes(url=proxy.url) as node:
        async with node.database.read():
            pass
        proxy.silence()

        with pytest.raises(DatabaseLost):
            await node.database.ping()

        proxy.restore()
        await node.database.ping()


def test_polling_is_frequent_enough_for_the_promise():
    assert feeds.POLL_SECONDS < PROMISED
    assert feeds.POLL_SECONDS < feeds.LEASE_SECONDS
