"""One connection: uvicorn's HTTP/1.1 with the bounds it lacks, and the parting of ways between the short one and ASGI's."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from keystead import config
from keystead.gateway import Peer
from keystead.server.answering import GatewayApplication, address_of
from keystead.server.direct import METHOD, PATH, Direct
from keystead.server.joining import Joining


class NoTrailers(list[tuple[bytes, bytes]]):
    """Where headers that come after the body would go: nobody has bounded them, and nobody expects them."""

    def append(self, _: tuple[bytes, bytes]) -> None:
        raise ValueError


NO_TRAILERS: Final = NoTrailers()


class BoundedProtocol(HttpToolsProtocol):
    """Bounds headers in bytes, requests and unread answers in time.

    A request that arrives whole in one read costs nothing extra; a timer is armed only for one that does not.
    """

    limits = config.Limits()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._send_deadline: asyncio.TimerHandle | None = None
        self._reading = True
        self._in_headers = True
        self._header_bytes = 0
        self._tls: Mapping[str, str] | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] | None = None
        self._direct: Direct | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
            return
        secured = transport.get_extra_info("ssl_object")
        self._tls = tls_details(secured) if secured else None
        if isinstance(self.app, GatewayApplication):
            self._direct = Direct(
                self, self.app.gateway.answer, Peer(address_of(self.client), secured is not None, self._tls)
            )
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._pieces is not None:
            self._go_on_by_asgi(self._pieces)
        if self._in_headers and self._header_bytes > self.limits.header_bytes:
            self.send_400_response("Request headers too large.")
        elif self._reading:
            self._arm()
        else:
            self._disarm()

    def on_message_begin(self) -> None:
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._reading = self._in_headers = True

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= self.limits.pipelined:
            raise ValueError  # answered 400 by whoever feeds the parser
        if self._header_bytes > self.limits.header_bytes and self._sent_headers() > self.limits.header_bytes:
            raise ValueError
        self._in_headers = False
        self._header_bytes = 0
        if self._is_plain():
            self._pieces, self._headers, self.headers = [], self.headers, NO_TRAILERS
        else:
            self._begin_by_asgi(self.headers)

    def _is_plain(self) -> bool:
        """So far: its body is still to come, and may not come whole."""
        return (
            self._direct is not None
            and self.url == PATH
            and not self.expect_100_continue
            and (self.cycle is None or self.cycle.response_complete)
            and self.parser.get_method() == METHOD
            and self.parser.get_http_version() == "1.1"
            and not self.parser.should_upgrade()
        )

    def _begin_by_asgi(self, headers: list[tuple[bytes, bytes]]) -> None:
        url, expected = self.url, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expected
        self.headers += headers
        if self._tls is not None:
            self.scope["extensions"] = {"tls": self._tls}  # type: ignore[dict-item]  # uvicorn's type has no contents
        super().on_headers_complete()
        self.headers = NO_TRAILERS
        if self.scope["method"] != "HEAD":
            self.cycle.transport = Joining(self.transport)  # type: ignore[assignment]  # as much of one as it uses

    def _go_on_by_asgi(self, come: list[bytes]) -> None:
        """What has come of it is not all, or is too much."""
        self._pieces = None
        self._begin_by_asgi(self._headers)
        for piece in come:
            super().on_body(piece)

    def _sent_headers(self) -> int:
        """Without the body that may have come with them."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        if self._pieces is None:
            super().on_body(body)
        else:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        if self._pieces is not None:
            self._begin_directly(self._pieces)
        else:
            super().on_message_complete()
        self._reading = False
        self._in_headers = True

    def _begin_directly(self, pieces: list[bytes]) -> None:
        body = b"".join(pieces)
        if self._direct is None or len(body) > self.limits.body_bytes:
            self._go_on_by_asgi(pieces)
            super().on_message_complete()
            return
        self._pieces = None
        self.cycle = self._direct  # type: ignore[assignment]  # as much of one as uvicorn uses
        self._direct.begin(self._headers, body, keep_alive=self.parser.should_keep_alive())

    def on_response_complete(self) -> None:
        """Without this, uvicorn reads on after every answer, however many requests still wait behind it: a queue without end."""
        super().on_response_complete()
        if self.pipeline and not self.transport.is_closing():
            self.flow.pause_reading()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn closes at once
        """Who has said all may still listen; under TLS there is no such half."""
        listening = self.cycle is not None and not self.cycle.response_complete and not self._reading
        if listening:
            self.cycle.keep_alive = False
        return listening and self.scheme == "http"

    def timeout_keep_alive_handler(self) -> None:
        """A client that has not read its last answer would keep a connection that is only being closed."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._send_deadline = self.loop.call_later(self.limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        if self._send_deadline is not None:
            self._send_deadline.cancel()
            self._send_deadline = None
            super().resume_writing()

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.limits.request_seconds, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def tls_details(secured: ssl.SSLObject) -> Mapping[str, str]:
    """CloudTrail's tlsDetails, but for the host header."""
    cipher = secured.cipher()
    return {"tlsVersion": secured.version() or "", "cipherSuite": cipher[0] if cipher else ""}
