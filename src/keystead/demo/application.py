"""A client of the database as applications are: it asks AWS's caching library for the password and reconnects without pause."""

import asyncio
import json
import threading
from collections import Counter
from typing import Any, Final, Self

from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

from keystead.demo.postgresql import PostgreSQL
from keystead.demo.stage import START_SECONDS, DemoFailed

REFRESH_SECONDS: Final = 2
"""The library asks again after half to all of it."""


class Application:
    """In a thread of its own while the block lasts. `failures` counts by what was raised; `logins` by user."""

    def __init__(self, server: PostgreSQL, secretsmanager: Any, secret: str) -> None:
        self.logins: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._server = server
        self._secret = secret
        self._cache = SecretCache(SecretCacheConfig(secret_refresh_interval=REFRESH_SECONDS), secretsmanager)
        self._first = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._reconnect()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._first.wait(START_SECONDS):
            raise DemoFailed(f"The application cannot log in: {', '.join(self.failures)}")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(START_SECONDS)

    async def _reconnect(self) -> None:
        while not self._stop.is_set():
            try:
                await self._use()
            except Exception as error:  # noqa: BLE001  # whatever it is, it is a login that failed
                self.failures[type(error).__name__] += 1
                await asyncio.sleep(0.1)

    async def _use(self) -> None:
        known = json.loads(self._cache.get_secret_string(self._secret))
        connection = await self._server.connect(known["username"], known["password"], "billing")
        await connection.fetchval("SELECT 1")
        await connection.close()
        self.logins[known["username"]] += 1
        self._first.set()
