"""A server in a thread of the test's process, and a raw socket to it."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Self

import uvloop

from keystead import server
from keystead.config import Limits
from keystead.gateway import Peer
from keystead.processes import bind
from keystead.wire.http import Request, Response

BIG = 16 * 1024 * 1024
"""Bytes of an answer that no buffer holds."""
PATIENCE = 10.0
"""Seconds after which a test gives up; nothing waits so long when all is well."""


class Mirror:
    """Stands where the gateway stands. Answers with what it was asked; some paths do something else, also as the value of X-Do."""

    def __init__(self) -> None:
        self.finished: list[bytes] = []
        self.open = threading.Event()

    async def answer(self, request: Request, peer: Peer) -> Response:
        what = request.header(b"x-do") or request.raw_path
        if what == b"/wait":
            await asyncio.get_running_loop().run_in_executor(None, self.open.wait, PATIENCE)
        if what == b"/fail":
            raise ValueError("hush")
        if what == b"/big":
            return Response(200, (), bytes(BIG))
        self.finished.append(request.raw_path)
        seen = {
            "method": request.method,
            "path": request.raw_path.decode("latin-1"),
            "query": request.query.decode("latin-1"),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers],
            "body": request.body.decode("latin-1"),
            "peer": [peer.address, peer.secure, peer.tls],
        }
        return Response(200, ((b"content-type", b"application/json"),), json.dumps(seen).encode())

    def too_large(self, request: Request, limit: int) -> Response:
        return Response(413, ((b"x-for", request.header(b"x-amz-target") or b"-"),), b"%d" % limit)


class Listening:
    """A running server."""

    def __init__(self, app: Any, limits: Limits, **named: Any) -> None:
        self.app = app
        self.healthy = True
        self.listener = bind("127.0.0.1", 0)
        self.port = self.listener.getsockname()[1]
        self.server = server.server(server.application(app, self.health, limits), limits=limits, **named)
        self.thread = threading.Thread(target=lambda: uvloop.run(self.server.serve(sockets=[self.listener])))

    def __enter__(self) -> Self:
        self.thread.start()
        until(lambda: self.server.started)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()

    async def health(self) -> tuple[int, bytes]:
        return (200, b'{"status":"ok"}') if self.healthy else (503, b'{"status":"ill"}')

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    @contextlib.contextmanager
    def client(self) -> Iterator["Client"]:
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as wire:
            yield Client(wire)


class Client:
    """Sends bytes as they are, and reads answers as HTTP/1.1 has them."""

    def __init__(self, wire: socket.socket) -> None:
        self.wire = wire
        self.buffer = bytearray()

    def send(self, data: bytes) -> "Client":
        self.wire.sendall(data)
        return self

    def answer(self, *, head: bool = False) -> "Answer":
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        raw, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = bytes(raw).split(b"\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        length = 0 if head else int(headers.get(b"content-length", b"0"))
        while len(self.buffer) < length:
            self._more()
        body, self.buffer = bytes(self.buffer[:length]), self.buffer[length:]
        return Answer(int(first.split()[1]), headers, body)

    def ask(self, data: bytes, *, head: bool = False) -> "Answer":
        return self.send(data).answer(head=head)

    def closed(self) -> bool:
        """Whether the other side ends the connection, sending nothing more."""
        try:
            return not self.buffer and self.wire.recv(1) == b""
        except ConnectionError:
            return True

    def cut_off(self, data: bytes, pause: float = 0.0) -> bool:
        """Send it again and again; whether the other side ends that."""
        started = time.monotonic()
        try:
            while time.monotonic() - started < PATIENCE:
                self.send(data)
                time.sleep(pause)  # as a slow client does
        except ConnectionError:
            return True
        return False

    def _more(self) -> None:
        data = self.wire.recv(65536)
        if not data:
            raise ConnectionResetError
        self.buffer += data


class Answer:
    def __init__(self, status: int, headers: dict[bytes, bytes], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


def until(true: Any) -> None:
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < PATIENCE
        time.sleep(0.002)  # asks again; there is nothing to be told by
