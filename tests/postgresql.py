"""PostgreSQL for tests: a server of our own in a temporary folder, or whatever KEYSTEAD_TEST_DATABASE names.

The server comes from Debian's package `postgresql`. It listens on a free loopback port and on a socket in its own folder,
writes with fsync, and ends with the session. KEYSTEAD_TEST_DATABASE=postgresql://… is somebody else's engine: the role there
must be able to create and drop databases; tests that stop and start the server are skipped.
"""

import asyncio
import functools
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from components import missing

ELSEWHERE = os.environ.get("KEYSTEAD_TEST_DATABASE", "")
START_SECONDS = 30
NAMES = itertools.count()
SETTINGS = {
    "fsync": "on",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "log_min_messages": "fatal",
}


@functools.cache
def programs() -> Path | None:
    """The folder of initdb and postgres, the newest version's; installed first where root may."""
    if not installed() and os.geteuid() == 0 and shutil.which("apt-get"):
        script = Path(__file__).parents[1] / "scripts" / "debian.sh"
        subprocess.run(["sh", str(script), "postgresql"], check=False, stdout=subprocess.DEVNULL)
    return installed()


def installed() -> Path | None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    found = debian[-1] if debian else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def owner() -> dict[str, str]:
    """Popen's arguments: initdb and postgres refuse to be run by root."""
    return {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server with its data. `start` and `stop` as often as a test likes."""

    def __init__(self, data: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="keystead-pg-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.data = data or self.folder / "data"
        self.port = free_port()
        self.password = secrets.token_urlsafe(12)
        self.process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        password = self.folder / "password"
        password.write_text(self.password)
        password.chmod(0o644)  # in a folder of mode 0700
        self.run("initdb", "-D", self.data, "-U", "keystead", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8")

    def copy(self) -> "Server":
        """A streaming replica of this one, not yet started."""
        replica = Server()
        replica.password = self.password
        self.run(
            "pg_basebackup", "-D", replica.data, "-R", "-X", "stream", "-c", "fast", "-d", self.url("postgres"),
            "--no-sync",
        )  # fmt: skip  # an option and its value stand together
        return replica

    def run(self, program: str, *arguments: object) -> None:
        folder = programs()
        assert folder is not None
        command = [str(folder / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, check=False, cwd="/", env=environment(), **owner())
        assert done.returncode == 0, done.stderr.decode()

    def start(self, **settings: str) -> None:
        folder = programs()
        assert folder is not None
        command = [str(folder / "postgres"), "-D", str(self.data), "-k", str(self.folder), "-p", str(self.port)]
        for name, value in {**SETTINGS, "listen_addresses": "127.0.0.1", **settings}.items():
            command += ["-c", f"{name}={value}"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", env=environment(), **owner())
        self.await_ready()

    def await_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                asyncio.run(self.connect_once())
            except (OSError, asyncpg.PostgresError):
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.05)  # for the server's start there is nothing to await
            else:
                return

    def await_mark(self, mark: str) -> None:
        """Until a replica has the change of that id."""
        deadline = time.monotonic() + START_SECONDS
        while not asyncio.run(self.fetch("SELECT 1 FROM changes WHERE id = $1", mark)):
            assert time.monotonic() < deadline, "the replica does not follow"
            time.sleep(0.05)

    async def fetch(self, statement: str, *values: object) -> Any:
        connection = await asyncpg.connect(self.url("postgres"), ssl=False)
        try:
            return await connection.fetch(statement, *values)
        finally:
            await connection.close()

    async def connect_once(self) -> None:
        await self.fetch("SELECT 1")

    def stop(self, how: int = signal.SIGINT) -> None:
        """SIGINT cuts every connection and shuts down in order; SIGQUIT is a crash; see postgres(1)."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(START_SECONDS)
            self.process = None

    def serve_tls(self, certificate: bytes, key: bytes) -> None:
        """Start again with TLS on."""
        self.stop()
        for name, content in (("server.crt", certificate), ("server.key", key)):
            path = self.data / name
            path.write_bytes(content)
            path.chmod(0o600)
            if os.geteuid() == 0:
                shutil.chown(path, "postgres", "postgres")
        self.start(ssl="on")

    def promote(self) -> None:
        self.run("pg_ctl", "promote", "-D", self.data)

    def url(self, database: str, **query: str) -> str:
        asked = f"?{urllib.parse.urlencode(query)}" if query else ""
        return f"postgresql://keystead:{self.password}@127.0.0.1:{self.port}/{database}{asked}"

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)


def environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}


class Databases:
    """Where tests get empty databases from."""

    def __init__(self, admin: str, server: Server | None) -> None:
        self.admin = admin
        self.server = server

    def create(self) -> str:
        """The URL of a new database."""
        name = f"keystead_test_{os.getpid()}_{next(NAMES)}"
        self.execute(f'CREATE DATABASE "{name}"')
        return self.admin_path(name)

    def drop(self, url: str) -> None:
        name = urllib.parse.urlsplit(url).path.removeprefix("/")
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str, url: str = "") -> Any:
        """The rows that a statement brings, run as the tests' own role beside what is tested."""

        async def run() -> Any:
            connection = await asyncpg.connect(url or self.admin)
            try:
                return await connection.fetch(statement)
            finally:
                await connection.close()

        return asyncio.run(run())

    def admin_path(self, name: str) -> str:
        return urllib.parse.urlunsplit(urllib.parse.urlsplit(self.admin)._replace(path=f"/{name}"))


def running_server() -> Server:
    """Started, with data of its own; whoever asks removes it."""
    if programs() is None:
        missing("postgresql", "PostgreSQL is not installed (Debian: apt-get install postgresql)")
    server = Server()
    server.create()
    server.start()
    return server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Databases]:
    """A server for the whole session. A test that stops it asks for postgresql_server instead."""
    if ELSEWHERE:
        yield Databases(ELSEWHERE, None)
        return
    server = running_server()
    yield Databases(server.url("postgres"), server)
    server.remove()


@pytest.fixture
def postgresql_url(postgresql: Databases) -> Iterator[str]:
    """An empty database."""
    url = postgresql.create()
    yield url
    postgresql.drop(url)


@pytest.fixture
def postgresql_server() -> Iterator[Server]:
    """A server of the test's own, to stop, crash and copy."""
    if ELSEWHERE:
        pytest.skip("the server is somebody else's: it is not stopped")
    server = running_server()
    yield server
    server.remove()
