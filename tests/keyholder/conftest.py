"""A keyholder in this process and one in its own, behind the same synchronous face."""

import asyncio
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from keystead.keyholder import setup
from keystead.keyholder.algorithms.specs import SPECS
from keystead.keyholder.client import SocketKeyholder
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.promise import Material, SealedKey
from keystead.keyholder.seals import FileSeal

settings.register_profile("keyholder", deadline=None)  # a busy machine is no failure
settings.load_profile("keyholder")

ROLES = ("worker", "scheduler", "recorder")
PATIENCE = 10.0
"""Seconds after which a test calls it a hang."""


@dataclass
class House:
    """A keyholder process, its sockets, and the sealed keys that a database would keep."""

    data: Path
    sealed: tuple[SealedKey, ...]
    listeners: dict[str, socket.socket]
    process: subprocess.Popen[bytes] | None = None
    more: tuple[str, ...] = ()
    descriptors: tuple[int, ...] = ()

    def start(self) -> subprocess.Popen[bytes]:
        handed = {role: listener.fileno() for role, listener in self.listeners.items()}
        options = [part for role, number in handed.items() for part in (f"--{role}-fd", str(number))]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "keystead.keyholder", "--data", str(self.data), *options, *self.more],
            pass_fds=(*handed.values(), *self.descriptors),
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self.process

    def started(self) -> str:
        """The line that it says when it is ready."""
        process = self.start()
        assert process.stderr is not None
        return process.stderr.readline().decode()

    def connection(self, role: str) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.connect(str(self.path(role)))  # with a timeout set, it would not wait while the queue is full
        made.settimeout(PATIENCE)
        return made

    def exchange(self, role: str, sent: bytes) -> bytes:
        """All that comes back on a connection of its own, on which nothing more is sent."""
        with self.connection(role) as made:
            with suppress(BrokenPipeError):  # it may have closed by now
                made.sendall(sent)
                made.shutdown(socket.SHUT_WR)
            return everything(made)

    def path(self, role: str) -> Path:
        return self.data / f"{role}.sock"

    async def read_sealed(self) -> tuple[SealedKey, ...]:
        return self.sealed

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
        if self.process is not None:
            self.process.communicate(timeout=10)
        for listener in self.listeners.values():
            listener.close()


def everything(connection: socket.socket) -> bytes:
    """Until the other side closes, one way or the other."""
    came = []
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            came.append(part)
    return b"".join(came)


def frame(number: int, body: bytes) -> bytes:
    return struct.pack(">II", len(body) + 4, number) + body


def frames(received: bytes) -> dict[int, tuple[int, bytes]]:
    """Status and result by number. Fails for what is not made of whole frames."""
    found = {}
    while received:
        length, number = struct.unpack_from(">II", received)
        assert 5 <= length <= len(received) - 4
        assert number not in found
        found[number] = (received[8], received[9 : 4 + length])
        received = received[4 + length :]
    return found


@pytest.fixture(scope="session")
def wire() -> type:
    """The framing of the protocol as its drawing says, written again."""

    class Wire:
        frame = staticmethod(frame)
        frames = staticmethod(frames)
        everything = staticmethod(everything)

    return Wire


class Face:
    """A keyholder whose methods are called without `await`."""

    def __init__(self, runner: asyncio.Runner, keyholder: Any) -> None:
        self._runner = runner
        self._keyholder = keyholder
        self.offered = frozenset(SPECS)
        """KMS key specs that it makes; a backend that makes fewer says so here."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._keyholder, name)
        return lambda *given: self._runner.run(method(*given))


def installed(folder: Path) -> House:
    fresh = setup.create(folder, FileSeal())
    listeners = {}
    for role in ROLES:
        listeners[role] = socket.socket(socket.AF_UNIX)
        listeners[role].bind(str(folder / f"{role}.sock"))
        listeners[role].listen()
    return House(folder, fresh.sealed, listeners)


@pytest.fixture
def stopped_house(tmp_path: Path) -> Iterator[House]:
    """Installed and not started."""
    made = installed(tmp_path)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One keyholder process for all tests that do not harm it."""
    made = installed(tmp_path_factory.mktemp("keyholder"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


def connected(runner: asyncio.Runner, house: House, role: str) -> Iterator[Face]:
    sealed = house.read_sealed
    if role == "recorder":

        async def sealed() -> tuple[SealedKey, ...]:
            return ()

    client = runner.run(SocketKeyholder.connect(house.path(role), sealed))
    yield Face(runner, client)
    runner.run(client.close())


@pytest.fixture(scope="session")
def worker(runner: asyncio.Runner, house: House) -> Iterator[Face]:
    yield from connected(runner, house, "worker")


@pytest.fixture(scope="session")
def scheduler(runner: asyncio.Runner, house: House) -> Iterator[Face]:
    yield from connected(runner, house, "scheduler")


@pytest.fixture(scope="session")
def recorder(runner: asyncio.Runner, house: House) -> Iterator[Face]:
    yield from connected(runner, house, "recorder")


@pytest.fixture(scope="session")
def made(keyholder: Face) -> Callable[..., Material]:
    """Material of a spec and usage, one of each; skips what this backend does not make."""
    kept: dict[tuple[str, str, int], Material] = {}

    def make(spec: str, usage: str, number: int = 0) -> Material:
        if spec not in keyholder.offered:
            pytest.skip(f"{spec} is not made by this backend")
        if (spec, usage, number) not in kept:
            kept[spec, usage, number] = keyholder.create_material(f"key-{spec}-{usage}-{number}", spec, usage)
        return kept[spec, usage, number]

    return make


@pytest.fixture(scope="session", params=["local", "socket"])
def keyholder(request: pytest.FixtureRequest, runner: asyncio.Runner, house: House) -> Face:
    """Every backend of the promise. One that joins is a further name here; `offered` says what it makes."""
    if request.param == "socket":
        found: Face = request.getfixturevalue("worker")
        return found
    return Face(runner, LocalKeyholder(setup.open(house.data, FileSeal()), house.read_sealed))


@pytest.fixture(scope="session")
def caretaker(request: pytest.FixtureRequest, keyholder: Face) -> Face:
    """The same backend, for what only the scheduler may ask."""
    if isinstance(keyholder._keyholder, LocalKeyholder):
        return keyholder
    found: Face = request.getfixturevalue("scheduler")
    return found
