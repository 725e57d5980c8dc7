"""Workers on one listening socket: each gets its share of the connections, and none is left waiting."""

import contextlib
import errno
import socket
import ssl
import time

import pytest

from certificates import self_signed
from keystead.config import Limits
from keystead.server import accepting
from keystead.server.accepting import Shares

from .listening import Listening, Mirror, until

ASK = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
NEVER = 600.0
"""Seconds: longer than any test."""


@pytest.fixture
def cells(tmp_path):
    return tmp_path / accepting.NAME


def worker(cells, slot, listener=None, slots=2):
    made = Listening(Mirror(), Limits(), shares=Shares(cells, slot=slot, slots=slots))
    if listener is not None:
        made.listener.close()
        made.listener, made.port = listener, listener.getsockname()[1]
    return made


def connected(stack, port, count):
    return [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(count)]


@pytest.mark.parametrize("count", [2, 9, 64, 200])
def test_two_workers_get_like_shares_of_the_connections(cells, monkeypatch, count):
    monkeypatch.setattr(accepting, "MOMENT_SECONDS", NEVER)
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(worker(cells, 0))
        other = stack.enter_context(worker(cells, 1, one.listener.dup()))
        connected(stack, one.port, count)

        until(lambda: one.connections + other.connections == count)

        less, more = sorted((one.connections, other.connections))
        assert less
        assert more - less <= 2 + more // 8


def test_what_a_worker_leaves_to_another_it_takes_when_the_other_does_not(cells):
    Shares(cells, slot=1, slots=2)  # one that has nothing, and takes nothing
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(worker(cells, 0))

        links = connected(stack, one.port, 20)

        until(lambda: one.connections == 20)
        links[-1].sendall(ASK)
        assert links[-1].recv(100).startswith(b"HTTP/1.1 200")


def test_who_took_nothing_is_not_waited_for_again(cells, monkeypatch):
    monkeypatch.setattr(accepting, "MOMENT_SECONDS", 0.5)
    Shares(cells, slot=1, slots=2)
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(worker(cells, 0))
        began = time.monotonic()

        connected(stack, one.port, 100)
        until(lambda: one.connections == 100)

        assert time.monotonic() - began < 10  # and not a hundred moments


def test_who_was_away_gets_its_share_when_it_is_back(cells, monkeypatch):
    monkeypatch.setattr(accepting, "MOMENT_SECONDS", 0.0)
    Shares(cells, slot=1, slots=2).tell(3)  # what it had when it was killed
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(worker(cells, 0))
        connected(stack, one.port, 10)
        until(lambda: one.connections == 10)
        monkeypatch.setattr(accepting, "MOMENT_SECONDS", NEVER)
        other = stack.enter_context(worker(cells, 1, one.listener.dup()))

        connected(stack, one.port, 8)

        until(lambda: one.connections + other.connections == 18)
        assert other.connections == 8


def test_a_worker_that_starts_again_has_no_connections(cells):
    Shares(cells, slot=1, slots=2).tell(5)

    Shares(cells, slot=1, slots=2)

    one = Shares(cells, slot=0, slots=2)
    one.tell(1)
    assert one.behind() == {1: 0}


def test_a_closed_connection_counts_no_more(cells):
    with worker(cells, 0, slots=1) as one:
        with contextlib.ExitStack() as stack:
            connected(stack, one.port, 3)
            until(lambda: one.connections == 3)

        until(lambda: one.connections == 0)

    other = Shares(cells, slot=0, slots=1)
    assert other.behind() == {}


class Full(socket.socket):
    """A listener of a process that has no descriptor left, for a while."""

    refused = 0
    full = True

    def accept(self):
        if self.full:
            self.refused += 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_a_worker_without_descriptors_takes_what_waits_when_it_has_some_again(cells):
    one = worker(cells, 0, slots=1)
    listener = one.listener = Full(fileno=one.listener.detach())
    with one, contextlib.ExitStack() as stack:
        (link,) = connected(stack, one.port, 1)
        until(lambda: listener.refused)

        listener.full = False

        link.sendall(ASK)
        assert link.recv(100).startswith(b"HTTP/1.1 200")
        assert listener.refused < 100


def test_what_comes_over_tls_is_shared_too(cells, tmp_path):
    for name, content in zip(("cert.pem", "key.pem"), self_signed("localhost"), strict=True):
        (tmp_path / name).write_bytes(content)
    shares = Shares(cells, slot=0, slots=1)
    tls = {"tls_cert": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}
    context = ssl.create_default_context(cafile=tls["tls_cert"])
    with Listening(Mirror(), Limits(), shares=shares, **tls) as one, contextlib.ExitStack() as stack:
        plain, link = connected(stack, one.port, 2)
        plain.sendall(ASK)  # no TLS

        secured = stack.enter_context(context.wrap_socket(link, server_hostname="localhost"))
        secured.sendall(ASK)

        assert secured.recv(100).startswith(b"HTTP/1.1 200")
