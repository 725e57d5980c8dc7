"""Requests that come whole in one read, which do not go through ASGI: they are answered like all others."""

import pytest

from keystead.config import Limits
from keystead.server.direct import head

from .listening import BIG, Listening, Mirror, until

LIMITS = Limits(header_bytes=4096, body_bytes=1000)
PLAIN = b"POST / HTTP/1.1\r\nHost: h\r\n"
ASK = PLAIN + b"Content-Length: 2\r\n\r\nab"


def doing(what: bytes) -> bytes:
    return PLAIN + b"X-Do: " + what + b"\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def listening():
    with Listening(Mirror(), LIMITS) as running:
        yield running


@pytest.fixture
def client(listening):
    with listening.client() as opened:
        yield opened


def test_a_plain_request_arrives_as_it_was_sent(client):
    seen = client.ask(PLAIN + b"X-B:  two\r\nX-A:\tone\r\nX-B: three\r\nContent-Length: 3\r\n\r\nabc").seen

    assert (seen["method"], seen["path"], seen["query"], seen["body"]) == ("POST", "/", "", "abc")
    assert seen["headers"] == [["host", "h"], ["x-b", "two"], ["x-a", "one"], ["x-b", "three"], ["content-length", "3"]]
    assert seen["peer"] == ["127.0.0.1", False, None]


def test_its_answer_has_date_length_and_nothing_about_the_server(client):
    answer = client.ask(ASK)

    assert set(answer.headers) == {b"date", b"content-type", b"content-length"}


def test_its_answer_leaves_in_one_piece(client):
    client.send(ASK)

    assert client.wire.recv(65536).endswith(b"}")


def test_a_connection_serves_many_of_them(client):
    assert [client.ask(ASK).seen["body"] for _ in range(20)] == ["ab"] * 20


def test_plain_and_other_requests_take_turns(client):
    for _ in range(3):
        assert client.ask(ASK).seen["path"] == "/"
        assert client.ask(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n").seen["path"] == "/x"


def test_it_may_have_no_body_and_a_chunked_one(client):
    assert client.ask(PLAIN + b"\r\n").seen["body"] == ""
    chunked = PLAIN + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    assert client.ask(chunked).seen["body"] == "abcde"


def test_those_behind_it_are_answered_in_their_order(listening, client):
    listening.app.open.clear()
    behind = b"".join(PLAIN + b"Content-Length: 1\r\n\r\n%d" % number for number in range(5))
    client.send(doing(b"/wait") + behind)
    listening.app.open.set()

    assert [client.answer().seen["body"] for _ in range(6)] == ["", "0", "1", "2", "3", "4"]


@pytest.mark.parametrize("place", range(1, len(ASK)))
def test_it_may_come_in_two_reads(client, place):
    client.send(ASK[:place])

    assert client.ask(ASK[place:]).seen["body"] == "ab"


def test_it_may_wait_to_be_told_to_go_on(client):
    assert client.ask(PLAIN + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n").status == 100
    assert client.ask(b"abc").seen["body"] == "abc"


@pytest.mark.parametrize("version", [b"HTTP/1.0\r\nConnection: keep-alive\r\n", b"HTTP/1.1\r\nConnection: close\r\n"])
def test_who_asks_to_close_is_answered_and_closed(client, version):
    answer = client.ask(b"POST / " + version + b"Content-Length: 2\r\n\r\nab")

    assert (answer.seen["body"], answer.headers[b"connection"]) == ("ab", b"close")
    assert client.closed()


def test_who_asks_for_another_protocol_is_answered_in_this_one(client):
    ask = PLAIN + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab"

    assert client.ask(ask).seen["path"] == "/"


def test_a_body_that_is_too_large_is_refused(client):
    answer = client.ask(PLAIN + b"X-Amz-Target: T.Op\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001)

    assert (answer.status, answer.body, answer.headers[b"x-for"]) == (413, b"1000", b"T.Op")
    assert client.closed()


def test_a_chunked_body_that_is_too_large_is_refused(client):
    chunked = PLAIN + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1001 + b"0\r\n\r\n"

    assert client.ask(chunked).status == 413


@pytest.mark.parametrize(
    "rest",
    [b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
     b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Amz-Target: smuggled\r\n\r\n"],
)  # fmt: skip  # one after another
def test_what_is_no_request_is_answered_400_and_reaches_nobody(listening, client, rest):
    listening.app.finished.clear()

    answer = client.ask(PLAIN + rest)

    assert (answer.status, answer.headers[b"connection"]) == (400, b"close")
    assert client.closed()
    assert listening.app.finished == []


def test_headers_beyond_the_limit_are_refused(client):
    assert client.ask(PLAIN + b"X: " + b"y" * 5000 + b"\r\n\r\n").status == 400


def test_an_error_behind_it_is_answered_500_without_a_word(client):
    answer = client.ask(doing(b"/fail"))

    assert (answer.status, answer.body) == (500, b"")


def test_an_answer_larger_than_every_buffer_arrives_whole(client):
    assert len(client.ask(doing(b"/big")).body) == BIG
    assert client.ask(ASK).status == 200


def test_what_was_asked_is_done_though_nobody_waits_for_it(listening):
    listening.app.open.clear()
    listening.app.finished.clear()
    with listening.client() as client:
        client.send(doing(b"/wait"))
        until(lambda: listening.server.server_state.tasks)
    listening.app.open.set()

    until(lambda: listening.app.finished == [b"/"])
    until(lambda: not listening.server.server_state.tasks)


def test_who_does_not_read_is_cut_off():
    with Listening(Mirror(), Limits(send_seconds=0.2)) as running, running.client() as client:
        client.send(doing(b"/big") * 2)

        until(lambda: running.connections == 0)
        until(lambda: not running.server.server_state.tasks)


def test_a_server_that_stops_answers_what_it_was_asked_and_closes():
    with Listening(Mirror(), LIMITS) as running, running.client() as idle, running.client() as busy:
        assert idle.ask(ASK).status == 200
        running.app.open.clear()
        busy.send(doing(b"/wait"))
        until(lambda: running.server.server_state.tasks)

        running.server.should_exit = True
        assert idle.closed()
        running.app.open.set()
        answer = busy.answer()

        assert (answer.status, answer.headers[b"connection"]) == (200, b"close")
        assert busy.closed()


@pytest.mark.parametrize("header", [(b"x", b"a\r\nset: b"), (b"x", b"a\nb"), (b"x\r", b"a"), (b"x", b"a\r")])
def test_a_header_that_would_be_two_is_not_written(header):
    assert head(200, [(b"x", b"a")]).endswith(b"\r\nx: a\r\n\r\n")
    with pytest.raises(ValueError, match="line end"):
        head(200, [header])
