"""MariaDB and Redis for tests: servers of our own in temporary folders, from Debian's packages mariadb-server and redis-server.

Each listens on a free loopback port and ends with the session. What is missing is a skip, and a failure where CI is set.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
import redis

from components import missing
from postgresql import free_port

START_SECONDS = 30


def program(name: str, package: str) -> str:
    """Its path; installed first where root may."""
    if shutil.which(name) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        script = Path(__file__).parents[1] / "scripts" / "debian.sh"
        subprocess.run(["sh", str(script), package], check=False, stdout=subprocess.DEVNULL)
    found = shutil.which(name)
    if found is None:
        missing(package, f"{name} is not installed (Debian: apt-get install {package})")
    return found


def awaited(process: subprocess.Popen[bytes], ready: Callable[[], object], errors: tuple[type[Exception], ...]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ready()
        except errors:
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)  # for the server's start there is nothing to await
        else:
            return


class MariaDBServer:
    """A server whose administrator is `admin`; `start` and `stop` as often as a test likes."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="keystead-mariadb-"))
        self.port = free_port()
        self.password = secrets.token_urlsafe(12)
        self.process: subprocess.Popen[bytes] | None = None
        self._owner = {"user": "mysql", "group": "mysql"} if os.geteuid() == 0 else {}
        if self._owner:
            shutil.chown(self.folder, "mysql", "mysql")

    def create(self, *options: str) -> None:
        install = program("mariadb-install-db", "mariadb-server")
        command = [
            install,
            "--no-defaults",
            f"--datadir={self.folder}/data",
            "--auth-root-authentication-method=normal",
        ]
        done = subprocess.run([*command, "--skip-test-db"], capture_output=True, check=False, cwd="/", **self._owner)
        assert done.returncode == 0, done.stderr.decode()
        self.start(*options)
        with self.connection("root", "") as connection, connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM mysql.global_priv WHERE User = ''"
            )  # they shadow everybody else on this machine
            cursor.execute(f"CREATE USER admin@'%' IDENTIFIED BY '{self.password}'")
            cursor.execute("GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION")
            cursor.execute("CREATE DATABASE shop")
            cursor.execute("FLUSH PRIVILEGES")

    def start(self, *options: str) -> None:
        command = [
            program("mariadbd", "mariadb-server"), "--no-defaults", f"--datadir={self.folder}/data",
            f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid", f"--port={self.port}",
            "--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M",
            "--general-log=1", f"--general-log-file={self.folder}/statements", "--max-connections=200", *options,
        ]  # fmt: skip  # an option and its value stand together
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **self._owner)
        who = ("admin", self.password) if (self.folder / "ready").exists() else ("root", "")
        awaited(self.process, lambda: self.connection(*who).close(), (pymysql.Error,))
        (self.folder / "ready").touch()

    def connection(self, user: str, password: str) -> Any:
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            password=password,
            autocommit=True,
            connect_timeout=5,
            ssl_disabled=True,
        )

    def execute(self, statement: str, *values: object) -> Any:
        """The rows that a statement brings, run as the administrator."""
        with self.connection("admin", self.password) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def statements(self) -> str:
        """Every statement that has reached the server."""
        return (self.folder / "statements").read_text(errors="replace")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(START_SECONDS)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)


class RedisServer:
    """A server with an ACL file, whose administrator is `admin`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="keystead-redis-"))
        self.port = free_port()
        self.password = secrets.token_urlsafe(12)
        self.process: subprocess.Popen[bytes] | None = None
        (self.folder / "users").write_text(f"user default off\nuser admin on >{self.password} ~* &* +@all\n")

    def start(self, *options: str) -> None:
        command = [
            program("redis-server", "redis-server"),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ]
        command += ["--dir", str(self.folder), "--aclfile", str(self.folder / "users"), "--daemonize", "no", *options]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        awaited(self.process, lambda: self.execute("PING"), (redis.RedisError, OSError))

    def execute(self, *command: str) -> Any:
        with redis.Redis(port=self.port, username="admin", password=self.password, decode_responses=True) as client:
            return client.execute_command(*command)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(START_SECONDS)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDBServer]:
    server = MariaDBServer()
    try:
        server.create()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()
