"""The three kinds of server as rotation's tests see them: users made, administrators known, connections held open."""

import itertools
import json
import secrets
import urllib.parse
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import asyncpg
import pymysql
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from keystead.rotation.credential import Credential
from postgresql import Databases
from servers import MariaDBServer, RedisServer

NUMBERS = itertools.count()


def fresh(engine: str) -> tuple[str, str]:
    return f"{engine}_app_{next(NUMBERS)}", secrets.token_urlsafe(16)


class Target(Protocol):
    engine: str

    def admin(self) -> Credential: ...
    def user(self) -> Credential: ...
    def logs_in(self, who: Credential) -> bool: ...
    def held(self, who: Credential) -> AbstractContextManager[Any]: ...
    def statements(self) -> str | None: ...


class PostgreSQLTarget:
    engine = "postgres"

    def __init__(self, databases: Databases, **place: Any) -> None:
        self._databases = databases
        parts = urllib.parse.urlsplit(databases.admin)
        self._place = {"engine": self.engine, "host": parts.hostname or "", "port": parts.port, "ssl": False, **place}
        self._admin = (urllib.parse.unquote(parts.username or ""), urllib.parse.unquote(parts.password or ""))

    def admin(self) -> Credential:
        """Not a superuser: what an operator would give."""
        name, password = fresh("admin")
        self._databases.execute(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD '{password}'")
        self._databases.execute(f"GRANT pg_read_all_stats, pg_signal_backend TO {name}")
        return self.credential(name, password)

    def superuser(self) -> Credential:
        return self.credential(*self._admin)

    def user(self) -> Credential:
        name, password = fresh("post")
        self._databases.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
        return self.credential(name, password)

    def credential(self, name: str, password: str) -> Credential:
        return Credential.read(json.dumps({**self._place, "username": name, "password": password}))

    def url(self, who: Credential) -> str:
        return f"postgresql://{who.username}:{urllib.parse.quote(who.password, safe='')}@{who.host}:{who.port}/postgres"

    def execute(self, statement: str, who: Credential | None = None) -> Any:
        return self._databases.execute(statement, self.url(who) if who else "")

    def logs_in(self, who: Credential) -> bool:
        try:
            self.execute("SELECT 1", who)
        except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
            return False
        return True

    @contextmanager
    def held(self, who: Credential) -> Iterator[Any]:
        import asyncio

        with asyncio.Runner() as runner:
            connection = runner.run(asyncpg.connect(self.url(who), server_settings={"application_name": "cron"}))
            try:
                yield lambda: runner.run(connection.fetchval("SELECT 1"))
            finally:
                connection.terminate()

    def statements(self) -> str | None:
        return None


class MariaDBTarget:
    engine = "mariadb"

    def __init__(self, server: MariaDBServer, **place: Any) -> None:
        self._server = server
        self._place = {"engine": self.engine, "host": "127.0.0.1", "port": server.port, "ssl": False, **place}

    def admin(self) -> Credential:
        return self.credential("admin", self._server.password)

    def user(self) -> Credential:
        name, password = fresh("my")
        self._server.execute(f"CREATE USER {name}@'%%' IDENTIFIED BY '{password}'")
        self._server.execute(f"GRANT SELECT, INSERT, CREATE ON shop.* TO {name}@'%%'")
        return self.credential(name, password)

    def credential(self, name: str, password: str) -> Credential:
        return Credential.read(json.dumps({**self._place, "username": name, "password": password}))

    def logs_in(self, who: Credential) -> bool:
        try:
            self._server.connection(who.username, who.password).close()
        except pymysql.OperationalError as error:
            if error.args[0] not in {1045, 4151}:  # denied, locked
                raise
            return False
        return True

    @contextmanager
    def held(self, who: Credential) -> Iterator[Any]:
        connection = self._server.connection(who.username, who.password)
        try:
            yield lambda: connection.ping(reconnect=False)
        finally:
            connection._force_close()

    def statements(self) -> str | None:
        return self._server.statements()


class RedisTarget:
    engine = "redis"

    def __init__(self, server: RedisServer, **place: Any) -> None:
        self._server = server
        self._place = {"engine": self.engine, "host": "127.0.0.1", "port": server.port, **place}

    def admin(self) -> Credential:
        return self.credential("admin", self._server.password)

    def user(self) -> Credential:
        name, password = fresh("redis")
        self._server.execute("ACL SETUSER", name, "on", f">{password}", "~app:*", "+@read", "+@write", "+ping")
        self._server.execute("ACL SAVE")
        return self.credential(name, password)

    def credential(self, name: str, password: str) -> Credential:
        return Credential.read(json.dumps({**self._place, "username": name, "password": password}))

    def client(self, who: Credential) -> Any:
        return redis_py.Redis(
            port=self._server.port, username=who.username, password=who.password, single_connection_client=True,
            retry=Retry(NoBackoff(), 0),
        )  # fmt: skip

    def logs_in(self, who: Credential) -> bool:
        try:
            with self.client(who) as client:
                client.ping()
        except redis_py.AuthenticationError:
            return False
        return True

    @contextmanager
    def held(self, who: Credential) -> Iterator[Any]:
        client = self.client(who)
        client.ping()
        connection = client.connection
        assert connection is not None

        def use() -> None:
            connection.send_command("PING")
            connection.read_response()

        try:
            yield use
        finally:
            client.close()

    def statements(self) -> str | None:
        return None
