"""HTTP, and nothing else: uvicorn under bounds, and the ASGI callable between it and the gateway.

bound                          beyond it                                        source: config.py
header bytes                   400, closed
body bytes                     413 in the service's own shape, closed; what still comes is thrown away first
seconds of one request         aborted, from its first byte to its last
seconds of an unread answer    aborted
requests queued on one         400, closed
seconds between requests       closed, or aborted where the last answer has not been read
connections                    closed as soon as they are made
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from keystead import config
from keystead.gateway import Gateway, Peer
from keystead.logs import described
from keystead.wire.http import Request, Response

log = structlog.get_logger("keystead.server")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Health = Callable[[], Awaitable[tuple[int, bytes]]]

HEALTH_HEADERS: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
CLOSE: Final = (b"connection", b"close")
THROWN_AWAY: Final = 64
"""So many times the body limit is read from a client that goes on sending: else it would never see that it was refused."""
STOP_SECONDS: Final = 10
"""How long calls in flight may take when the server stops."""
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
"""What uvicorn writes when it begins to read a body that its sender holds back (RFC 9110, 10.1.1)."""
JOINED_BYTES: Final = 65536
"""Of a body that is copied behind its head: the packet and the system call that this spares cost more than the copy."""


class NoTrailers(list[tuple[bytes, bytes]]):
    """Where headers that come after the body would go: nobody has bounded them, and nobody expects them."""

    def append(self, _: tuple[bytes, bytes]) -> None:
        raise ValueError


class Joining:
    """The transport as one answer sees it: its head waits for its body, and both leave in one call and one packet.

    An answer without a body must not go through it.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        if data == CONTINUE:
            self._transport.write(data)
            return
        if self._head is None:
            self._head = data
            return
        head, self._head = self._head, b""
        if head and len(data) > JOINED_BYTES:
            self._transport.write(head)
        elif head:
            data = head + data
        self._transport.write(data)

    def close(self) -> None:
        """Also of an answer that broke off."""
        if self._head:
            self._transport.write(self._head)
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with the bounds it lacks: headers in bytes, requests and unread answers in time.

    A request that arrives whole in one read costs nothing extra; a timer is armed only for one that does not.
    """

    limits = config.Limits()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._send_deadline: asyncio.TimerHandle | None = None
        self._reading = True
        self._in_headers = True
        self._header_bytes = 0
        self._tls: Mapping[str, str] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
            return
        secured = transport.get_extra_info("ssl_object")
        self._tls = tls_details(secured) if secured else None
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_headers and self._header_bytes > self.limits.header_bytes:
            self.send_400_response("Request headers too large.")
        elif self._reading:
            self._arm()
        else:
            self._disarm()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reading = self._in_headers = True
        if self._tls is not None:
            self.scope["extensions"] = {"tls": self._tls}  # type: ignore[dict-item]  # uvicorn's type has no contents

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= self.limits.pipelined:
            raise ValueError  # answered 400 by whoever feeds the parser
        if self._header_bytes > self.limits.header_bytes and self._sent_headers() > self.limits.header_bytes:
            raise ValueError
        self._in_headers = False
        self._header_bytes = 0
        super().on_headers_complete()
        self.headers = NoTrailers()
        if self.scope["method"] != "HEAD":
            self.cycle.transport = Joining(self.transport)  # type: ignore[assignment]  # as much of one as it uses

    def _sent_headers(self) -> int:
        """Without the body that may have come with them."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._reading = False
        self._in_headers = True

    def on_response_complete(self) -> None:
        """Without this, uvicorn reads on after every answer, however many requests still wait behind it: a queue without end."""
        super().on_response_complete()
        if self.pipeline and not self.transport.is_closing():
            self.flow.pause_reading()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn closes at once
        """Who has said all may still listen; under TLS there is no such half."""
        listening = self.cycle is not None and not self.cycle.response_complete and not self._reading
        if listening:
            self.cycle.keep_alive = False
        return listening and self.scheme == "http"

    def timeout_keep_alive_handler(self) -> None:
        """A client that has not read its last answer would keep a connection that is only being closed."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._send_deadline = self.loop.call_later(self.limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        if self._send_deadline is not None:
            self._send_deadline.cancel()
            self._send_deadline = None
            super().resume_writing()

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.limits.request_seconds, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def tls_details(secured: ssl.SSLObject) -> Mapping[str, str]:
    """CloudTrail's tlsDetails, but for the host header."""
    cipher = secured.cipher()
    return {"tlsVersion": secured.version() or "", "cipherSuite": cipher[0] if cipher else ""}


def application(gateway: Gateway, health: Health, limits: config.Limits = config.Limits()) -> Application:  # noqa: B008  # a constant
    """The ASGI callable: one request in, one response out, and the health page, which needs no signature."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        body: bytes | None = message.get("body", b"")
        if message.get("more_body"):
            body = await read_body(receive, message, limits.body_bytes)
        request = Request(scope["method"], scope["raw_path"], scope["query_string"], scope["headers"], body or b"")
        if body is None or len(body) > limits.body_bytes:
            await respond(send, gateway.too_large(request, limits.body_bytes), CLOSE)
        else:
            await respond(send, await answered(request, scope))

    async def answered(request: Request, scope: Scope) -> Response:
        try:
            if request.raw_path == b"/health" and request.method in {"GET", "HEAD"}:
                status, page = await health()
                return Response(status, HEALTH_HEADERS, page)
            return await gateway.answer(request, peer_of(scope))
        except Exception as error:  # noqa: BLE001  # uvicorn would write its words into the log
            log.error("unforeseen", **described(error))
            return Response(500, ())

    return answer


def peer_of(scope: Scope) -> Peer:
    client = scope["client"]
    extensions = scope.get("extensions")
    return Peer(client[0] if client else "", scope["scheme"] == "https", extensions["tls"] if extensions else None)


async def read_body(receive: Receive, message: dict[str, Any], limit: int) -> bytes | None:
    """The whole body, or None for one that is too large or whose sender has gone."""
    chunks, size = [message["body"]], len(message["body"])
    while message.get("more_body") and size <= limit * THROWN_AWAY:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        else:
            chunks.clear()
    whole = message["type"] == "http.request" and size <= limit
    return b"".join(chunks) if whole else None


async def respond(send: Send, response: Response, *more: tuple[bytes, bytes]) -> None:
    body = response.body
    length = len(body) if response.length is None else response.length
    headers = (*response.headers, *more, (b"content-length", b"%d" % length))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Server(uvicorn.Server):
    """Tells the house that it stops, before it waits for the calls in flight."""

    stopping: Callable[[], None]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.stopping()
        await super().shutdown(sockets)


def server(
    app: Application,
    *,
    tls_cert: str = "",
    tls_key: str = "",
    limits: config.Limits = config.Limits(),  # noqa: B008  # a constant
    stopping: Callable[[], None] = lambda: None,
) -> uvicorn.Server:
    """A server for already bound sockets; it stops on SIGTERM after the calls in flight are answered."""
    made = Server(
        uvicorn.Config(
            app,
            http=type("Bounded", (BoundedProtocol,), {"limits": limits}),
            ws="none",
            lifespan="off",
            loop="uvloop",
            interface="asgi3",
            access_log=False,
            log_config=None,
            log_level="critical",  # it warns of every malformed request, and anybody can send them
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=limits.idle_seconds,
            timeout_graceful_shutdown=STOP_SECONDS,
            ssl_certfile=tls_cert or None,
            ssl_keyfile=tls_key or None,
        )
    )
    made.stopping = stopping
    return made
