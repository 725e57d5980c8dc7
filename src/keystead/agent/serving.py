"""Serves the agent on this machine's loopback, with packets that no router passes on."""

import asyncio
import signal
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import structlog
import uvloop

from keystead import config, log_setup, server
from keystead.agent.asked import PING, TurnedAway, check, read
from keystead.agent.cache import Cache
from keystead.agent.upstream import Refused
from keystead.keyholder.hardening import harden_memory
from keystead.logs import chosen, described
from keystead.processes import bind
from keystead.server import Application, Receive, Scope, Send
from keystead.wire.http import Response

log = structlog.get_logger("keystead.agent")

HOST: Final = "127.0.0.1"
AT_ONCE: Final = 800
SECONDS: Final = 61.0
LIMITS: Final = config.Limits(body_bytes=1, header_bytes=16 * config.KIB, request_seconds=SECONDS, connections=1024)
JSON: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
TEXT: Final = ((b"content-type", b"text/plain"),)


def serve(cache: Cache, token: bytes, port: int, announce: Callable[[str], None]) -> None:
    """Until SIGTERM. Raises OSError when it cannot listen."""
    log_setup.configure("agent", chosen(""))
    harden_memory()
    listener = bind(HOST, port)
    listener.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
    uvloop.run(_serve(cache, token, listener, announce))


async def _serve(cache: Cache, token: bytes, listener: socket.socket, announce: Callable[[str], None]) -> None:
    serving = server.server(application(cache, token), limits=LIMITS)
    announce(f"http://{HOST}:{listener.getsockname()[1]}")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what uvicorn leaves behind, and raises again when it has stopped
    await serving.serve(sockets=[listener])


def application(cache: Cache, token: bytes) -> Application:
    """The ASGI callable."""
    busy = 0

    async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal busy
        busy += 1
        try:
            response = await answered(scope, cache, token, crowded=busy > AT_ONCE)
        finally:
            busy -= 1
        await server.respond(send, response)

    return answer


async def answered(scope: Scope, cache: Cache, token: bytes, *, crowded: bool) -> Response:
    """Raises nothing."""
    if crowded:
        return Response(HTTPStatus.TOO_MANY_REQUESTS, TEXT, b"Connection limit exceeded")
    try:
        path: str = scope["raw_path"].decode("ascii", "replace")
        if path == PING and scope["method"] == "GET":
            return Response(HTTPStatus.OK, TEXT, b"healthy")
        check(dict(scope["headers"]), token)
        asked = read(scope["method"], path, scope["query_string"])
        body = cache.kept(asked)
        if body is None:
            async with asyncio.timeout(SECONDS):
                body = await cache.get(asked)
        return Response(HTTPStatus.OK, JSON, body)
    except TurnedAway as away:
        return Response(away.status, TEXT, away.text.encode())
    except Refused as refused:
        return Response(refused.status, JSON, refused.body)
    except TimeoutError:
        return Response(HTTPStatus.GATEWAY_TIMEOUT, JSON, b'{"__type":"TimeoutError","message":"It took too long."}')
    except Exception as error:  # noqa: BLE001  # the outermost door
        log.error("unforeseen", **described(error))
        return Response(HTTPStatus.INTERNAL_SERVER_ERROR, JSON, b'{"__type":"InternalFailure","message":""}')
