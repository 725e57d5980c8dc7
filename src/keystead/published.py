"""Serves a log's tree on a listener of its own: C2SP tiles, read-only, for whoever watches the log.

A listener apart from the clients': its readers are other people, who need no credentials and may sit in another network, and a
flood of them takes no turn from a call. It shows hashes and times, and of no record what it says.

    GET /checkpoint · /tile/…          trail.tiles
"""

import asyncio
import gzip
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from keystead import beside, config, server
from keystead.logs import described
from keystead.server import Application, Receive, Scope, Send
from keystead.trail import cosigned
from keystead.trail.policy import Policy
from keystead.trail.tiles import Published, Resource
from keystead.wire.http import Response

log = structlog.get_logger("keystead.published")

LIMITS: Final = config.Limits(body_bytes=0, header_bytes=16 * config.KIB, connections=1024)
LASTING: Final = b"public, max-age=31536000, immutable"
FLEETING: Final = b"no-cache"
ENTRIES: Final = "tile/entries/"
"""What is worth compressing: hashes are not."""


async def serve(listener: socket.socket, trail: Path, policy: Policy, stop: asyncio.Event) -> None:
    """Until `stop`."""
    published = Published(trail, partial(cosigned.to_publish, trail, policy))
    await beside.serve(application(published), listener, LIMITS, stop)
    published.close()


def application(published: Published) -> Application:
    """The ASGI callable. One thread reads the disk."""
    thread = ThreadPoolExecutor(1, "tiles")

    async def answer(scope: Scope, _: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await server.respond(send, Response(405, ()), server.CLOSE)
            return
        loop = asyncio.get_running_loop()
        accepts = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
        await server.respond(send, await loop.run_in_executor(thread, found, published, scope["path"], accepts))

    return answer


def found(published: Published, path: str, gzipped: bool) -> Response:
    """Raises nothing."""
    try:
        resource = published.get(path.removeprefix("/"))
    except Exception as error:  # noqa: BLE001  # the outermost door
        log.error("unforeseen", **described(error))
        return Response(500, ())
    if resource is None:
        return Response(404, ())
    return shown(resource, gzipped and path.removeprefix("/").startswith(ENTRIES))


def shown(resource: Resource, gzipped: bool) -> Response:
    headers = [
        (b"content-type", resource.type.encode()),
        (b"cache-control", LASTING if resource.lasting else FLEETING),
    ]
    if not gzipped:
        return Response(200, tuple(headers), resource.content)
    return Response(200, (*headers, (b"content-encoding", b"gzip")), gzip.compress(resource.content, 6, mtime=0))
