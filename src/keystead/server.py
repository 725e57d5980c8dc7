"""HTTP, and nothing else: uvicorn under bounds, and the ASGI callable between it and the gateway."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from keystead import config
from keystead.gateway import Gateway, Peer
from keystead.wire.http import Request

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Health = Callable[[], Awaitable[tuple[int, bytes]]]

TOO_LARGE: Final = b'{"__type":"RequestEntityTooLargeException","message":"The request body is larger than %d bytes."}'
JSON: Final = (b"content-type", b"application/json")
CLOSE: Final = (b"connection", b"close")


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with the bounds it lacks: headers in bytes, requests and unread answers in time.

    A request that arrives whole in one read costs nothing extra; a timer is armed only for one that does not.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._send_deadline: asyncio.TimerHandle | None = None
        self._reading = True
        self._in_headers = True
        self._header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
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
        if self._in_headers and self._header_bytes > config.HEADER_LIMIT:
            self.send_400_response("Request headers too large.")
        elif self._reading:
            self._arm()
        else:
            self._disarm()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reading = self._in_headers = True
        if self._tls is not None:
            self.scope["extensions"] = {"tls": self._tls}

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._header_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._reading = False
        self._in_headers = True

    def pause_writing(self) -> None:
        super().pause_writing()
        self._send_deadline = self.loop.call_later(config.SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        if self._send_deadline is not None:
            self._send_deadline.cancel()
            self._send_deadline = None
            super().resume_writing()

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(config.REQUEST_SECONDS, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def tls_details(secured: ssl.SSLObject) -> Mapping[str, str]:
    """CloudTrail's tlsDetails, but for the host header."""
    cipher = secured.cipher()
    return {"tlsVersion": secured.version() or "", "cipherSuite": cipher[0] if cipher else ""}


def application(gateway: Gateway, health: Health) -> Application:
    """The ASGI callable: one request in, one response out, and the health page."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        if body is None:
            await respond(send, 413, (JSON, CLOSE), TOO_LARGE % config.BODY_LIMIT)
            return
        if scope["raw_path"] == b"/health":
            status, page = await health()
            await respond(send, status, (JSON, (b"cache-control", b"no-store")), page)
            return
        request = Request(scope["method"], scope["raw_path"], scope["query_string"], tuple(scope["headers"]), body)
        response = await gateway.answer(request, peer_of(scope))
        await respond(send, response.status, response.headers, response.body)

    return answer


def peer_of(scope: Scope) -> Peer:
    client = scope["client"]
    extensions = scope.get("extensions")
    return Peer(client[0] if client else "", scope["scheme"] == "https", extensions["tls"] if extensions else None)


async def read_body(receive: Receive) -> bytes | None:
    """The whole body, or None for one that is too large or whose sender has gone."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body") and len(body) <= config.BODY_LIMIT:
        message = await receive()
        body += message.get("body", b"")
    whole = message["type"] == "http.request" and len(body) <= config.BODY_LIMIT
    return body if whole else None


async def respond(send: Send, status: int, headers: tuple[tuple[bytes, bytes], ...], body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": (*headers, length)})
    await send({"type": "http.response.body", "body": body})


def server(app: Application, *, tls_cert: str = "", tls_key: str = "") -> uvicorn.Server:
    """A server for already bound sockets; it stops on SIGTERM after the calls in flight are answered."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            loop="uvloop",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=config.KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=10,
            limit_concurrency=config.CONNECTION_LIMIT,
            ssl_certfile=tls_cert or None,
            ssl_keyfile=tls_key or None,
        )
    )


def bind(host: str, port: int) -> socket.socket:
    """A listening TCP socket whose dead peers are noticed.

    Raises OSError where the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener
