"""A node whose rotator kills itself, or a server, at one write of a rotation; and somebody who watches the secret meanwhile."""

import asyncio
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import asyncpg
import pymysql
import redis
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from installation import Node
from keystead.rotation.credential import Credential
from keystead.rotation.engines.postgresql import LOST
from postgresql import Server
from rotated import Rotated

SHIM = Path(__file__).parent / "rotation" / "deaths"
SECONDS = 200
"""On a loaded machine a process takes long to start."""
DOWN = (*LOST, asyncpg.PostgresError, pymysql.Error, redis.RedisError)
"""What a login fails with when its server has been killed; a refused one does not."""
AWAY = (BotoCoreError, ClientError)
"""What a call fails with when Keystead's own store has been killed."""
QUICK = Config(retries={"mode": "standard", "max_attempts": 1}, connect_timeout=5, read_timeout=10)


@dataclass
class Doomed:
    """A node that obeys orders to kill. It is what rotated.Rotated needs of a Keystead.

    store  the server of its database; none where that is a file
    """

    node: Node
    order: Path
    store: Server | None = None

    @property
    def region(self) -> str:
        return self.node.facts["region"]

    @property
    def account(self) -> str:
        return self.node.facts["account_id"]

    def client(self, service: str, **named: Any) -> Any:
        return self.node.client(service, config=QUICK, **named)

    def kill_at(self, write: int, when: str, victim: str) -> None:
        """`write` 0 kills nobody, and lets them be counted."""
        self.order.with_suffix(".writes").unlink(missing_ok=True)
        made = self.order.with_suffix(".new")
        made.write_text(json.dumps({"write": write, "when": when, "victim": victim}))
        made.rename(self.order)

    def writes(self) -> list[str]:
        return self.order.with_suffix(".writes").read_text().splitlines()

    def rows(self, statement: str) -> list[Mapping[str, Any]]:
        """Of its own store."""
        if self.store is not None:
            return [dict(row) for row in asyncio.run(self.store.fetch(statement))]
        with sqlite3.connect(f"file:{self.node.data}/keystead.db?mode=ro", uri=True) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement)]

    def has_ended(self, token: str) -> bool:
        """The rotation, its overlap, and every lease."""
        runs = [row for row in self.rows("SELECT token, ended_at FROM rotation_runs") if row["token"] == token]
        overlaps = self.rows("SELECT new_version, ended_at FROM rotation_overlaps")
        leases = self.rows("SELECT expires_at FROM leases WHERE name LIKE 'rotation/%'")
        ended = [row["ended_at"] for row in (*runs, *overlaps) if row.get("new_version", token) == token]
        return all(ended) and all(lease["expires_at"] <= time.time() for lease in leases)


class Watch:
    """Looks at the secret, and logs in to the server, as often as it can. What is down meanwhile is no answer."""

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
        try:
            while not self._stop.is_set():
                try:
                    self.look()
                except AWAY as error:
                    if isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                        raise
                    time.sleep(0.05)
        except Exception as error:  # noqa: BLE001  # whatever it is, the test is told
            self.wrong.append(f"the watch has ended: {error!r}")

    def look(self) -> None:
        stages = self.secret.client.describe_secret(SecretId=self.secret.arn)["VersionIdsToStages"]
        current = [version for version, labels in stages.items() if "AWSCURRENT" in labels]
        if len(current) != 1:
            self.wrong.append(f"{len(current)} current versions")
        try:
            if not any(self.secret.target.logs_in(who) for who in self._credentials()):
                self.wrong.append("neither the current nor the pending credential logs in")
        except DOWN:
            time.sleep(0.05)
        else:
            self.looks += 1

    def _credentials(self) -> Iterator[Credential]:
        """The current one again last: it may have been promoted between two looks."""
        for stage in ("AWSCURRENT", "AWSPENDING", "AWSCURRENT"):
            try:
                value = self.secret.client.get_secret_value(SecretId=self.secret.arn, VersionStage=stage)
            except self.secret.client.exceptions.ResourceNotFoundException:
                continue
            yield Credential.read(value["SecretString"])


def doomed(node: Node, order: Path, store: Server | None = None) -> Doomed:
    """Started."""
    path = os.pathsep.join(filter(None, (str(SHIM), os.environ.get("PYTHONPATH"))))
    node.settings = {**node.settings, "PYTHONPATH": path, "ROTATION_DEATH": str(order)}
    return Doomed(node.start(), order, store)
