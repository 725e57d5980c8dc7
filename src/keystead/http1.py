# NOTE FROM THE LEAD: please drop this file. HTTP is not ours to write (house rule: a well-kept library beats our own code,
# even a slower one; DESIGN.md section 1: uvicorn + httptools, a bare ASGI callable). Keep server.BoundedProtocol on top of uvicorn's
# HttpToolsProtocol, with the bounds it needs, and test those. The bench's echo runs under the same server, so speed is judged as a ratio.
"""HTTP/1.1 on one connection, under bounds: bytes to requests, and responses back in their order.

    bound                        beyond it                          source: config.py
    header bytes                 431, closed
    body bytes                   413 in the service's own shape, what still comes is thrown away, closed
    seconds of one request       aborted, from its first byte to its last
    seconds of an unread answer  aborted
    seconds between requests     closed
    requests waiting their turn  aborted; one that waits stops the reading
    connections                  503, closed; aborted at twice as many

llhttp reads (through httptools, strict as it comes); what it refuses is answered 400. A trailer after a body is
refused, for it would be a header that nobody has checked. (RFC 9112)
"""

import asyncio
import http
import ssl
import time
from collections import deque
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol, cast

import httptools
import structlog
from uvicorn.config import Config
from uvicorn.server import ServerState

from keystead import config
from keystead.gateway import Peer
from keystead.served import described
from keystead.wire.http import Header, Request, Response

log = structlog.get_logger("keystead.http1")

WAITING: Final = 64
"""Requests that one connection may send ahead of their answers."""
THROWN_AWAY: Final = 16
"""How many times the body limit is read from a client that was refused and goes on sending."""
FOREVER: Final = float("inf")
STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus
}
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE: Final = b"connection: close\r\n"
BAD_REQUEST: Final = Response(400, ())
HEADERS_TOO_LARGE: Final = Response(431, ())
FAILED: Final = Response(500, ())
CODING_UNKNOWN: Final = Response(501, ())
UNAVAILABLE: Final = Response(503, ())
VERSION_UNKNOWN: Final = Response(505, ())
VERSIONS: Final = frozenset({"1.0", "1.1"})


class Limits(NamedTuple):
    """Bytes, seconds and numbers."""

    header_bytes: int = config.HEADER_LIMIT
    body_bytes: int = config.BODY_LIMIT
    request_seconds: float = config.REQUEST_SECONDS
    send_seconds: float = config.SEND_SECONDS
    idle_seconds: float = config.KEEP_ALIVE_SECONDS
    connections: int = config.CONNECTION_LIMIT


class Application(Protocol):
    """What stands behind the connections."""

    async def answer(self, request: Request, peer: Peer) -> Response: ...
    def too_large(self, request: Request, limit: int) -> Response: ...


class Turn(NamedTuple):
    """One request in its turn, or a response that is ready without asking anybody."""

    request: Request | None
    ready: Response | None
    keep_alive: bool


