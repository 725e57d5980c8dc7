"""The webhook that is told of rotations: a real receiver checks each signature, is away for a while, and misses nothing."""

import base64
import hashlib
import hmac
import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from keystead.testing import Keystead, running
from postgresql import Databases
from rotated import Rotated, events, until
from targets import PostgreSQLTarget

pytestmark = pytest.mark.slow

KEY = bytes(range(32))
FUNCTION = "KeysteadPostgreSQLAlternatingUsersRotation"
REFUSALS = 3


@dataclass(frozen=True)
class Post:
    """at  when it came; taken  whether it was answered with a success"""

    at: float
    headers: dict[str, str]
    body: bytes = field(repr=False)
    taken: bool

    def signed_with(self, key: bytes) -> bool:
        """As the specification says, by means of nothing but the standard library (standardwebhooks.com)."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{expected}" in self.headers["webhook-signature"].split(" ")

    @property
    def record(self) -> Any:
        return json.loads(self.body)


class Receiver(ThreadingHTTPServer):
    """Refuses the first few posts, in several ways; takes the others."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.answers = [503, 500, 302]
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def taken(self) -> list[Any]:
        return [post.record for post in self.posts if post.taken]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.answers.pop(0) if self.server.answers else 204
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.posts.append(Post(time.monotonic(), headers, body, status == 204))
        self.send_response(status)
        self.send_header("content-length", "0")
        self.send_header("location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def telling(receiver: Receiver, tmp_path: Path) -> Iterator[Keystead]:
    key = tmp_path / "webhook.key"
    key.write_text(f"whsec_{base64.b64encode(KEY).decode()}\n")
    url = f"http://127.0.0.1:{receiver.server_port}/rotations"
    with running(rotation_webhook=url, rotation_webhook_key=str(key)) as house:
        yield house


def test_every_event_of_a_rotation_is_told_signed_in_order_and_again_until_it_is_taken(
    telling: Keystead, receiver: Receiver, postgresql: Databases
) -> None:
    secret = Rotated(telling, PostgreSQLTarget(postgresql), FUNCTION, overlap="off")

    secret.rotated(secret.rotate())

    names = ["RotationStarted", "RotationSucceeded", "OverlapEnded"]
    until(lambda: len(receiver.taken) == len(names))
    assert [record["eventName"] for record in receiver.taken] == names
    assert all(post.signed_with(KEY) and not post.signed_with(bytes(32)) for post in receiver.posts)
    assert all(post.headers["webhook-id"] == post.record["eventID"] for post in receiver.posts)
    tries = receiver.posts[: REFUSALS + 1]
    assert len({post.headers["webhook-id"] for post in tries}) == 1
    assert [post.taken for post in tries] == [False] * REFUSALS + [True]
    pauses = [later.at - earlier.at for earlier, later in itertools.pairwise(tries)]
    assert pauses[0] > 1.5
    assert pauses[1] > 3.5  # twice as long as the first
    assert secret.current().password.encode() not in b"".join(post.body for post in receiver.posts)
    recorded = until(lambda: events(secret, "OverlapEnded"))
    assert [one["eventID"] for one in recorded] == [receiver.taken[-1]["eventID"]]
