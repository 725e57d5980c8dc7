"""An answer's head and body in one write, for what uvicorn writes in two."""

import asyncio
from typing import Final

from keystead.server.direct import JOINED_BYTES

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
"""What uvicorn writes when it begins to read a body that its sender holds back (RFC 9110, 10.1.1)."""


class Joining:
    """The transport as one answer sees it: its head waits for its body, and both leave in one call and one packet.

    An answer without a body must not go through it.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        if data == CONTINUE:
            self._transport.write(data)
            return
        if self._head is None:
            self._head = data
            return
        head, self._head = self._head, b""
        if head and len(data) > JOINED_BYTES:
            self._transport.write(head)
        elif head:
            data = head + data
        self._transport.write(data)

    def close(self) -> None:
        """Also of an answer that broke off."""
        if self._head:
            self._transport.write(self._head)
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()
