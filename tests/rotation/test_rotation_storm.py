"""Fifty clients with AWS's own caching library reconnect to PostgreSQL without pause while the password rotates under them.

A hundred rotations with KEYSTEAD_SOAK=1, a few without.
"""

import asyncio
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Self

import asyncpg
import pytest
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig
from botocore.config import Config

from keystead.rotation.credential import Credential
from keystead.testing import Keystead
from postgresql import Databases
from rotated import Rotated, until
from targets import PostgreSQLTarget

pytestmark = pytest.mark.slow
log = logging.getLogger(__name__)

CLIENTS = 50
SOAK = os.environ.get("KEYSTEAD_SOAK") == "1"
ROTATIONS = 100 if SOAK else 3
OF_A_DAY = 25
PATIENCE = 120
"""Seconds of a rotation beside so many clients, the overlap before it included."""
REFRESH = 1
"""Seconds; the library asks again after half to all of it."""
ALTERNATING = "KeysteadPostgreSQLAlternatingUsersRotation"
SINGLE = "KeysteadPostgreSQLSingleUserRotation"
REFUSED = (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)


class Storm:
    """Clients in a thread of their own. Each is an instance of its own: its userAgent says so."""

    def __init__(self, secret: Rotated, refresh: int) -> None:
        self.secret = secret
        self.refresh = refresh
        self.logins = 0
        self.failures = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.logins > CLIENTS)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _all(self) -> None:
        await asyncio.gather(*(self._client(number) for number in range(CLIENTS)))

    async def _client(self, number: int) -> None:
        named = Config(user_agent_extra=f"AwsSecretCache/1 instance/{number}")
        client = self.secret.keystead.client("secretsmanager", config=named)
        cache = SecretCache(SecretCacheConfig(secret_refresh_interval=self.refresh), client)
        while not self._stop.is_set():
            text = await asyncio.to_thread(cache.get_secret_string, self.secret.arn)
            await self._login(Credential.read(text))

    async def _login(self, who: Credential) -> None:
        try:
            connection = await asyncpg.connect(
                host=who.host, port=who.port, user=who.username, password=who.password, database="postgres", ssl=False
            )
        except REFUSED:
            self.failures += 1
            await asyncio.sleep(0.05)
            return
        self.logins += 1
        await connection.close()


def rotate(storm: Storm, times: int) -> None:
    for number in range(1, times + 1):
        token = storm.secret.rotate()
        until(lambda: storm.secret.labels().get("AWSCURRENT") == token, PATIENCE)  # noqa: B023  # called before the next
        if number % OF_A_DAY == 0:
            a_day_passes(storm.secret)
            log.info("%d rotations: %d logins, %d failures", number, storm.logins, storm.failures)


def a_day_passes(secret: Rotated) -> None:
    """For the age of versions: a secret has a hundred that are younger, and no more (LimitExceededException)."""
    with closing(sqlite3.connect(secret.keystead.data / "keystead.db", timeout=30)) as database, database:
        database.execute("UPDATE secret_versions SET created_at = created_at - 86400")


@contextmanager
def stormed(
    keystead: Keystead, postgresql: Databases, function: str, refresh: int = REFRESH, **tags: Any
) -> Iterator[Storm]:
    with Storm(Rotated(keystead, PostgreSQLTarget(postgresql), function, **tags), refresh) as storm:
        yield storm


def previous(secret: Rotated) -> Credential:
    """Who asks for it again and again holds it, and keeps it alive."""
    value = secret.client.get_secret_value(SecretId=secret.arn, VersionStage="AWSPREVIOUS")
    return Credential.read(value["SecretString"])


@pytest.mark.timeout(3600 if SOAK else 240)
def test_with_the_overlap_nobody_notices(keystead: Keystead, postgresql: Databases) -> None:
    with stormed(keystead, postgresql, ALTERNATING, cache_seconds="5") as storm:
        rotate(storm, ROTATIONS)
        old = previous(storm.secret)
        until(lambda: not storm.secret.target.logs_in(old), PATIENCE)
        before = storm.logins
        until(lambda: storm.logins > before + CLIENTS, PATIENCE)

    log.info("%d logins, %d failures in %d rotations", storm.logins, storm.failures, ROTATIONS)
    assert storm.failures == 0


@pytest.mark.parametrize(
    ("function", "tags"),
    [(ALTERNATING, {"overlap": "off"}), (SINGLE, {})],
    ids=["switched off", "one user"],
)
def test_without_it_somebody_does(
    keystead: Keystead, postgresql: Databases, function: str, tags: dict[str, str]
) -> None:
    with stormed(keystead, postgresql, function, refresh=5, **tags) as storm:
        rotate(storm, 1)

        until(lambda: storm.failures, PATIENCE)
