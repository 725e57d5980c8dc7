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
from keystead.agent.asked import PING, TurnedAway, check, check_method, read
from keystead.agent.cache import Cache
from keystead.agent.upstream import Refused
from keystead.agent.watching import Watching
from keystead.keyholder.hardening import harden_memory
from keystead.logs import chosen, described
from keystead.processes import bind
from keystead.server import Application, Receive, Scope, Send
from keystead.wire.http import Response

log = structlog.get_logger("keystead.agent")

HOST: Final = "127.0.0.1"
AT_ONCE: Final = 800
MORE_PINGS: Final = 2
"""Health checks that are answered beyond it, as AWS's agent does."""
SECONDS: Final = 61.0
LIMITS: Final = config.Limits(body_bytes=1, header_bytes=16 * config.KIB, request_seconds=SECONDS, connections=1024)
JSON: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
TEXT: Final = ((b"content-type", b"text/plain"),)


def serve(cache: Cache, watching: Watching | None, token: bytes, port: int, announce: Callable[[str], None]) -> None:
    """Until SIGTERM. `watching` of None: answers live by their time alone. Raises OSError when it cannot listen."""
    log_setup.configure("agent", chosen(""))
    harden_memory()
    listener = bind(HOST, port)
    listener.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
    uvloop.run(_serve(cache, watching, token, listener, announce))


async def _serve(
    cache: Cache, watching: Watching | None, token: bytes, listener: socket.socket, announce: Callable[[str], None]
) -> None:
    serving = server.server(application(cache, token), limits=LIMITS)
    announce(f"http://{HOST}:{listener.getsockname()[1]}")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what uvicorn leaves behind, and raises again when it has stopped
    following = asyncio.create_task(watching.follow()) if watching is not None else None
    try:
        await serving.serve(sockets=[listener])
    finally:
        if following is not None:
            following.cancel()


def application(cache: Cache, token: bytes) -> Application:
    """The ASGI callable."""
    busy = 0

    async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal busy
        busy += 1
        try:
            response = await answered(scope, cache, token, busy=busy)
        finally:
            busy -= 1
        await server.respond(send, response)

    return answer


async def answered(scope: Scope, cache: Cache, token: bytes, *, busy: int) -> Response:
    """Raises nothing."""
    path: str = scope["raw_path"].decode("ascii", "replace")
    try:
        if busy > AT_ONCE + (MORE_PINGS if path == PING else 0):
            return Response(HTTPStatus.TOO_MANY_REQUESTS, TEXT, b"Connection limit exceeded")
        if path != PING:
            check(dict(scope["headers"]), token)
        check_method(scope["method"])
        if path == PING:
            return Response(HTTPStatus.OK, TEXT, b"healthy")
        asked = read(path, scope["query_string"])
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
