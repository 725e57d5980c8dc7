"""A PostgreSQL of the demo's own, from the programs that are installed on this machine: on the loopback, in a temporary folder."""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # its annotations are not published

from keystead.demo.stage import START_SECONDS, DemoFailed

DEBIAN: Final = Path("/usr/lib/postgresql")
SUPERUSER: Final = "postgres"
REFUSED: Final = (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A server that runs, and the password of its superuser."""

    port: int
    password: str = field(repr=False)

    async def connect(self, user: str, password: str, application: str = "demo") -> Any:
        """Raises REFUSED for a wrong password."""
        return await asyncpg.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            password=password,
            database="postgres",
            ssl=False,
            server_settings={"application_name": application},
        )

    def run(self, user: str, password: str, *statements: str) -> None:
        async def each() -> None:
            connection = await self.connect(user, password)
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

        asyncio.run(each())

    def lets_in(self, user: str, password: str) -> bool:
        try:
            self.run(user, password)
        except REFUSED:
            return False
        return True


def programs() -> Path | None:
    """The folder of initdb and postgres, of the newest version; None where there is none."""
    debian = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = debian[-1] if debian else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@contextmanager
def postgresql(folder: Path) -> Iterator[PostgreSQL]:
    """A server from the programs of this folder, until the block ends. It refuses to be root's, so root gives it to `postgres`."""
    owner: dict[str, Any] = {"user": SUPERUSER, "group": SUPERUSER} if os.geteuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="keystead-demo-postgresql-"))
    try:
        password = secrets.token_urlsafe(16)
        (home / "password").write_text(password)
        if owner:
            for path in (home, home / "password"):
                shutil.chown(path, SUPERUSER, SUPERUSER)
        create(folder, home, owner)
        with running(folder, home, owner) as port:
            server = PostgreSQL(port, password)
            yield await_ready(server)
    finally:
        shutil.rmtree(home)


def create(folder: Path, home: Path, owner: dict[str, Any]) -> None:
    command: list[str | Path] = [
        folder / "initdb",
        "-D",
        home / "data",
        "-U",
        SUPERUSER,
        "-A",
        "scram-sha-256",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    command += ["--pwfile", home / "password"]
    done = subprocess.run(command, cwd="/", env=plain(), capture_output=True, text=True, check=False, **owner)
    if done.returncode:
        raise DemoFailed(f"initdb: {done.stderr.strip()}")


@contextmanager
def running(folder: Path, home: Path, owner: dict[str, Any]) -> Iterator[int]:
    """Its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command: list[str | Path] = [
        folder / "postgres",
        "-D",
        home / "data",
        "-k",
        home,
        "-p",
        str(port),
        "-c",
        "listen_addresses=127.0.0.1",
    ]
    command += ["-c", "fsync=off"]  # what it holds is gone with the demo
    process = subprocess.Popen(
        command, cwd="/", env=plain(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **owner
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def plain() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}


def await_ready(server: PostgreSQL) -> PostgreSQL:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.run(SUPERUSER, server.password, "SELECT 1")
        except (OSError, asyncpg.PostgresError):
            if time.monotonic() > deadline:
                raise DemoFailed("PostgreSQL did not start.") from None
            time.sleep(0.1)
        else:
            return server
