"""Functions behind a URL: what they are sent, and what counts as done."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from keystead.rotation.errors import SecretUnusable
from keystead.rotation.executors import http, signing
from keystead.rotation.executors.http import HttpFunction
from keystead.rotation.executors.work import FunctionFailed

from .test_rotation_functions import WORK

KEY = b"k" * 32


class Receiver(ThreadingHTTPServer):
    """Answers as told, and keeps what it was sent."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes, delay: float) -> None:
        self.answer = (status, headers, body, delay)
        self.received: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
        status, headers, answer, delay = self.server.answer
        time.sleep(delay)
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(BrokenPipeError):  # it did not wait
            self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def receiver(
    status: int = 200, headers: dict[str, str] | None = None, body: bytes = b"", delay: float = 0
) -> Iterator[Receiver]:
    with Receiver(status, headers or {}, body, delay) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def perform(server: Receiver, seconds: float = 10.0) -> None:
    function = HttpFunction(f"http://127.0.0.1:{server.server_port}/rotate", KEY, seconds)
    asyncio.run(function.perform(WORK))


def test_the_event_is_posted_with_credentials_and_a_signature_that_the_receiver_can_check() -> None:
    with receiver() as server:
        perform(server)

    ((headers, body),) = server.received
    sent = json.loads(body)
    assert {name: sent[name] for name in WORK.event.document()} == WORK.event.document()
    assert sent["Keystead"]["Credentials"]["SessionToken"] == "the-session-token"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60


def test_the_signature_is_that_of_the_specification_s_example() -> None:
    """standardwebhooks.com, specification, example of a symmetric signature."""
    key = signing.key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    headers = signing.headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330.0, b'{"test": 2432232314}')

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 500}, "Status500"),
        ({"status": 302, "headers": {"location": "http://127.0.0.1/"}}, "Status302"),
        ({"headers": {"x-amz-function-error": "Unhandled"}}, "FunctionError"),
        ({"body": b'{"errorMessage": "no", "errorType": "ValueError"}'}, "FunctionError"),
    ],
)
def test_what_is_not_a_success_is_a_failure(answer: dict[str, object], kind: str) -> None:
    with receiver(**answer) as server, pytest.raises(FunctionFailed) as raised:  # type: ignore[arg-type]
        perform(server)

    assert raised.value.kind == kind


def test_a_function_that_does_not_answer_in_time_has_failed() -> None:
    with receiver(delay=3) as server, pytest.raises(FunctionFailed) as raised:
        perform(server, seconds=1)

    assert raised.value.kind == "TimedOut"


def test_a_function_that_is_not_there_has_failed() -> None:
    with pytest.raises(FunctionFailed):
        asyncio.run(HttpFunction("http://127.0.0.1:1/", KEY).perform(WORK))


@pytest.mark.parametrize(
    "url", ["http://db.example.com/", "ftp://127.0.0.1/", "https://user:pw@example.com/", "https:///x"]
)
def test_credentials_do_not_travel_in_the_clear(url: str) -> None:
    with pytest.raises(SecretUnusable):
        http.check(url)
