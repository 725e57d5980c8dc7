"""Clients that hold, drip, flood or do not listen: the worker's memory stays bounded, and everybody else is served."""

import contextlib
import resource
import selectors
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from installation import Node, health, install, until

pytestmark = [pytest.mark.alone, pytest.mark.whole, pytest.mark.slow, pytest.mark.timeout(300)]

MIB = 1024 * 1024
SERVED_WITHIN = 5.0
"""Seconds for a good client's call meanwhile, on a busy machine."""
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: TrentService.Encrypt\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A node for all of these tests: none of them may leave it harmed."""
    folder = tmp_path_factory.mktemp("clients") / "data"
    node = Node(folder, install(folder)).start()
    yield node
    node.stop()


@pytest.fixture
def served(shared):
    return Served(shared)


class Served:
    """A node with one worker, a key, and a good client."""

    def __init__(self, node):
        self.node = node
        self.kms = node.client("kms")
        self.key = self.kms.create_key()["KeyMetadata"]["KeyId"]
        (self.worker,) = node.processes()["worker"]
        place = urlsplit(node.url)
        self.place = (place.hostname, place.port)
        self.good_call()
        self.before = self.memory()

    def memory(self):
        """The worker's resident bytes."""
        lines = Path(f"/proc/{self.worker}/status").read_text().splitlines()
        (found,) = (line for line in lines if line.startswith("VmRSS:"))
        return int(found.split()[1]) * 1024

    @property
    def grown(self):
        return self.memory() - self.before

    def good_call(self):
        """By a client with a new connection. Seconds that it took."""
        kms = self.node.client("kms")
        began = time.monotonic()
        kms.encrypt(KeyId=self.key, Plaintext=b"x")
        return time.monotonic() - began

    def connect(self, room=None):
        made = socket.socket()
        if room is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        made.connect(self.place)
        return made


@contextlib.contextmanager
def descriptors(number):
    """Room for so many in this process, or the test is skipped."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < number:
        pytest.skip(f"the hard limit of open files is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ten_thousand_idle_connections_cost_little_and_harm_nobody(served):
    with descriptors(12_000), contextlib.ExitStack() as stack:
        for _ in range(10_000):
            stack.enter_context(served.connect())

        took = served.good_call()

        assert took < SERVED_WITHIN
        assert served.grown < 160 * MIB
        print(f"\n10 000 connections: {served.grown / MIB:.0f} MiB")


def test_clients_that_drip_their_requests_harm_nobody(served, much):
    with contextlib.ExitStack() as stack:
        drips = [stack.enter_context(served.connect()) for _ in range(much(300, 3000))]
        end = time.monotonic() + much(3, 40)  # longer than a request may take, in the full form
        slowest = 0.0
        while time.monotonic() < end:
            for drip in drips:
                with contextlib.suppress(OSError):  # cut off by now
                    drip.send(b"P")
            slowest = max(slowest, served.good_call())

        assert slowest < SERVED_WITHIN
        assert served.grown < 64 * MIB


def test_bodies_of_fifty_megabytes_are_refused_and_not_kept(served):
    peak = 0
    with contextlib.ExitStack() as stack:
        senders = [stack.enter_context(served.connect()) for _ in range(8)]
        for sender in senders:
            sender.sendall(HEAD % (50 * MIB))
        for _ in range(50):
            for sender in senders:
                sender.sendall(bytes(MIB))
            peak = max(peak, served.grown)
        statuses = [sender.recv(12) for sender in senders]

    assert statuses == [b"HTTP/1.1 413"] * 8
    assert served.good_call() < SERVED_WITHIN
    assert peak < 64 * MIB


def test_clients_that_never_read_are_not_written_to_without_end(served):
    """Each sends calls as long as they are taken, and reads no answer."""
    request = HEAD % 2 + b"{}"
    with contextlib.ExitStack() as stack:
        deaf = [stack.enter_context(served.connect(room=4096)) for _ in range(20)]
        for one in deaf:
            one.setblocking(False)
        flood(deaf, request * 64, seconds=4.0)

        assert served.good_call() < SERVED_WITHIN
        assert served.grown < 64 * MIB


def flood(senders, data, seconds):
    """Send for so long, or until nobody takes any more for a second."""
    with selectors.DefaultSelector() as selector:
        for sender in senders:
            selector.register(sender, selectors.EVENT_WRITE)
        end = time.monotonic() + seconds
        while time.monotonic() < end and (ready := selector.select(1.0)):
            for key, _ in ready:
                try:
                    key.fileobj.send(data)
                except BlockingIOError:
                    continue
                except OSError:  # hung up on
                    selector.unregister(key.fileobj)


def test_a_worker_without_descriptors_serves_whom_it_has_and_recovers(served):
    soft, hard = resource.prlimit(served.worker, resource.RLIMIT_NOFILE)
    resource.prlimit(served.worker, resource.RLIMIT_NOFILE, (128, hard))
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(served.connect())

        served.kms.encrypt(KeyId=served.key, Plaintext=b"x")  # over the connection that it has

        assert served.grown < 64 * MIB
    until(lambda: health(served.node.url)[0] == 200)
    resource.prlimit(served.worker, resource.RLIMIT_NOFILE, (soft, hard))
    assert served.good_call() < SERVED_WITHIN
