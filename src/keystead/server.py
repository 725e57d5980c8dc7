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
from functools import partial
from typing import Any, Final

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from keystead import config
from keystead.accepting import Accepting, Counted, Shares
from keystead.direct import JOINED_BYTES, METHOD, PATH, Direct
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


class NoTrailers(list[tuple[bytes, bytes]]):
    """Where headers that come after the body would go: nobody has bounded them, and nobody expects them."""

    def append(self, _: tuple[bytes, bytes]) -> None:
        raise ValueError


NO_TRAILERS: Final = NoTrailers()


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
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] | None = None
        self._direct: Direct | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
            return
        secured = transport.get_extra_info("ssl_object")
        self._tls = tls_details(secured) if secured else None
        if isinstance(self.app, GatewayApplication):
            self._direct = Direct(
                self, self.app.gateway.answer, Peer(address_of(self.client), secured is not None, self._tls)
            )
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
        if self._pieces is not None:
            self._go_on_by_asgi(self._pieces)
        if self._in_headers and self._header_bytes > self.limits.header_bytes:
            self.send_400_response("Request headers too large.")
        elif self._reading:
            self._arm()
        else:
            self._disarm()

    def on_message_begin(self) -> None:
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._reading = self._in_headers = True

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= self.limits.pipelined:
            raise ValueError  # answered 400 by whoever feeds the parser
        if self._header_bytes > self.limits.header_bytes and self._sent_headers() > self.limits.header_bytes:
            raise ValueError
        self._in_headers = False
        self._header_bytes = 0
        if self._is_plain():
            self._pieces, self._headers, self.headers = [], self.headers, NO_TRAILERS
        else:
            self._begin_by_asgi(self.headers)

    def _is_plain(self) -> bool:
        """So far: its body is still to come, and may not come whole."""
        return (
            self._direct is not None
            and self.url == PATH
            and not self.expect_100_continue
            and (self.cycle is None or self.cycle.response_complete)
            and self.parser.get_method() == METHOD
            and self.parser.get_http_version() == "1.1"
            and not self.parser.should_upgrade()
        )

    def _begin_by_asgi(self, headers: list[tuple[bytes, bytes]]) -> None:
        url, expected = self.url, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expected
        self.headers += headers
        if self._tls is not None:
            self.scope["extensions"] = {"tls": self._tls}  # type: ignore[dict-item]  # uvicorn's type has no contents
        super().on_headers_complete()
        self.headers = NO_TRAILERS
        if self.scope["method"] != "HEAD":
            self.cycle.transport = Joining(self.transport)  # type: ignore[assignment]  # as much of one as it uses

    def _go_on_by_asgi(self, come: list[bytes]) -> None:
        """What has come of it is not all, or is too much."""
        self._pieces = None
        self._begin_by_asgi(self._headers)
        for piece in come:
            super().on_body(piece)

    def _sent_headers(self) -> int:
        """Without the body that may have come with them."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        if self._pieces is None:
            super().on_body(body)
        else:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        if self._pieces is not None:
            self._begin_directly(self._pieces)
        else:
            super().on_message_complete()
        self._reading = False
        self._in_headers = True

    def _begin_directly(self, pieces: list[bytes]) -> None:
        body = b"".join(pieces)
        if self._direct is None or len(body) > self.limits.body_bytes:
            self._go_on_by_asgi(pieces)
            super().on_message_complete()
            return
        self._pieces = None
        self.cycle = self._direct  # type: ignore[assignment]  # as much of one as uvicorn uses
        self._direct.begin(self._headers, body, keep_alive=self.parser.should_keep_alive())

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


class GatewayApplication:
    """The ASGI callable: one request in, one response out, and the health page, which needs no signature."""

    def __init__(self, gateway: Gateway, health: Health, limits: config.Limits) -> None:
        self.gateway = gateway
        self._health = health
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        body: bytes | None = message.get("body", b"")
        if message.get("more_body"):
            body = await read_body(receive, message, self._limits.body_bytes)
        request = Request(scope["method"], scope["raw_path"], scope["query_string"], scope["headers"], body or b"")
        if body is None or len(body) > self._limits.body_bytes:
            await respond(send, self.gateway.too_large(request, self._limits.body_bytes), CLOSE)
        else:
            await respond(send, await self._answered(request, peer_of(scope)))

    async def _answered(self, request: Request, peer: Peer) -> Response:
        try:
            if request.raw_path == b"/health" and request.method in {"GET", "HEAD"}:
                status, page = await self._health()
                return Response(status, HEALTH_HEADERS, page)
            return await self.gateway.answer(request, peer)
        except Exception as error:  # noqa: BLE001  # uvicorn would write its words into the log
            log.error("unforeseen", **described(error))
            return Response(500, ())


def application(gateway: Gateway, health: Health, limits: config.Limits = config.Limits()) -> GatewayApplication:  # noqa: B008  # a constant
    return GatewayApplication(gateway, health, limits)


def peer_of(scope: Scope) -> Peer:
    extensions = scope.get("extensions")
    tls = extensions["tls"] if extensions else None
    return Peer(address_of(scope["client"]), scope["scheme"] == "https", tls)


def address_of(client: tuple[str, int] | None) -> str:
    return client[0] if client else ""


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
    """Tells the house that it stops, before it waits for the calls in flight.

    shares  where it is not the only one on its sockets
    """

    stopping: Callable[[], None]
    shares: Shares | None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self.shares is None or sockets is None:
            await super().startup(sockets)
            return
        await super().startup([])
        self.server_state.connections = Counted(self.shares)
        made = partial(
            self.config.http_protocol_class,  # type: ignore[call-arg]  # all of uvicorn's take these
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self.servers = [Accepting(one, made, self.shares, self.config.ssl) for one in sockets]  # type: ignore[misc]  # as much of one as it uses

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
    shares: Shares | None = None,
) -> uvicorn.Server:
    """A server for already bound sockets; it stops on SIGTERM after the calls in flight are answered.

    shares  of its sockets' connections, where it is one of several workers
    """
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
    made.shares = shares
    return made
