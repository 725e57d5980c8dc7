"""HTTP/1.1 as it is read and answered, over raw sockets."""

import socket
import threading

import pytest
from structlog.testing import capture_logs

from keystead.config import Limits

from .listening import BIG, Listening, Mirror, until

LIMITS = Limits(header_bytes=4096, body_bytes=1000)


@pytest.fixture(scope="module")
def listening():
    with Listening(Mirror(), LIMITS) as running:
        yield running


@pytest.fixture
def client(listening):
    with listening.client() as opened:
        yield opened


def test_a_request_arrives_as_it_was_sent(client):
    seen = client.ask(
        b"POST /a%2Fb/./c?x=%20+y&&z HTTP/1.1\r\nHost: h\r\nX-B:  two\r\nX-A:\tone\r\nX-B: three\r\nContent-Length: 3\r\n\r\nabc"
    ).seen

    assert (seen["method"], seen["path"], seen["query"], seen["body"]) == ("POST", "/a%2Fb/./c", "x=%20+y&&z", "abc")
    assert seen["headers"] == [["host", "h"], ["x-b", "two"], ["x-a", "one"], ["x-b", "three"], ["content-length", "3"]]
    assert seen["peer"] == ["127.0.0.1", False, None]


def test_an_answer_has_date_length_and_nothing_about_the_server(client):
    answer = client.ask(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")

    assert answer.status == 200
    assert set(answer.headers) == {b"date", b"content-type", b"content-length"}
    assert answer.headers[b"date"].endswith(b" GMT")


def test_an_answer_leaves_in_one_piece(client):
    client.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")

    first = client.wire.recv(65536)

    head, _, body = first.partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head
    assert body.endswith(b"}")


def test_a_connection_serves_many_requests(client):
    for number in range(20):
        assert client.ask(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number).seen["path"] == f"/{number}"


def test_pipelined_requests_are_answered_in_their_order(listening, client):
    listening.app.open.clear()
    client.send(
        b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"
        + b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % one for one in range(5))
    )
    listening.app.open.set()

    assert [client.answer().seen["path"] for _ in range(6)] == ["/wait", "/0", "/1", "/2", "/3", "/4"]


def test_a_request_in_single_bytes(client):
    for byte in b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab":
        client.send(bytes([byte]))

    assert client.answer().seen["body"] == "ab"


def test_a_chunked_body(client):
    seen = client.ask(
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    ).seen

    assert seen["body"] == "abcde"


def test_http_1_0_is_answered_and_closed(client):
    answer = client.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")

    assert (answer.status, answer.headers[b"connection"]) == (200, b"close")
    assert client.closed()


