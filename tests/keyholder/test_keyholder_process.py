"""The keyholder process from its start to its end, and who may speak to it."""

import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from keystead import processes
from keystead.keyholder import process, protocol, requests
from keystead.keyholder.errors import KeyholderLost, SealNotOpened
from keystead.keyholder.pipeline import connected
from keystead.keyholder.promise import SYMMETRIC_DEFAULT
from keystead.keyholder.sealing import urandom
from keystead.keyholder.seals import FileSeal, PassphraseSeal
from keystead.keyholder.serving import STOP_SECONDS, Serving
from keystead.keyholder.software import Software
from keystead.keyholder.succession import replace_seal

NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
PASSPHRASE = b"correct horse battery staple"
RANDOM = protocol.encode(requests.Random(16))


def ended(house) -> tuple[int, str]:
    """Exit status and everything said on standard error."""
    _, said = house.process.communicate(timeout=10)
    return house.process.returncode, said.decode()


def descriptor_of(content: bytes) -> int:
    """A file that has no name."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return os.dup(file.fileno())


@pytest.fixture
def sealed_house(stopped_house):
    """Under a passphrase seal; `give` starts it with what a descriptor holds."""
    replace_seal(stopped_house.data, FileSeal(), PassphraseSeal(PASSPHRASE), same_root=True)

    def give(descriptor: int) -> None:
        stopped_house.more = ("--passphrase-fd", str(descriptor))
        stopped_house.descriptors = (descriptor,)
        stopped_house.start()
        os.close(descriptor)

    stopped_house.give = give
    return stopped_house


# Starting


def test_two_rooms_agree_on_the_status_that_says_the_seal_stayed_closed():
    assert process.SEAL_NOT_OPENED == processes.SEAL_NOT_OPENED == 3


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_passphrase_comes_from_a_file(sealed_house, wire, end):
    sealed_house.give(descriptor_of(PASSPHRASE + end))

    assert sealed_house.process.stderr.readline().startswith(b"keyholder: ready; ")
    assert wire.frames(sealed_house.exchange("worker", wire.frame(1, RANDOM)))[1][0] == 0


def test_a_passphrase_comes_from_a_pipe(sealed_house):
    heard, said = os.pipe()
    os.write(said, PASSPHRASE)
    os.close(said)

    sealed_house.give(heard)

    assert sealed_house.process.stderr.readline().startswith(b"keyholder: ready; ")


def test_the_same_descriptor_serves_every_start(sealed_house):
    descriptor = descriptor_of(PASSPHRASE)

    for _ in range(2):
        sealed_house.give(os.dup(descriptor))
        assert sealed_house.process.stderr.readline().startswith(b"keyholder: ready; ")
        sealed_house.process.kill()
        ended(sealed_house)
    os.close(descriptor)


def test_a_passphrase_is_neither_in_the_arguments_nor_in_the_environment(sealed_house):
    sealed_house.give(descriptor_of(PASSPHRASE))
    sealed_house.process.stderr.readline()

    folder = Path(f"/proc/{sealed_house.process.pid}")
    assert PASSPHRASE not in (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"wrong", "The passphrase is wrong, or seal.json was altered."),
        (b"", "This installation is sealed by a passphrase: give one with --passphrase-file."),
        (b"\n", "This installation is sealed by a passphrase: give one with --passphrase-file."),
        (PASSPHRASE + b" ", "The passphrase is wrong, or seal.json was altered."),
        (b"x" * 4097, "A passphrase has at most 4096 bytes."),
    ],
)
def test_a_seal_that_stays_closed_is_one_line_and_status_3(sealed_house, given, reason):
    sealed_house.give(descriptor_of(given))

    assert ended(sealed_house) == (3, f"keyholder: {reason}\n")


def test_a_passphrase_that_was_not_given_is_one_line_and_status_3(sealed_house):
    sealed_house.start()

    status, said = ended(sealed_house)

    assert (status, said.count("\n")) == (3, 1)
    assert "--passphrase-file" in said


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: (data / "seal.json").unlink(),
        lambda data: (data / "seal.json").write_bytes((data / "seal.json").read_bytes()[:-20]),
        lambda data: next(data.glob("seal-*.key")).unlink(),
        lambda data: next(data.glob("seal-*.key")).write_bytes(bytes(32)),
        lambda data: (data / "seal.json").chmod(0o644),
    ],
    ids=["no seal", "half a seal", "no key", "another key", "open to others"],
)
def test_an_installation_that_was_harmed_is_one_line_and_status_3(stopped_house, harm):
    harm(stopped_house.data)

    stopped_house.start()
    status, said = ended(stopped_house)

    assert (status, said.count("\n")) == (3, 1)
    assert str(stopped_house.data) in said or "altered" in said


def test_a_file_seal_refuses_a_passphrase_rather_than_ignore_it(stopped_house):
    descriptor = descriptor_of(PASSPHRASE)
    stopped_house.more, stopped_house.descriptors = ("--passphrase-fd", str(descriptor)), (descriptor,)

    stopped_house.start()
    os.close(descriptor)

    assert ended(stopped_house) == (
        3,
        "keyholder: This installation has a file seal: a passphrase is of no use to it.\n",
    )


def test_a_passphrase_that_cannot_be_read_is_said_so():
    closed = os.open("/dev/null", os.O_RDONLY)
    os.close(closed)

    with pytest.raises(SealNotOpened, match="cannot be read"):
        process.read_passphrase(closed)


def test_a_keyholder_whose_supervisor_is_another_process_ends_before_it_unseals(stopped_house, monkeypatch):
    monkeypatch.setenv("KEYSTEAD_SUPERVISOR", "1")

    stopped_house.start()

    assert ended(stopped_house) == (1, "the supervisor is gone\n")


# Ending


def test_sigterm_answers_what_was_asked_before_it(stopped_house, wire):
    stopped_house.started()
    count = 5000

    with stopped_house.connection("worker") as made:
        made.sendall(b"".join(wire.frame(number, RANDOM) for number in range(count)))
        stopped_house.process.terminate()
        answers = wire.frames(wire.everything(made))

    assert set(answers) == set(range(count))
    assert ended(stopped_house) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_keyholder_ends_at_once(stopped_house, number):
    stopped_house.started()

    with stopped_house.connection("worker"), stopped_house.connection("recorder"):
        begun = time.monotonic()
        stopped_house.process.send_signal(number)
        status, _ = ended(stopped_house)

    assert status == 0
    assert time.monotonic() - begun < STOP_SECONDS


def test_a_second_signal_changes_nothing(stopped_house, wire):
    stopped_house.started()

    with stopped_house.connection("worker") as made:
        made.sendall(wire.frame(1, RANDOM) * 2)
        for _ in range(5):
            stopped_house.process.terminate()
        status, _ = ended(stopped_house)

    assert status == 0


def test_clients_that_never_read_or_never_stop_do_not_keep_it_alive(stopped_house, wire):
    stopped_house.started()
    large = wire.frame(1, protocol.encode(requests.Random(1024)))
    stop = threading.Event()

    def never_stop(made: socket.socket) -> None:
        with made:
            try:
                while not stop.is_set():
                    made.sendall(wire.frame(1, RANDOM))
                    made.recv(65536)
            except OSError:
                pass

    busy = threading.Thread(target=never_stop, args=(stopped_house.connection("worker"),))
    busy.start()
    with stopped_house.connection("worker") as deaf:
        deaf.settimeout(0.1)
        with suppress(TimeoutError):
            while True:
                deaf.send(large)
        stopped_house.process.terminate()
        begun = time.monotonic()
        status, _ = ended(stopped_house)
    stop.set()
    busy.join()

    assert status == 0
    assert time.monotonic() - begun < 4


# Strangers


@contextmanager
def somebody_else(work: Callable[[], object]) -> Iterator[int]:
    """A process of another user that does the work and stays; yields what it wrote last."""
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os.write(said, repr(work()).encode())
            signal.pause()
        finally:
            os._exit(1)
    os.close(said)
    try:
        yield heard
    finally:
        os.close(heard)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that every user may enter, unlike the keyholder's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


@AS_ROOT
def test_a_stranger_is_not_answered(stopped_house, open_folder, wire):
    place = open_folder / "worker.sock"
    stopped_house.listeners["worker"].close()
    stopped_house.listeners["worker"] = socket.socket(socket.AF_UNIX)
    stopped_house.listeners["worker"].bind(str(place))
    stopped_house.listeners["worker"].listen()
    place.chmod(0o666)
    stopped_house.started()

    def ask() -> bytes:
        with socket.socket(socket.AF_UNIX) as made:
            made.settimeout(5)
            made.connect(str(place))
            try:
                made.sendall(wire.frame(1, RANDOM))
                return made.recv(1000)
            except (ConnectionResetError, BrokenPipeError):
                return b""

    with somebody_else(ask) as heard:
        assert os.read(heard, 2000) == b"b''"
    assert ask()[8:9] == b"\0"


@AS_ROOT
def test_a_stranger_in_the_place_of_the_keyholder_is_told_nothing(open_folder, runner):
    place = open_folder / "worker.sock"

    listening = socket.socket(socket.AF_UNIX)

    def listen() -> None:
        listening.bind(str(place))
        listening.listen()
        place.chmod(0o666)

    async def connect() -> None:
        with pytest.raises(KeyholderLost):
            await connected(str(place))

    with somebody_else(listen) as heard:
        os.read(heard, 100)
        runner.run(connect())
    listening.close()


# What it holds


def test_material_that_nobody_uses_is_dropped_while_it_serves(tmp_path):
    software = Software(urandom(32))
    software.load((software.make("domain", 1), software.make("identifier", 1)))
    software.encrypt(software.create_material("key", SYMMETRIC_DEFAULT), b"x", b"")
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "worker.sock"))
    listener.listen()
    held = []

    def look() -> None:
        deadline = time.monotonic() + 10
        while software._materials._symmetric and time.monotonic() < deadline:
            time.sleep(0.01)
        held.append(len(software._materials._symmetric))
        os.kill(os.getpid(), signal.SIGTERM)

    serving = Serving(software, {"worker": listener}, age_seconds=0.01)
    looking = threading.Thread(target=look)
    looking.start()
    try:
        serving.run()
    finally:
        looking.join()
        for number, handler in before.items():
            signal.signal(number, handler)

    assert held == [0]
