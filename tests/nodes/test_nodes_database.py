"""PostgreSQL restarts, or fails over to its streaming replica, under load on three nodes: nobody is told, nothing is lost."""

import asyncio
import signal
import time

import asyncpg
import pytest
from botocore.config import Config

from installation import contradictions, health, recorded, until
from load import Load, lost
from postgresql import Server

from .conftest import cluster

pytestmark = [pytest.mark.alone, pytest.mark.whole, pytest.mark.slow, pytest.mark.timeout(600)]

CLIENTS = 3
ALL_BACK = 30.0


def connect(nodes):
    """Clients spread over the nodes, in turn."""
    turn = iter(range(1000))
    return lambda config: nodes[next(turn) % len(nodes)].client("kms", config=config)


def judge(nodes, load):
    """Everything that load was told holds, on every node."""
    assert load.failures == []
    for node in nodes:
        assert lost(node.client("kms", config=Config(retries={"mode": "standard"})), load) == []
        node.stop()
    assert load.answers - set().union(*(recorded(node.data) for node in nodes)) == set()
    assert [contradictions(node.data, node.settings["KEYSTEAD_DATABASE"]) for node in nodes] == [[]] * len(nodes)


def go_on(load):
    answered = load.answered
    until(lambda: load.answered > answered + 30, ALL_BACK)


def test_nodes_outlive_restarts_of_their_database(postgresql_server, tmp_path, much):
    """In order and by a crash, in turn."""
    with (
        cluster(tmp_path, postgresql_server.url("postgres"), cabled=False) as nodes,
        Load(connect(nodes), CLIENTS) as load,
    ):
        for number in range(much(2, 20)):
            go_on(load)
            postgresql_server.stop(signal.SIGINT if number % 2 else signal.SIGQUIT)
            time.sleep(0.5)
            postgresql_server.start()
            until(lambda: all(health(node.url)[0] == 200 for node in nodes), ALL_BACK)
        go_on(load)
        load.end()
        judge(nodes, load)


@pytest.fixture
def replica(postgresql_server):
    """Streams from the primary, which acknowledges a commit when both have it."""
    made = postgresql_server.copy()
    made.start()
    asyncio.run(wait_for_replica(postgresql_server))
    yield made
    made.remove()


async def wait_for_replica(primary: Server):
    connection = await asyncpg.connect(primary.url("postgres"), ssl=False)
    try:
        await connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await connection.execute("SELECT pg_reload_conf()")
        synchronous = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        while not await connection.fetchval(synchronous):  # noqa: ASYNC110  # the server does not tell of it
            await asyncio.sleep(0.05)
    finally:
        await connection.close()


def test_nodes_follow_a_fail_over_to_the_replica(postgresql_server, replica, tmp_path):
    both = postgresql_server.url("postgres").replace(
        f"127.0.0.1:{postgresql_server.port}", f"127.0.0.1:{postgresql_server.port},127.0.0.1:{replica.port}"
    )
    with cluster(tmp_path, both, cabled=False) as nodes, Load(connect(nodes), CLIENTS) as load:
        go_on(load)
        postgresql_server.stop(signal.SIGQUIT)
        asyncio.run(replica.fetch("ALTER SYSTEM SET synchronous_standby_names = ''"))
        replica.promote()
        until(lambda: all(health(node.url)[0] == 200 for node in nodes), ALL_BACK)
        go_on(load)
        load.end()
        judge(nodes, load)
