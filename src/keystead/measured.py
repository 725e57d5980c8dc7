"""Serves /metrics on a listener of its own: one process, the scheduler, tells the numbers of all processes of the node."""

import asyncio
import os
import socket
from pathlib import Path

from keystead import beside, config, server
from keystead.metrics import meters
from keystead.metrics.exposition import exposed
from keystead.server import Application, Receive, Scope, Send
from keystead.trail import reserve
from keystead.wire.http import Response

LIMITS = config.Limits(body_bytes=0, header_bytes=16 * config.KIB, connections=64)
"""A scraper asks short questions, and few scrapers ask."""


async def serve(listener: socket.socket, runtime: Path, data: Path, stop: asyncio.Event) -> None:
    """Until `stop`."""
    await beside.serve(application(runtime / meters.FOLDER, data), listener, LIMITS, stop)


def application(folder: Path, data: Path) -> Application:
    """The ASGI callable; everything but GET and HEAD of /metrics is not found."""

    async def answer(scope: Scope, _: Receive, send: Send) -> None:
        if scope["path"] != "/metrics" or scope["method"] not in {"GET", "HEAD"}:
            await server.respond(send, Response(404, ()), server.CLOSE)
            return
        measure(data)
        accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        content_type, page = exposed(folder, accept.decode("latin-1"))
        await server.respond(send, Response(200, ((b"content-type", content_type.encode()),), page))

    return answer


def measure(data: Path) -> None:
    """What is only looked at when somebody asks."""
    room = os.statvfs(data)
    meters.DISK_FREE.set(room.f_bavail * room.f_frsize)
    held = data / "trail" / reserve.NAME
    meters.RESERVE.set(held.stat().st_size if held.exists() else 0)
