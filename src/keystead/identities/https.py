"""Fetches one document over HTTPS, within bounds of time and size, and goes nowhere else for it.

Only for addresses that an administrator of an account has named, or the document of such an address. No redirect is followed,
no proxy asked, no cookie kept; what is not a plain 200 is no answer.
"""

import asyncio
import http.client
import io
import ssl
from typing import Final
from urllib.parse import SplitResult, urlsplit

SECONDS: Final = 5.0
"""From the look-up of the name to the last byte."""
BYTES: Final = 256 * 1024
"""Of an answer with its headers; the largest published key sets have some 20 kB."""


class Unreachable(Exception):
    """There was no such document to be had. The text says why, in a few words and none of the other side's."""


def context(ca_file: str) -> ssl.SSLContext:
    """Trusts what the system trusts and, if a file is named, the certificates in it. Raises OSError, ssl.SSLError."""
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        made.load_verify_locations(ca_file)
    return made


def checked(url: str) -> SplitResult:
    """Raises Unreachable for what is not a plain https address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Unreachable("not an address") from None
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or port == 0 or not plain:
        raise Unreachable("not an https address")
    if parts.fragment:
        raise Unreachable("an address with a fragment")
    return parts


async def get(url: str, tls: ssl.SSLContext) -> bytes:
    """The body. Raises Unreachable."""
    parts = checked(url)
    try:
        async with asyncio.timeout(SECONDS):
            raw = await exchange(parts, tls)
    except TimeoutError:
        raise Unreachable("no answer in time") from None
    except (OSError, ssl.SSLError, UnicodeError):
        raise Unreachable("no connection") from None
    return body(raw)


async def exchange(parts: SplitResult, tls: ssl.SSLContext) -> bytes:
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 443, ssl=tls)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = (f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", "Accept: application/json", "Connection: close")
        writer.write("\r\n".join((*lines, "", "")).encode("ascii"))
        await writer.drain()
        raw = bytearray()
        while chunk := await reader.read(BYTES):
            raw += chunk
            if len(raw) > BYTES:
                raise Unreachable("an answer that is too large")
        return bytes(raw)
    finally:
        writer.transport.abort()


class Held:
    """What http.client reads an answer from: one that is here already."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._raw)


def body(raw: bytes) -> bytes:
    """Raises Unreachable for anything but a whole answer of status 200."""
    answer = http.client.HTTPResponse(Held(raw))  # type: ignore[arg-type]  # makefile is all that it asks of a socket
    try:
        answer.begin()
        found = answer.read(BYTES + 1)
    except (http.client.HTTPException, ValueError, OSError):
        raise Unreachable("no readable answer") from None
    if answer.status != 200:
        raise Unreachable(f"an answer of status {answer.status}")
    return found
