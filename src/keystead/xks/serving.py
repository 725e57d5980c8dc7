"""The proxy's HTTP: bounded as the node's own, and TLS unless it listens on loopback."""

from collections.abc import Mapping

import structlog
import uvicorn

from keystead import config
from keystead.server import Application, Receive, Scope, Send, read_body, respond, server
from keystead.wire.http import Request, Response
from keystead.xks.answering import Proxy

log = structlog.get_logger("keystead.xks")
LIMITS = config.Limits(body_bytes=64 * config.KIB)


def write(facts: Mapping[str, object]) -> None:
    log.info("xks", **facts)


def application(proxy: Proxy) -> Application:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        body: bytes | None = message.get("body", b"")
        if message.get("more_body"):
            body = await read_body(receive, message, LIMITS.body_bytes)
        if scope["method"] != "POST":
            await respond(send, Response(405, ((b"allow", b"POST"),)))
            return
        request = Request(scope["method"], scope["raw_path"], scope["query_string"], scope["headers"], body or b"")
        await respond(send, await proxy.answer(request) if body is not None else Response(413, ()))

    return answer


def serving(proxy: Proxy, tls_cert: str, tls_key: str) -> uvicorn.Server:
    return server(application(proxy), tls_cert=tls_cert, tls_key=tls_key, limits=LIMITS)
