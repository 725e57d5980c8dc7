"""One HTTP request and one HTTP response, as values."""

from collections.abc import Sequence
from typing import Final

import msgspec

Header = tuple[bytes, bytes]
NONE: Final[frozenset[bytes]] = frozenset()


class Request:
    """A request exactly as it came: nothing decoded, nothing normalised, so that its signature can be rebuilt.

    headers   names in lower case (HTTP/2 demands it, the server ensures it for HTTP/1.1), in the order received
    named     the same by name; the values of a repeated one are joined by commas in their order (RFC 9110 5.3)
    repeated  the names that came more than once
    """

    __slots__ = ("body", "headers", "method", "named", "query", "raw_path", "repeated")

    def __init__(
        self, method: str, raw_path: bytes, query: bytes, headers: Sequence[Header], body: bytes = b""
    ) -> None:
        self.method = method
        self.raw_path = raw_path
        self.query = query
        self.headers = headers
        self.body = body
        self.named = dict(headers)
        self.repeated = NONE
        if len(self.named) != len(headers):
            self._join()

    def __repr__(self) -> str:
        """Headers, query and body may hold tokens and secrets."""
        return f"Request({self.method})"

    def header(self, name: bytes) -> bytes | None:
        """The value of the header of that lower-case name."""
        return self.named.get(name)

    def _join(self) -> None:
        together: dict[bytes, list[bytes]] = {}
        for name, value in self.headers:
            together.setdefault(name, []).append(value)
        self.named = {name: b",".join(values) for name, values in together.items()}
        self.repeated = frozenset(name for name, values in together.items() if len(values) > 1)


class Response(msgspec.Struct, frozen=True):
    """What goes back. The server adds Date and Content-Length; every other header is here.

    length  of the body that a HEAD request is told of and not sent
    """

    status: int
    headers: tuple[Header, ...]
    body: bytes = b""
    length: int | None = None

    def __repr__(self) -> str:
        return f"Response({self.status})"
