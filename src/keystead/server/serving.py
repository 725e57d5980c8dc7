"""The running server: uvicorn on sockets that are already bound, each connection under the bounds."""

import socket
from collections.abc import Callable
from functools import partial
from typing import Final

import uvicorn

from keystead import config
from keystead.server.accepting import Accepting, Counted, Shares
from keystead.server.asgi import Application
from keystead.server.protocol import BoundedProtocol

STOP_SECONDS: Final = 10
"""How long calls in flight may take when the server stops."""


class Server(uvicorn.Server):
    """Tells the house that it stops, before it waits for the calls in flight.

    shares  where it is not the only one on its sockets
    """

    stopping: Callable[[], None]
    shares: Shares | None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self.shares is None or sockets is None:
            await super().startup(sockets)
            return
        await super().startup([])
        self.server_state.connections = Counted(self.shares)
        made = partial(
            self.config.http_protocol_class,  # type: ignore[call-arg]  # all of uvicorn's take these
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self.servers = [Accepting(one, made, self.shares, self.config.ssl) for one in sockets]  # type: ignore[misc]  # as much of one as it uses

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.stopping()
        await super().shutdown(sockets)


def server(
    app: Application,
    *,
    tls_cert: str = "",
    tls_key: str = "",
    limits: config.Limits = config.Limits(),  # noqa: B008  # a constant
    stopping: Callable[[], None] = lambda: None,
    shares: Shares | None = None,
) -> uvicorn.Server:
    """A server for already bound sockets; it stops on SIGTERM after the calls in flight are answered.

    shares  of its sockets' connections, where it is one of several workers
    """
    made = Server(
        uvicorn.Config(
            app,
            http=type("Bounded", (BoundedProtocol,), {"limits": limits}),
            ws="none",
            lifespan="off",
            loop="uvloop",
            interface="asgi3",
            access_log=False,
            log_config=None,
            log_level="critical",  # it warns of every malformed request, and anybody can send them
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=limits.idle_seconds,
            timeout_graceful_shutdown=STOP_SECONDS,
            ssl_certfile=tls_cert or None,
            ssl_keyfile=tls_key or None,
        )
    )
    made.stopping = stopping
    made.shares = shares
    return made
