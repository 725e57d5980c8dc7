"""A keyholder in this process and one in its own, behind the same synchronous face."""

import asyncio
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from keystead.keyholder import hsm_file, setup
from keystead.keyholder.algorithms.specs import SPECS
from keystead.keyholder.client import SocketKeyholder
from keystead.keyholder.errors import RequestRefused
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.pkcs11 import Tokens
from keystead.keyholder.promise import SYMMETRIC_DEFAULT, Material, SealedKey
from keystead.keyholder.reach import Reach
from keystead.keyholder.seals import FileSeal, Pkcs11Seal, Seal

from ..softhsm import SoftHsm  # noqa: TID252  # rings of tests are no packages

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
    modules: "tuple[Module, ...]" = ()

    def start(self) -> subprocess.Popen[bytes]:
        handed = {role: listener.fileno() for role, listener in self.listeners.items()}
        options = [part for role, number in handed.items() for part in (f"--{role}-fd", str(number))]
        options += [part for module in self.modules for part in ("--hsm", module.option)]
        links = [module.ends[0].fileno() for module in self.modules]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "keystead.keyholder", "--data", str(self.data), *options, *self.more],
            pass_fds=(*handed.values(), *self.descriptors, *links),
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
        for module in self.modules:
            module.stop()
        for listener in self.listeners.values():
            listener.close()


@dataclass
class Module:
    """The processes of a token, and their connection to the keyholder."""

    hsm: SoftHsm
    ends: tuple[socket.socket, socket.socket]
    processes: list[subprocess.Popen[bytes]]

    @classmethod
    def of(cls, hsm: SoftHsm) -> "Module":
        return cls(hsm, socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET), [])

    @property
    def option(self) -> str:
        return f"{self.hsm.name}={self.ends[0].fileno()}"

    def start(self) -> subprocess.Popen[bytes]:
        end = self.ends[1].fileno()
        options = ["--hsm-file", str(self.hsm.file), "--name", self.hsm.name, "--fd", str(end)]
        made = subprocess.Popen([sys.executable, "-m", "keystead.keyholder.hsm_process", *options], pass_fds=(end,))
        self.processes.append(made)
        return made

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()

    def stop(self) -> None:
        self.kill()
        for end in self.ends:
            end.close()


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


class InToken:
    """A keyholder whose material is made in a token: what the promise says of material is true of it, wherever it is."""

    def __init__(self, keyholder: Any, hsm: SoftHsm) -> None:
        self._keyholder = keyholder
        self._hsm = hsm

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return getattr(self._keyholder, name)

    async def create_material(self, key_id: str, spec: str, usage: str = "ENCRYPT_DECRYPT") -> Material:
        if spec != SYMMETRIC_DEFAULT or usage != "ENCRYPT_DECRYPT":
            raise RequestRefused
        return await self._keyholder.create_hsm_material(key_id, self._hsm.name)


class Face:
    """A keyholder whose methods are called without `await`."""

    def __init__(self, runner: asyncio.Runner, keyholder: Any, offered: Iterable[str] = SPECS) -> None:
        self._runner = runner
        self._keyholder = keyholder
        self.offered = frozenset(offered)
        """KMS key specs that it makes; a backend that makes fewer says so here."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._keyholder, name)
        return lambda *given: self._runner.run(method(*given))


def installed(folder: Path, seal: Seal | None = None) -> House:
    fresh = setup.create(folder, seal or FileSeal())
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
def hsm_house(shared_softhsm: SoftHsm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One whose root key is in a token."""
    made = in_token(shared_softhsm, tmp_path_factory.mktemp("hsm-keyholder"))
    made.modules[0].start()
    made.start()
    yield made
    made.stop()


def in_token(hsm: SoftHsm, folder: Path) -> House:
    tokens = Tokens(hsm_file.read(str(hsm.file)))
    made = installed(folder, Pkcs11Seal(hsm.name, Reach(tokens)))
    tokens.close()
    made.modules = (Module.of(hsm),)
    return made


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


@pytest.fixture(scope="session")
def hsm_worker(runner: asyncio.Runner, hsm_house: House) -> Iterator[Face]:
    for face in connected(runner, hsm_house, "worker"):
        yield Face(runner, InToken(face._keyholder, hsm_house.modules[0].hsm), {SYMMETRIC_DEFAULT})


@pytest.fixture(scope="session")
def hsm_scheduler(runner: asyncio.Runner, hsm_house: House) -> Iterator[Face]:
    yield from connected(runner, hsm_house, "scheduler")


@pytest.fixture(scope="session", params=["local", "socket", "softhsm"])
def keyholder(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Face:
    """Every backend of the promise. One that joins is a further name here."""
    if request.param == "local":
        house = request.getfixturevalue("house")
        return Face(runner, LocalKeyholder(setup.open(house.data, FileSeal()), house.read_sealed))
    found: Face = request.getfixturevalue({"socket": "worker", "softhsm": "hsm_worker"}[request.param])
    return found


@pytest.fixture(scope="session")
def caretaker(request: pytest.FixtureRequest, keyholder: Face) -> Face:
    """The same backend, for what only the scheduler may ask."""
    if isinstance(keyholder._keyholder, LocalKeyholder):
        return keyholder
    in_token = isinstance(keyholder._keyholder, InToken)
    found: Face = request.getfixturevalue("hsm_scheduler" if in_token else "scheduler")
    return found


@pytest.fixture(scope="session")
def sealed(request: pytest.FixtureRequest, keyholder: Face) -> tuple[SealedKey, ...]:
    """The sealed keys of the same backend."""
    in_token = isinstance(keyholder._keyholder, InToken)
    house: House = request.getfixturevalue("hsm_house" if in_token else "house")
    return house.sealed
