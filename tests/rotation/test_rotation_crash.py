"""The crash matrix: at each write of a rotation, before it and after it, somebody is killed with SIGKILL.

    function × write × who        the rotator, the server that the secret is for, or the server of Keystead's own store

At every moment exactly one version is current, and the current or the pending credential logs in to the real server; afterwards the
rotation is completed with the same version, its overlap is over, and nobody holds its lease. A part of the cells always, a different
one for each function and victim; every cell with KEYSTEAD_SOAK=1.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deaths import SECONDS, Doomed, Watch, doomed
from installation import Node, install
from postgresql import Databases, Server, running_server
from rotated import Rotated
from servers import MariaDBServer, RedisServer
from targets import MariaDBTarget, PostgreSQLTarget, RedisTarget

pytestmark = [pytest.mark.slow, pytest.mark.whole, pytest.mark.timeout(900)]

SOAK = bool(os.environ.get("KEYSTEAD_SOAK"))
STRIDE = 1 if SOAK else 59
WHEN = ("before", "after")

WHO = {
    #  dies                     where Keystead's own store is
    "rotator":             "over_postgresql",
    "rotator of one node": "over_a_file",
    "target":              "over_a_file",
    "store":               "over_postgresql",
}  # fmt: skip  # a table

SET = ("lease", "run", "run", "call", "run", "run")
"""A lease, the attempt's session, the step; the value; the next step, a session that may read the administrator's secret."""
FINISH = ("run", "run", "call", "lease")
"""Two more steps; the label; the lease given back."""
OVERLAP = ("lease", "run", "run")
WRITES = {
    #  function                                 statements that set the password                        that limit and revoke
    "KeysteadPostgreSQLSingleUserRotation":
        (*SET, "ALTER", *FINISH),
    "KeysteadPostgreSQLAlternatingUsersRotation":
        (*SET, "CREATE", "ALTER", "ALTER", "COMMIT", *FINISH,
         *OVERLAP, "ALTER", "overlap", "run", "ALTER", "overlap", "lease"),
    "KeysteadMariaDBSingleUserRotation":
        (*SET, "ALTER", *FINISH,
         *OVERLAP, "overlap", "run", "ALTER", "overlap", "lease"),
    "KeysteadMariaDBAlternatingUsersRotation":
        (*SET, "CREATE", "ALTER", "GRANT", "GRANT", "ALTER", *FINISH,
         *OVERLAP, "overlap", "run", "ALTER", "overlap", "lease"),
    "KeysteadRedisSingleUserRotation":
        (*SET, "ACL SETUSER", "ACL SAVE", *FINISH,
         *OVERLAP, "overlap", "run", "ACL SETUSER", "ACL SAVE", "overlap", "lease"),
    "KeysteadRedisAlternatingUsersRotation":
        (*SET, "ACL SETUSER", "ACL SETUSER", "ACL SAVE", *FINISH,
         *OVERLAP, "overlap", "run", "ACL SETUSER", "ACL SAVE", "overlap", "lease"),
}  # fmt: skip  # a table
"""As deaths/sitecustomize.py names them. A store that is a file has no leases."""

PLACES = {"PostgreSQL": "postgresql_target", "MariaDB": "mariadb_target", "Redis": "redis_target"}


def writes_of(function: str, house: str) -> list[str]:
    return [write for write in WRITES[function] if write != "lease" or house == "over_postgresql"]


def cells() -> list[tuple[str, str, int, str]]:
    """Spread over all four where only a part is tried."""
    every = [
        (function, who, write, when)
        for function in WRITES
        for who, house in WHO.items()
        for write in range(1, len(writes_of(function, house)) + 1)
        for when in WHEN
    ]
    return every[::STRIDE]


@pytest.fixture(scope="module")
def store() -> Iterator[Server]:
    """Of Keystead's own database."""
    server = running_server()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def over_postgresql(tmp_path_factory: pytest.TempPathFactory, store: Server) -> Iterator[Doomed]:
    yield from served(tmp_path_factory.mktemp("shared"), store)


@pytest.fixture(scope="module")
def over_a_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doomed]:
    yield from served(tmp_path_factory.mktemp("alone"), None)


def served(folder: Path, store: Server | None) -> Iterator[Doomed]:
    url = store.url("postgres") if store is not None else ""
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT, 0o600)
    node = Node(folder / "data", install(folder / "data", database=url), settings={"KEYSTEAD_DATABASE": url}, log=log)
    try:
        yield doomed(node, folder / "order", store)
    finally:
        node.stop()
        os.close(log)


@pytest.fixture(scope="module")
def postgresql_target() -> Iterator[tuple[Any, Server]]:
    server = running_server()
    yield PostgreSQLTarget(Databases(server.url("postgres"), server)), server
    server.remove()


@pytest.fixture
def mariadb_target(mariadb: MariaDBServer) -> tuple[Any, MariaDBServer]:
    return MariaDBTarget(mariadb), mariadb


@pytest.fixture
def redis_target(redis_server: RedisServer) -> tuple[Any, RedisServer]:
    return RedisTarget(redis_server), redis_server


def place_of(function: str, request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """What the function's secrets are for, and its server."""
    found: tuple[Any, Any] = request.getfixturevalue(next(PLACES[name] for name in PLACES if name in function))
    return found


def eventually(holds: Any, what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)  # other processes do it, at their own pace


@pytest.mark.parametrize(("function", "who", "write", "when"), cells(), ids=str)
def test_a_rotation_survives_a_death_at_each_of_its_writes(
    function: str, who: str, write: int, when: str, request: pytest.FixtureRequest
) -> None:
    house = request.getfixturevalue(WHO[who])
    target, server = place_of(function, request)
    victim = {"target": server, "store": house.store}.get(who)
    secret = Rotated(house, target, function, overlap="off")
    first = secret.labels()["AWSCURRENT"]

    with Watch(secret) as watch:
        house.kill_at(write, when, str(victim.folder) if victim is not None else "")
        token = secret.rotate()
        eventually(lambda: not house.order.exists(), "the write has not come")
        if victim is not None:
            victim.process.wait()
            victim.start()
        eventually(lambda: house.has_ended(token), "the rotation has not ended")
        looks = watch.looks
        eventually(lambda: watch.looks > looks + 1 or watch.wrong, "nobody looks")

    assert watch.wrong == []
    assert secret.labels() == {"AWSCURRENT": token, "AWSPENDING": token, "AWSPREVIOUS": first}
    assert target.logs_in(secret.current())
    assert not target.logs_in(secret.first)


@pytest.mark.parametrize("house", ["over_postgresql", "over_a_file"])
@pytest.mark.parametrize("function", WRITES)
def test_every_write_of_a_rotation_is_in_the_matrix(function: str, house: str, request: pytest.FixtureRequest) -> None:
    served = request.getfixturevalue(house)
    target, _ = place_of(function, request)
    secret = Rotated(served, target, function, overlap="off")

    served.kill_at(0, "before", "")
    token = secret.rotate()
    eventually(lambda: served.has_ended(token), "the rotation has not ended")

    assert served.writes() == writes_of(function, house)
