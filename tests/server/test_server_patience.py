"""How long the server waits, and for how many; the bounds are small here, and no test sleeps for one."""

import ssl
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certificates import self_signed
from keystead.config import Limits

from .listening import BIG, Client, Listening, Mirror, until

QUICK = Limits(request_seconds=0.2, send_seconds=0.2, idle_seconds=1)
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module")
def quick():
    with Listening(Mirror(), QUICK) as running:
        yield running


@pytest.mark.parametrize(
    "begun",
    [b"", b"G", b"GET / HTTP/1.1\r\nHost: h\r\nX-Slow: ", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc",
     b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"],
)  # fmt: skip  # one after another
def test_a_request_that_does_not_end_is_cut_off(quick, begun):
    with quick.client() as client:
        client.send(begun)
        if b"Expect" in begun:
            assert client.answer().status == 100

        assert client.closed()


def test_single_bytes_do_not_buy_more_time(quick):
    with quick.client() as client:
        client.send(b"GET / HTTP/1.1\r\nX: ")

        assert client.cut_off(b"y", pause=0.01)


def test_a_second_request_has_its_own_time(quick):
    with quick.client() as client:
        assert client.ask(GET).status == 200
        client.send(b"GET / HT")

        assert client.closed()


def test_an_idle_connection_is_closed(quick):
    with quick.client() as client:
        assert client.ask(GET).status == 200

        assert client.closed()


def test_an_answer_may_take_longer_than_a_request(quick):
    quick.app.open.clear()
    with quick.client() as client:
        client.send(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
        time.sleep(0.5)  # what is waited for is the passing of two of its bounds
        quick.app.open.set()

        assert client.answer().status == 200


def test_who_does_not_read_is_cut_off(quick):
    with quick.client() as client:
        client.send(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n")

        until(lambda: quick.connections == 0)


def test_who_does_not_read_keeps_nobody_waiting(quick):
    with quick.client() as stuck, quick.client() as other:
        stuck.send(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n" * 3)

        assert other.ask(GET).status == 200


def test_who_reads_slowly_but_reads_gets_all(quick):
    with quick.client() as client:
        client.send(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n")

        assert len(client.answer().body) == BIG


def test_slow_clients_keep_nobody_waiting():
    with Listening(Mirror(), Limits()) as running:
        slow = [running.client() for _ in range(200)]
        opened = [one.__enter__().send(b"POST / HTTP/1.1\r\nHost: h\r\nX-Slow: ") for one in slow]
        with running.client() as client:
            started = time.monotonic()

            assert client.ask(GET).status == 200
            assert time.monotonic() - started < 5
        for one in opened:
            one.wire.close()


def test_beyond_the_limit_nobody_else_is_listened_to():
    with Listening(Mirror(), Limits(connections=2)) as running, running.client() as first, running.client() as second:
        assert first.ask(GET).status == second.ask(GET).status == 200
        with running.client() as third:
            assert third.closed()
        until(lambda: running.connections == 2)

        assert first.ask(GET).status == 200


def test_who_waits_its_turn_is_read_no_further(quick):
    """The rest stays with the sender: TCP's own back pressure."""
    quick.app.open.clear()
    with quick.client() as client:
        client.send(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
        until(lambda: quick.server.server_state.tasks)
        client.send(GET)
        quick.app.open.set()

        assert client.answer().seen["path"] == "/wait"
        assert client.answer().seen["path"] == "/"
        assert client.ask(GET).status == 200


pieces = st.binary(max_size=40) | st.sampled_from(
    [b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"Host: h\r\n", b"Content-Length: 5\r\n", b"\r\n", b"hello", b"0\r\n\r\n",
     b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\nConnection: upgrade\r\n"]
)  # fmt: skip  # a list


@settings(deadline=None)
@given(sent=st.lists(pieces, max_size=8).map(b"".join))
def test_whatever_is_sent_is_answered_below_500_or_cut_off(quick, sent):
    with quick.client() as client:
        client.send(sent)
        received = b""
        try:
            while data := client.wire.recv(65536):
                received += data
        except ConnectionError:
            pass

    statuses = [int(line.split()[1]) for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert all(status < 500 or status in {501, 505} for status in statuses)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    for name, content in zip(("cert.pem", "key.pem"), self_signed("localhost"), strict=True):
        (folder / name).write_bytes(content)
    return folder


def test_under_tls_the_peer_is_known_to_be_secure(certificate):
    cert, key = str(certificate / "cert.pem"), str(certificate / "key.pem")
    context = ssl.create_default_context(cafile=cert)
    with (
        Listening(Mirror(), Limits(), tls_cert=cert, tls_key=key) as running,
        running.client() as plain,
        context.wrap_socket(plain.wire, server_hostname="localhost") as wire,
    ):
        address, secure, details = Client(wire).ask(GET).seen["peer"]

    assert (address, secure) == ("127.0.0.1", True)
    assert details["tlsVersion"] == "TLSv1.3"
    assert details["cipherSuite"].startswith("TLS_")


def test_old_tls_is_refused(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.deprecated_call():
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    cert, key = str(certificate / "cert.pem"), str(certificate / "key.pem")

    with (
        Listening(Mirror(), Limits(), tls_cert=cert, tls_key=key) as running,
        running.client() as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(plain.wire)
