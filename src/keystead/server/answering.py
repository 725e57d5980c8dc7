"""The gateway as an ASGI application, for the requests that do not go the short way, and the health page."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from keystead import config
from keystead.gateway import Gateway, Peer
from keystead.logs import described
from keystead.server.asgi import CLOSE, Receive, Scope, Send, read_body, respond
from keystead.wire.http import Request, Response

log = structlog.get_logger("keystead.server")

Health = Callable[[], Awaitable[tuple[int, bytes]]]

HEALTH_HEADERS: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


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
