"""The short way of a request that came whole: from the parser to whoever answers, and back in one write.

ASGI says the same in four messages, and what it costs to build, check and take them apart again is felt in every call. Whatever
is not plain goes uvicorn's way: a body in several reads, another path or method, a request that waits behind another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from keystead.gateway import Peer
from keystead.logs import described
from keystead.wire.http import Header, Request, Response

log = structlog.get_logger("keystead.server")

Answer = Callable[[Request, Peer], Awaitable[Response]]

METHOD: Final = b"POST"
PATH: Final = b"/"
JOINED_BYTES: Final = 65536
"""Of a body that is copied behind its head: the packet and the system call that this spares cost more than the copy."""


class Nobody:
    """Waits for the next part of a body that is already here."""

    def set(self) -> None: ...


NOBODY: Final = Nobody()


class Direct:
    """A connection's requests of this kind, one at a time. To the protocol it is the cycle of the request in hand."""

    __slots__ = (
        "_answer", "_peer", "_protocol", "_task", "disconnected", "keep_alive", "message_event", "response_complete",
    )  # fmt: skip  # a list of names

    def __init__(self, protocol: HttpToolsProtocol, answer: Answer, peer: Peer) -> None:
        self._protocol = protocol
        self._answer = answer
        self._peer = peer
        self._task: asyncio.Task[None] | None = None
        self.disconnected = False
        self.keep_alive = True
        self.response_complete = True
        self.message_event = NOBODY

    def begin(self, headers: Sequence[Header], body: bytes, *, keep_alive: bool) -> None:
        """In a task that counts among the server's, so that it waits for the answer when it stops."""
        self.keep_alive = keep_alive
        self.response_complete = False
        request = Request("POST", PATH, b"", headers, body)
        self._task = asyncio.Task(self._run(request), loop=self._protocol.loop, name="request")
        self._protocol.tasks.add(self._task)

    async def _run(self, request: Request) -> None:
        protocol, task = self._protocol, self._task
        try:
            try:
                response = await self._answer(request, self._peer)
            except Exception as error:  # noqa: BLE001  # the loop would write its words into the log
                log.error("unforeseen", **described(error))
                response = Response(500, ())
            if protocol.flow.write_paused and not self.disconnected:
                await protocol.flow.drain()
            self._write(response)
        finally:
            if not self.response_complete:
                protocol.transport.close()
            if task is not None:
                protocol.tasks.discard(task)

    def _write(self, response: Response) -> None:
        protocol = self._protocol
        transport = protocol.transport
        if self.disconnected or transport.is_closing():
            return
        body = response.body
        headers = [*protocol.server_state.default_headers, *response.headers, (b"content-length", b"%d" % len(body))]
        if not self.keep_alive:
            headers.append((b"connection", b"close"))
        if len(body) > JOINED_BYTES:
            transport.write(head(response.status, headers))
            transport.write(body)
        else:
            transport.write(head(response.status, headers) + body)
        self.response_complete = True
        if not self.keep_alive:
            transport.close()
        protocol.on_response_complete()


def head(status: int, headers: Sequence[Header]) -> bytes:
    """Raises ValueError for a header that holds a line end, which would make two of one."""
    lines = [b"%b: %b\r\n" % header for header in headers]
    made = b"".join((STATUS_LINE[status], *lines, b"\r\n"))
    if not made.count(b"\n") == made.count(b"\r") == len(lines) + 2:
        raise ValueError("a line end in a header")
    return made
