"""The yardstick: a bare ASGI echo under the same server, bounds and event loop as Keystead.

It goes through ASGI, as every application of uvicorn does; the gateway's plain requests do not (keystead.server.direct).
"""

import sys

import uvloop

from keystead import server
from keystead.processes import bind
from keystead.wire.http import Response

HEADERS = ((b"content-type", b"application/octet-stream"),)


async def echo(scope: server.Scope, receive: server.Receive, send: server.Send) -> None:
    message = await receive()
    await server.respond(send, Response(200, HEADERS, message["body"]))


async def main() -> None:
    listener = bind("127.0.0.1", 0)
    sys.stdout.write(f"ready http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await server.server(echo).serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(main())