def test_who_asks_to_close_is_answered_and_closed(client):
    answer = client.ask(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")

    assert (answer.status, answer.headers[b"connection"]) == (200, b"close")
    assert client.closed()


def test_a_head_has_the_length_and_not_the_body(client):
    answer = client.ask(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", head=True)

    assert int(answer.headers[b"content-length"]) > 0
    assert client.ask(b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n").seen["path"] == "/next"


@pytest.mark.parametrize("method", [b"OPTIONS", b"PUT", b"DELETE", b"PATCH", b"TRACE", b"PROPFIND"])
def test_other_methods_are_passed_on(client, method):
    assert client.ask(method + b" / HTTP/1.1\r\nHost: h\r\n\r\n").seen["method"] == method.decode()


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"http://other/x?y=z", "/x", "y=z"), (b"HTTPS://other:443/x", "/x", ""),
        (b"/x?", "/x", ""), (b"/?a?b", "/", "a?b"), (b"/a#b", "/a", ""),
    ],
)  # fmt: skip  # a table
def test_targets(client, target, path, query):
    seen = client.ask(b"GET " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n").seen

    assert (seen["path"], seen["query"]) == (path, query)


def test_the_target_of_the_whole_server_is_no_path(client):
    assert client.ask(b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").seen["path"] == "*"


NONSENSE = [
    b"\x16\x03\x01\x00\x05hello\r\n\r\n", b"hello\r\n\r\n", b"FOO / HTTP/1.1\r\n\r\n", b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nA : b\r\n\r\n", b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", b"GET / HTTP/1.1\nA: b\n\n",
    b"GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n", b"GET /a b HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na", b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Amz-Target: smuggled\r\n\r\n",
]  # fmt: skip  # one after another


@pytest.mark.parametrize("sent", NONSENSE)
def test_what_is_no_request_is_answered_400_and_closed(client, sent):
    answer = client.ask(sent)

    assert (answer.status, answer.headers[b"connection"]) == (400, b"close")
    assert b"date" in answer.headers
    assert client.closed()


def test_nonsense_after_a_request_ends_the_connection(client):
    assert client.ask(b"GET /good HTTP/1.1\r\nHost: h\r\n\r\nnonsense\r\n\r\n").status == 400
    assert client.closed()


def test_who_asks_for_another_protocol_is_answered_in_this_one(client):
    answer = client.ask(b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")

    assert answer.seen["path"] == "/x"


def test_nobody_is_connected_through(client):
    assert client.ask(b"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n").status == 400
    assert client.closed()


def test_an_error_behind_it_is_answered_500_without_a_word(listening):
    with capture_logs() as logged, listening.client() as client:
        answer = client.ask(b"GET /fail HTTP/1.1\r\nHost: h\r\n\r\n")

    assert (answer.status, answer.body) == (500, b"")
    assert "hush" not in str(logged)


def test_a_body_up_to_the_limit_is_read(client):
    assert (
        len(client.ask(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000).seen["body"])
        == 1000
    )


def test_a_body_that_is_too_large_is_read_and_refused(client):
    answer = client.ask(
        b"POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: T.Op\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001
    )

    assert (answer.status, answer.body, answer.headers[b"x-for"], answer.headers[b"connection"]) == (
        413,
        b"1000",
        b"T.Op",
        b"close",
    )
    assert client.closed()


def test_who_sends_it_all_the_same_still_sees_the_refusal(client):
    answer = client.ask(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 15000\r\n\r\n" + b"x" * 15_000)

    assert answer.status == 413
    assert client.closed()


def test_a_chunked_body_that_grows_too_large_is_refused(client):
    chunk = b"100\r\n" + b"x" * 256 + b"\r\n"
    answer = client.ask(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 4 + b"0\r\n\r\n")

    assert answer.status == 413
    assert client.closed()


def test_who_never_stops_sending_is_cut_off(client):
    client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n")

    assert client.cut_off(b"x" * 10_000)


def test_who_waits_to_be_told_to_go_on_is_told(client):
    client.send(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert client.answer().status == 100

    assert client.ask(b"abc").seen["body"] == "abc"


def test_who_waited_with_too_much_is_refused(client):
    client.send(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3000\r\n\r\n")
    assert client.answer().status == 100

    assert client.ask(b"x" * 3000).status == 413


def test_headers_up_to_the_limit_are_read(client):
    assert client.ask(b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 4000 + b"\r\n\r\n").status == 200


@pytest.mark.parametrize(
    "headers", [b"X: " + b"y" * 5000, b"\r\n".join(b"X-%d: y" % one for one in range(500)), b"X: " + b"y" * 400_000]
)
def test_headers_beyond_the_limit_are_refused(client, headers):
    answer = client.ask(b"GET / HTTP/1.1\r\nHost: h\r\n" + headers + b"\r\n\r\n")

    assert answer.status == 400
    assert client.closed()


def test_headers_that_do_not_end_are_refused_when_they_are_too_long(client):
    client.send(b"GET / HTTP/1.1\r\nHost: h\r\n")

    assert client.cut_off(b"X-Header: " + b"y" * 1000 + b"\r\n")


def test_trailers_that_do_not_end_are_refused(client):
    client.send(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n")

    assert client.cut_off(b"X-Trailer: " + b"y" * 1000 + b"\r\n")


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_the_health_page_needs_no_signature(listening, client, method):
    ask = method + b" /health HTTP/1.1\r\nHost: h\r\n\r\n"
    well = client.ask(ask, head=method == b"HEAD")
    listening.healthy = False
    ill = client.ask(ask, head=method == b"HEAD")
    listening.healthy = True

    assert (well.status, ill.status) == (200, 503)
    assert well.headers[b"cache-control"] == b"no-store"


def test_only_reading_the_health_page_is_special(client):
    assert client.ask(b"POST /health HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").seen["path"] == "/health"
    assert client.ask(b"GET /health/x HTTP/1.1\r\nHost: h\r\n\r\n").seen["path"] == "/health/x"


def test_a_target_beyond_the_limit_is_refused(client):
    assert client.ask(b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: h\r\n\r\n").status == 400


def test_who_has_said_all_and_listens_is_answered(listening, client):
    listening.app.open.clear()
    client.send(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
    client.wire.shutdown(socket.SHUT_WR)
    listening.app.open.set()

    assert client.answer().seen["path"] == "/wait"
    assert client.closed()


def test_what_was_asked_is_done_though_nobody_waits_for_it(listening):
    listening.app.open.clear()
    listening.app.finished.clear()
    with listening.client() as client:
        client.send(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
        until(lambda: listening.server.server_state.tasks)
    listening.app.open.set()

    until(lambda: listening.app.finished == [b"/wait"])


def test_an_answer_larger_than_every_buffer_arrives_whole(client):
    assert len(client.ask(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n").body) == BIG


def test_a_server_that_stops_answers_what_it_was_asked_and_closes_the_rest():
    with (
        Listening(Mirror(), LIMITS) as running,
        running.client() as idle,
        running.client() as half,
        running.client() as busy,
    ):
        assert idle.ask(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 200
        half.send(b"GET / HTTP/1.1\r\nHost")
        busy.send(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n")
        until(lambda: running.server.server_state.tasks)

        running.server.should_exit = True
        assert idle.closed()
        assert half.closed()
        running.app.open.set()
        answer = busy.answer()

        assert (answer.status, answer.headers[b"connection"]) == (200, b"close")
        assert busy.closed()


def test_stopping_leaves_no_thread(listening):
    before = threading.active_count()
    with Listening(Mirror(), LIMITS):
        pass

    assert threading.active_count() == before
