"""A server beside other work, in a process that handles its signals itself."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from keystead import config, server
from keystead.server import Application


class Beside(uvicorn.Server):
    """Leaves signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: Application, listener: socket.socket, limits: config.Limits, stop: asyncio.Event) -> None:
    """Until `stop`."""
    serving = Beside(server.server(app, limits=limits).config)
    running = asyncio.create_task(serving.serve(sockets=[listener]))
    await stop.wait()
    serving.should_exit = True
    await running
