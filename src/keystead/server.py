"""The server: sockets, TLS and stopping in order by uvicorn; connections by http1; and what stands behind them."""

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import uvicorn

from keystead import http1
from keystead.gateway import Gateway, Peer
from keystead.http1 import Application, Limits
from keystead.wire.http import Request, Response

Health = Callable[[], Awaitable[tuple[int, bytes]]]

HEALTH_HEADERS: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
STOP_SECONDS: Final = 10
"""How long calls in flight may take when the server stops."""


@dataclass(frozen=True, slots=True)
class Node:
    """The gateway, and the health page that needs no signature."""

    gateway: Gateway
    health: Health

    async def answer(self, request: Request, peer: Peer) -> Response:
        if request.raw_path == b"/health" and request.method in {"GET", "HEAD"}:
            status, page = await self.health()
            return Response(status, HEALTH_HEADERS, page)
        return await self.gateway.answer(request, peer)

    def too_large(self, request: Request, limit: int) -> Response:
        return self.gateway.too_large(request, limit)


def application(gateway: Gateway, health: Health) -> Application:
    return Node(gateway, health)


def server(
    app: Application,
    *,
    tls_cert: str = "",
    tls_key: str = "",
    limits: Limits = Limits(),  # noqa: B008  # a constant
) -> uvicorn.Server:
    """A server for already bound sockets; it stops on SIGTERM after the calls in flight are answered."""
    protocol = type("Connection", (http1.Connection,), {"application": app, "limits": limits})
    return uvicorn.Server(
        uvicorn.Config(
            unused,
            http=protocol,
            ws="none",
            lifespan="off",
            loop="uvloop",
            interface="asgi3",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS,
            ssl_certfile=tls_cert or None,
            ssl_keyfile=tls_key or None,
        )
    )


async def unused(*_: object) -> None:
    """Uvicorn wants an ASGI callable; our connections do not go through one."""
    raise NotImplementedError


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
