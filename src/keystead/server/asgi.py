"""What every application behind the server is made of: ASGI's types, a bounded body in, a whole answer out."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from keystead.wire.http import Response

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

CLOSE: Final = (b"connection", b"close")
THROWN_AWAY: Final = 64
"""So many times the body limit is read from a client that goes on sending: else it would never see that it was refused."""


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
