"""TLS to the targets: what a secret's `ssl` asks for is what happens, or nothing does."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from issuer import tls_files
from keystead.rotation.credential import Credential
from keystead.rotation.engines import engine, mariadb, postgresql
from keystead.rotation.errors import TargetLost
from keystead.testing import Keystead
from postgresql import Databases, free_port, running_server
from rotated import Rotated
from servers import MariaDBServer, RedisServer
from targets import MariaDBTarget, PostgreSQLTarget, RedisTarget

pytestmark = pytest.mark.slow

FUNCTIONS = {
    "postgres": "KeysteadPostgreSQLAlternatingUsersRotation",
    "mariadb": "KeysteadMariaDBSingleUserRotation",
    "redis": "KeysteadRedisSingleUserRotation",
}
OVER_TLS = {"host": "localhost", "ssl": True}
"""The servers' certificate is for localhost, and for no address."""


@pytest.fixture(scope="module")
def files() -> Iterator[tuple[Path, Path]]:
    """(the authority, the servers' certificate and key), which servers that are not root's can read."""
    with tempfile.TemporaryDirectory(prefix="keystead-tls-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        authority, server = tls_files(folder)
        for path in (authority, server):
            path.chmod(0o644)
        yield authority, server


@pytest.fixture(scope="module")
def targets(files: tuple[Path, Path]) -> Iterator[dict[str, Any]]:
    """Servers that speak TLS, and plainly too."""
    certificate = files[1].read_bytes()
    with ExitStack() as stack:
        first = running_server()
        stack.callback(first.remove)
        first.serve_tls(certificate, certificate)
        second = MariaDBServer()
        stack.callback(second.remove)
        second.create(f"--ssl-cert={files[1]}", f"--ssl-key={files[1]}")
        third = RedisServer()
        stack.callback(third.remove)
        port = free_port()
        pair = ("--tls-cert-file", str(files[1]), "--tls-key-file", str(files[1]), "--tls-ca-cert-file", str(files[0]))
        third.start("--tls-port", str(port), "--tls-auth-clients", "no", *pair)
        yield {
            "postgres": PostgreSQLTarget(Databases(first.url("postgres"), first), **OVER_TLS),
            "mariadb": MariaDBTarget(second, **OVER_TLS),
            "redis": RedisTarget(third, **OVER_TLS, port=port),
        }


@pytest.fixture(params=FUNCTIONS)
def target(request: pytest.FixtureRequest, targets: dict[str, Any]) -> Any:
    return targets[request.param]


@pytest.fixture
def trusted(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))


def login(who: Credential) -> None:
    asyncio.run(engine(who.engine).login(who))


def encrypted(who: Credential) -> bool:
    """Whether a connection as this user is, as the server says."""

    async def on_postgresql() -> bool:
        async with postgresql.connected(who) as connection:
            return bool(await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))

    if who.engine == "postgres":
        return asyncio.run(on_postgresql())
    with mariadb.connected(who) as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        return bool(cursor.fetchone()[1])


@pytest.mark.usefixtures("trusted")
def test_a_secret_rotates_over_verified_tls(keystead: Keystead, target: Any) -> None:
    secret = Rotated(keystead, target, FUNCTIONS[target.engine])

    current = secret.rotated(secret.rotate())

    assert (current.host, current.ssl) == ("localhost", True)
    assert target.logs_in(current)


def test_a_certificate_that_nobody_here_vouches_for_is_not_spoken_to(target: Any) -> None:
    with pytest.raises(TargetLost):
        login(target.user())


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_not_spoken_to(target: Any) -> None:
    with pytest.raises(TargetLost):
        login(replace(target.user(), host="127.0.0.1"))


@pytest.mark.usefixtures("trusted")
def test_a_server_without_tls_is_not_spoken_to_plainly(postgresql: Databases, mariadb: MariaDBServer) -> None:
    """Redis says nothing at all to a handshake that it does not know, and is given up after a while."""
    for plain in (PostgreSQLTarget(postgresql), MariaDBTarget(mariadb)):
        with pytest.raises(TargetLost):
            login(replace(plain.user(), ssl=True, host="localhost"))


@pytest.mark.parametrize("target", ["postgres", "mariadb"], indirect=True)
def test_without_a_wish_tls_is_taken_where_it_is_offered_and_not_where_it_is_declined(target: Any) -> None:
    who = target.user()

    assert encrypted(replace(who, ssl=None))
    assert not encrypted(replace(who, ssl=False))
