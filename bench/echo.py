"""The yardstick: a bare ASGI echo under uvicorn, httptools and uvloop, as any ASGI application would be served."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
import uvloop

from keystead import server

Message = dict[str, Any]


async def echo(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    body = (await receive())["body"]
    headers = ((b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def main() -> None:
    listener = server.bind("127.0.0.1", 0)
    sys.stdout.write(f"ready http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    serving = uvicorn.Server(
        uvicorn.Config(
            echo, http="httptools", ws="none", lifespan="off", interface="asgi3", access_log=False, log_config=None
        )
    )
    await serving.serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(main())
