"""Serves a witness over HTTP.

    POST /add-checkpoint        cosign, or say why not                                  cosigning.py
    GET  /HEX/checkpoint        the note cosigned last; HEX is the SHA-256 of a log's origin
    GET  /health                200, or 503 when it cosigns no longer

Plain HTTP is enough for what is signed: who stands between can withhold, and change nothing. Nobody is authenticated but the
logs, by their signatures; a request costs a signature to check before it costs a write.
"""

import asyncio
import os
import re
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Final

import structlog
import uvloop

from keystead import config, log_setup, server
from keystead.keyholder.hardening import harden_memory
from keystead.logs import chosen, described
from keystead.processes import bind
from keystead.server import Application, Receive, Scope, Send
from keystead.trail.signed_note import Signer
from keystead.trail.submission import PATH, REQUEST_LIMIT
from keystead.wire.http import Response
from keystead.witness.book import Book, BookInvalid
from keystead.witness.cosigning import Answer, Cosigning

log = structlog.get_logger("keystead.witness")

LIMITS: Final = config.Limits(body_bytes=REQUEST_LIMIT, header_bytes=16 * config.KIB, connections=1024)
MONITORED: Final = re.compile(r"/([0-9a-f]{64})/checkpoint")
READS: Final = frozenset({"GET", "HEAD"})
NOT_FOUND: Final = Answer(HTTPStatus.NOT_FOUND, b"not found\n")


def serve(
    data: Path, host: str, port: int, announce: Callable[[str], None], *, tls: tuple[str, str] = ("", "")
) -> None:
    """Until SIGTERM. Raises FileNotFoundError, BookInvalid, OSError when it cannot listen.

    tls  certificate chain and private key, PEM files; both or neither
    """
    book = Book(data)
    log_setup.configure("witness", chosen(""))
    harden_memory()
    os.umask(0o077)
    lock = book.lock()
    try:
        cosigning = Cosigning(book, Signer(book.name, book.seeds()))
        listener = bind(host, port)
        uvloop.run(_serve(cosigning, listener, announce, tls))
    finally:
        os.close(lock)


async def _serve(
    cosigning: Cosigning, listener: socket.socket, announce: Callable[[str], None], tls: tuple[str, str]
) -> None:
    app = application(cosigning)
    serving = server.server(app, tls_cert=tls[0], tls_key=tls[1], limits=LIMITS)
    host, port = listener.getsockname()[:2]
    announce(f"{'https' if tls[0] else 'http'}://{f'[{host}]' if ':' in host else host}:{port}")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what uvicorn leaves behind, and raises again when it has stopped
    await serving.serve(sockets=[listener])


def application(cosigning: Cosigning) -> Application:
    """The ASGI callable. One thread cosigns: it waits for the disk."""
    thread = ThreadPoolExecutor(1, "cosigning")

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        body: bytes | None = message.get("body", b"")
        if message.get("more_body"):
            body = await server.read_body(receive, message, REQUEST_LIMIT)
        if body is None or len(body) > REQUEST_LIMIT:
            too_large = Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"too large\n")
            await respond(send, too_large, server.CLOSE)
            return
        loop = asyncio.get_running_loop()
        await respond(send, await loop.run_in_executor(thread, answered, cosigning, scope, body))

    return answer


def answered(cosigning: Cosigning, scope: Scope, body: bytes) -> Answer:
    """Raises nothing."""
    try:
        return routed(cosigning, scope["method"], scope["path"], body)
    except BookInvalid as error:
        log.error("refused", reason=error.text)
    except Exception as error:  # noqa: BLE001  # the outermost door: nothing was cosigned
        log.error("unforeseen", **described(error))
    return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"the witness failed\n")


def routed(cosigning: Cosigning, method: str, path: str, body: bytes) -> Answer:
    if path == f"/{PATH}":
        return (
            cosigning.add_checkpoint(body) if method == "POST" else Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"use POST\n")
        )
    if method not in READS:
        return NOT_FOUND
    if path == "/health":
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE if cosigning.broken else HTTPStatus.OK)
    monitored = MONITORED.fullmatch(path)
    note = cosigning.latest(monitored[1]) if monitored else None
    return Answer(HTTPStatus.OK, note) if note is not None else NOT_FOUND


async def respond(send: Send, answer: Answer, *more: tuple[bytes, bytes]) -> None:
    headers = ((b"content-type", answer.type.encode()), (b"cache-control", b"no-store"))
    await server.respond(send, Response(answer.status, headers, answer.body), *more)
