"""The crash matrix: whoever works on a rotation dies at each of its writes, before it or after it.

At every moment exactly one version is current, and the current or the pending credential logs in to the real server; and the
rotation is completed afterwards, with the same version.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Self

import pytest

from keystead.database.engine import Database, Transaction
from keystead.rotation import attempt
from keystead.rotation.credential import Credential
from keystead.testing import Keystead
from postgresql import Databases
from rotated import Rotated
from servers import MariaDBServer
from targets import MariaDBTarget, PostgreSQLTarget

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")]

WRITES = 11
"""Of one rotation, its overlap not counted; a cell beyond the last write does nothing and passes."""
WHEN = ("before", "after")


class Killed(BaseException):
    """As though the process had died: nothing catches it, and nothing is written after it."""


class Reaper:
    """Kills a rotation's task at its nth write, once."""

    def __init__(self, write: int, when: str) -> None:
        self.left = write
        self.when = when
        self.struck = False

    def counts(self) -> bool:
        task = asyncio.current_task()
        if task is None or "Dispatcher._work" not in repr(task.get_coro()):
            return False
        self.left -= 1
        return self.left == 0


@pytest.fixture
def reaper(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Reaper:
    made = Reaper(*request.param)
    write = Database.write

    @asynccontextmanager
    async def dying(self: Database, *words: Any, **named: Any) -> AsyncIterator[Transaction]:
        now = made.counts()
        async with write(self, *words, **named) as tx:
            yield tx
            if now and made.when == "before":
                made.struck = True
                raise Killed
        if now:
            made.struck = True
            raise Killed

    monkeypatch.setattr(Database, "write", dying)
    monkeypatch.setattr(attempt, "HEARTBEAT", 0.2)
    return made


class Watch:
    """Looks at the secret, and at the server, as often as it can."""

    def __init__(self, secret: Rotated) -> None:
        self.secret = secret
        self.looks = 0
        self.wrong: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            stages = self.secret.client.describe_secret(SecretId=self.secret.arn)["VersionIdsToStages"]
            current = [version for version, labels in stages.items() if "AWSCURRENT" in labels]
            if len(current) != 1:
                self.wrong.append(f"{len(current)} current versions")
            if not any(self.secret.target.logs_in(who) for who in self._credentials()):
                self.wrong.append("neither the current nor the pending credential logs in")
            self.looks += 1

    def _credentials(self) -> Iterator[Credential]:
        """The current one again last: it may have been promoted between two looks."""
        for stage in ("AWSCURRENT", "AWSPENDING", "AWSCURRENT"):
            try:
                value = self.secret.client.get_secret_value(SecretId=self.secret.arn, VersionStage=stage)
            except self.secret.client.exceptions.ResourceNotFoundException:
                continue
            yield Credential.read(value["SecretString"])


def cells(writes: range) -> list[tuple[int, str]]:
    return [(write, when) for write in writes for when in WHEN]


def survives(secret: Rotated, reaper: Reaper) -> None:
    with Watch(secret) as watch:
        token = secret.rotate()
        current = secret.rotated(token)
        time.sleep(0.2)  # the watch looks once more
    assert watch.wrong == []
    assert watch.looks > 0
    assert secret.target.logs_in(current)
    assert reaper.struck or reaper.left > 0


@pytest.mark.parametrize("reaper", cells(range(1, WRITES + 1)), indirect=True, ids=str)
def test_a_rotation_between_two_users_survives_a_death_at_each_write(
    keystead: Keystead, postgresql: Databases, reaper: Reaper
) -> None:
    secret = Rotated(
        keystead, PostgreSQLTarget(postgresql), "KeysteadPostgreSQLAlternatingUsersRotation", overlap="off"
    )

    survives(secret, reaper)


@pytest.mark.parametrize("reaper", cells(range(5, 8)), indirect=True, ids=str)
def test_a_rotation_of_one_user_survives_a_death_at_each_write(
    keystead: Keystead, mariadb: MariaDBServer, reaper: Reaper
) -> None:
    secret = Rotated(keystead, MariaDBTarget(mariadb), "KeysteadMariaDBSingleUserRotation", overlap="off")

    survives(secret, reaper)


def test_every_write_of_a_rotation_is_in_the_matrix(
    keystead: Keystead, postgresql: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter, write = Reaper(10_000, "before"), Database.write

    @asynccontextmanager
    async def counted(self: Database, *words: Any, **named: Any) -> AsyncIterator[Transaction]:
        if not any("overlap" in str(word) for word in words):
            counter.counts()
        async with write(self, *words, **named) as tx:
            yield tx

    monkeypatch.setattr(Database, "write", counted)
    secret = Rotated(keystead, PostgreSQLTarget(postgresql), "KeysteadPostgreSQLSingleUserRotation")

    secret.rotated(secret.rotate())

    assert 5 <= 10_000 - counter.left <= WRITES
