"""One HTTP request and one HTTP response, as values."""

from dataclasses import dataclass, field

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Request:
    """A request exactly as it came: nothing decoded, nothing normalised, so that its signature can be rebuilt.

    Header names are lower case (HTTP/2 demands it, the server ensures it for HTTP/1.1), in the order received.
    """

    method: str
    raw_path: bytes
    query: bytes
    headers: tuple[Header, ...]
    body: bytes = field(default=b"", repr=False)

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header of that lower-case name."""
        for known, value in self.headers:
            if known == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back. The server adds Date; every other header is here."""

    status: int
    headers: tuple[Header, ...]
    body: bytes = field(default=b"", repr=False)
