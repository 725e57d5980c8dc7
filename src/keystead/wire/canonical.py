"""The canonical request of Signature Version 4, rebuilt from the raw bytes of a request.

METHOD
/path                  without dot segments and repeated slashes, encoded once more than sent
query                  name=value, encoded, sorted
name:value             one line for each signed header, blanks collapsed; then an empty line
signed;names
hex(SHA-256(body))
"""

import re
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from keystead.wire.errors import Unreadable
from keystead.wire.http import Request

BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def canonical_path(raw: bytes) -> bytes:
    """Raises Unreadable for a path that is not absolute, leads above the root, or holds a bad escape."""
    if raw == b"/":
        return raw
    if not raw.startswith(b"/") or BAD_ESCAPE.search(raw):
        raise Unreadable
    kept: list[bytes] = []
    for segment in raw.split(b"/"):
        if segment == b"..":
            if not kept:
                raise Unreadable
            kept.pop()
        elif segment not in {b"", b"."}:
            kept.append(segment)
    trailing = b"/" if kept and raw.endswith(b"/") else b""
    return quote_from_bytes(b"/" + b"/".join(kept) + trailing, safe="/-_.~").encode()


def literal_path(raw: bytes) -> bytes:
    """S3's path: dot segments and repeated slashes stay, escapes are written in their one form. Raises Unreadable."""
    if not raw.startswith(b"/") or BAD_ESCAPE.search(raw):
        raise Unreadable
    return quote_from_bytes(unquote_to_bytes(raw), safe="/-_.~").encode()


def canonical_query(raw: bytes) -> bytes:
    """Without the signature that a presigned request carries. Raises Unreadable for a bad escape."""
    if not raw:
        return b""
    encoded = sorted((encode(name), encode(value)) for name, value in raw_pairs(raw) if name != b"X-Amz-Signature")
    return "&".join(f"{name}={value}" for name, value in encoded).encode()


def raw_pairs(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values with their escapes undone; `+` is a plus sign here, whatever a form makes of it."""
    if BAD_ESCAPE.search(raw):
        raise Unreadable
    split = (part.partition(b"=") for part in raw.split(b"&") if part)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in split]


def encode(value: bytes) -> str:
    return quote_from_bytes(value, safe="-_.~")


def canonical_headers(request: Request, names: tuple[bytes, ...]) -> bytes:
    """The lines of the signed headers, which must all be there, without the last line's end."""
    given = request.named
    lines = b"\n".join([name + b":" + given[name] for name in names])
    if b" " not in lines and b"\t" not in lines and not request.repeated:
        return lines
    if request.repeated or b"  " in lines or b"\t" in lines or b": " in lines or b" \n" in lines or lines[-1:] == b" ":
        return b"\n".join([name + b":" + collapsed(request, name) for name in names])
    return lines


def collapsed(request: Request, name: bytes) -> bytes:
    """Outer blanks removed, inner runs one blank; of each value, where a header is repeated."""
    if name not in request.repeated:
        return b" ".join(request.named[name].split())
    return b",".join(b" ".join(value.split()) for known, value in request.headers if known == name)