class Refuse(Exception):
    """Raised through the parser: nothing more is read from this connection."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Connection(asyncio.Protocol):
    """uvicorn makes one for each connection, and asks it to `shutdown` when the server stops.

    due  when, on the loop's clock, patience ends; a timer looks at it four times in the shortest of the bounds, which
         costs less than a timer for each request
    """

    application: Application
    limits: Limits

    def __init__(
        self,
        config: Config,  # noqa: ARG002  # uvicorn's signature
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002  # likewise
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._loop = _loop or asyncio.get_running_loop()
        self._connections: set[Any] = server_state.connections
        self._tasks = server_state.tasks
        self._parser = httptools.HttpRequestParser(self)
        self._turns: deque[Turn] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = FOREVER
        self._last = False
        self._chunk = 0
        self._between()

    def _between(self) -> None:
        """No request has begun."""
        self._in_message = self._in_headers = self._discarding = False
        self._target = b""
        self._headers: list[Header] = []
        self._read = self._body_bytes = 0
        self._body: list[bytes] = []

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if len(self._connections) >= 2 * self.limits.connections:
            self._last = True
            self._transport.abort()
            return
        self._connections.add(self)
        self._peer = peer_of(self._transport)
        self._patience(self.limits.request_seconds)
        self._watch()

    def connection_lost(self, _: Exception | None) -> None:
        """What runs goes on: its effect and its record do not depend on who is listening."""
        self._connections.discard(self)
        self._last = True
        self._turns.clear()
        self._writable.set()
        if self._timer is not None:
            self._timer.cancel()

    def eof_received(self) -> bool:
        """Someone who has said all may still listen; under TLS there is no such half."""
        self._last = True
        return self._task is not None and not self._peer.secure

    def data_received(self, data: bytes) -> None:
        if self._last:
            return
        self._chunk = len(data)
        if self._in_headers:
            self._read += self._chunk
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._last = True  # answered as though it had not asked; what follows is not ours to read
        except httptools.HttpParserError as error:
            refused = error.__context__
            self._refuse(refused.response if isinstance(refused, Refuse) else BAD_REQUEST)
        else:
            if self._in_headers and self._read > self.limits.header_bytes:
                self._refuse(HEADERS_TOO_LARGE)

    def pause_writing(self) -> None:
        self._writable.clear()
        self._patience(self.limits.send_seconds)

    def resume_writing(self) -> None:
        self._due = FOREVER
        self._writable.set()

    def shutdown(self) -> None:
        """Answer what is being answered, and close."""
        self._last = True
        self._turns.clear()
        if self._task is None:
            self._close()

    def _patience(self, seconds: float) -> None:
        self._due = self._loop.time() + seconds

    def _watch(self) -> None:
        if self._loop.time() >= self._due:
            self._expire()
        shortest = min(self.limits.request_seconds, self.limits.send_seconds, self.limits.idle_seconds)
        self._timer = self._loop.call_later(shortest / 4, self._watch)

    def _expire(self) -> None:
        if self._in_message or self._transport.is_closing() or self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._close()

    def _close(self) -> None:
        """Once what was written has been read, for which there is a bound as well."""
        self._last = True
        self._patience(self.limits.send_seconds)
        self._transport.close()

    # The parser's side

    def on_message_begin(self) -> None:
        self._between()
        self._in_message = self._in_headers = True
        if self._task is None:
            self._patience(self.limits.request_seconds)

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_headers:
            raise Refuse(BAD_REQUEST)
        self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self._in_headers = False
        if self._read + self._chunk > self.limits.header_bytes and self._header_bytes() > self.limits.header_bytes:
            raise Refuse(HEADERS_TOO_LARGE)
        if self._parser.get_http_version() not in VERSIONS:
            raise Refuse(VERSION_UNKNOWN)
        named = dict(self._headers)
        length, coding = named.get(b"content-length"), named.get(b"transfer-encoding")
        if coding is not None and coding.lower() != b"chunked":
            raise Refuse(CODING_UNKNOWN)
        if self._parser.should_upgrade() and (length or coding):
            raise Refuse(BAD_REQUEST)  # the parser would take the body for the other protocol
        if length is not None and int(length) > self.limits.body_bytes:
            self._discard()
        elif self._task is None and named.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(CONTINUE)

    def _header_bytes(self) -> int:
        return len(self._target) + sum(len(name) + len(value) + 4 for name, value in self._headers)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._discarding:
            if self._body_bytes > THROWN_AWAY * self.limits.body_bytes:
                self._transport.abort()
        elif self._body_bytes > self.limits.body_bytes:
            self._discard()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        keep_alive = self._parser.should_keep_alive() and self._parser.get_http_version() == "1.1"
        request, discarded = self._request(b"".join(self._body)), self._discarding
        self._between()
        if discarded:
            self._last = True
            if self._task is None:
                self._close()
        elif len(self._connections) > self.limits.connections:
            self._enqueue(Turn(None, UNAVAILABLE, keep_alive=False))
        else:
            self._enqueue(Turn(request, None, keep_alive))

    def _request(self, body: bytes) -> Request:
        path, query = split_target(self._target)
        return Request(self._parser.get_method().decode("latin-1"), path, query, self._headers, body)

    def _discard(self) -> None:
        """Answer now, and go on reading: a client that is still sending would else never see the answer."""
        self._discarding = True
        self._body.clear()
        response = self.application.too_large(self._request(b""), self.limits.body_bytes)
        self._enqueue(Turn(None, response, keep_alive=False))

    def _refuse(self, response: Response) -> None:
        self._in_message = self._in_headers = False
        self._enqueue(Turn(None, response, keep_alive=False))
        self._last = True

    # One after the other

    def _enqueue(self, turn: Turn) -> None:
        if len(self._turns) >= WAITING:
            self._transport.abort()
            return
        self._turns.append(turn)
        if self._task is not None:
            self._transport.pause_reading()
            return
        self._due = FOREVER
        self._task = self._loop.create_task(self._serve())
        self._tasks.add(self._task)

    async def _serve(self) -> None:
        task = self._task
        try:
            while self._turns and await self._take(self._turns.popleft()):
                pass
        except asyncio.CancelledError:
            self._transport.abort()
            raise
        finally:
            self._tasks.discard(task)
            self._task = None
        self._after()

    async def _take(self, turn: Turn) -> bool:
        """Answer one; whether another may follow."""
        response = turn.ready or await self._asked(turn.request)
        head = turn.request is not None and turn.request.method == "HEAD"
        more = turn.keep_alive and bool(self._turns or not self._last)
        if not self._transport.is_closing():
            self._transport.write(rendered(response, more=more, head=head))
        if not self._writable.is_set():
            await self._writable.wait()
        if not more:
            self._turns.clear()
            self._last = True
        return more

    async def _asked(self, request: Request | None) -> Response:
        if request is None:
            return BAD_REQUEST
        try:
            return await self.application.answer(request, self._peer)
        except Exception as error:  # noqa: BLE001  # nobody above would answer
            log.error("unforeseen", **described(error))
            return FAILED

    def _after(self) -> None:
        if self._discarding:
            self._patience(self.limits.request_seconds)
        elif self._last:
            self._close()
        else:
            self._patience(self.limits.request_seconds if self._in_message else self.limits.idle_seconds)
            if not self._transport.is_reading():
                self._transport.resume_reading()


def rendered(response: Response, *, more: bool, head: bool) -> bytes:
    lines = b"".join([name + b": " + value + b"\r\n" for name, value in response.headers])
    length = b"content-length: %d\r\n\r\n" % len(response.body)
    return b"".join(
        (
            STATUS_LINES[response.status],
            date_line(int(time.time())),
            lines,
            b"" if more else CLOSE,
            length,
            b"" if head else response.body,
        )
    )


@lru_cache(1)
def date_line(second: int) -> bytes:
    return f"date: {formatdate(second, usegmt=True)}\r\n".encode()


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Path and query as they were sent; of an absolute target what follows the authority (RFC 9112, 3.2.2).

    What has a fragment, or is no path, becomes a path that nobody can sign.
    """
    if b"#" in target:
        return b"", b""
    if target[:7].lower() == b"http://" or target[:8].lower() == b"https://":
        authority = target.find(b"/", 8)
        target = b"/" if authority < 0 else target[authority:]
    path, _, query = target.partition(b"?")
    return path, query


def peer_of(transport: asyncio.Transport) -> Peer:
    name = transport.get_extra_info("peername")
    secured: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    address = name[0] if isinstance(name, tuple) else ""
    return Peer(address, secured is not None, tls_details(secured) if secured is not None else None)


def tls_details(secured: ssl.SSLObject) -> Mapping[str, str]:
    cipher = secured.cipher()
    return {"tlsVersion": secured.version() or "", "cipherSuite": cipher[0] if cipher else ""}
