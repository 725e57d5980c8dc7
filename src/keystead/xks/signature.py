"""Verifies who calls: Signature Version 4 (XKS Proxy API specification, appendix A)."""

import hashlib
import hmac
import re
from typing import Final

from keystead.wire.canonical import canonical_headers, canonical_path
from keystead.wire.errors import Unreadable
from keystead.wire.http import Request
from keystead.wire.signing import key_of
from keystead.wire.sigv4 import moment
from keystead.xks.config import Config

SERVICE: Final = "kms-xks-proxy"
WINDOW: Final = 300.0
"""Seconds that a request's time may be off."""
CLAIM: Final = re.compile(
    rb"AWS4-HMAC-SHA256 Credential=([A-Z2-7]{20,30})/(\d{8})/([a-z0-9-]{1,32})/kms-xks-proxy/aws4_request, ?"
    rb"SignedHeaders=([a-z0-9;-]{1,512}), ?Signature=([0-9a-f]{64})"
)
UNKNOWN: Final = "unknown" * 8
"""Signs for who is unknown, so that this takes as long."""


def authentic(request: Request, config: Config, now: float) -> bool:
    """Whether somebody of the file signed this request, just now."""
    found = CLAIM.fullmatch(request.named.get(b"authorization", b""))
    if found is None or request.repeated or request.query:
        return False
    access_key_id, date, region, names, signature = found.groups()
    listed = tuple(names.split(b";"))
    stamp = request.named.get(b"x-amz-date", b"").decode("latin-1")
    at = moment(stamp) if len(stamp) == 16 else None
    if at is None or abs(now - at) > WINDOW or stamp[:8].encode() != date:
        return False
    if not {b"host", b"x-amz-date"} <= set(listed) or not set(listed) <= request.named.keys():
        return False
    secret = config.secret_of(access_key_id.decode("ascii"))
    scope = f"{date.decode()}/{region.decode()}/{SERVICE}/aws4_request"
    try:
        hashed = hashlib.sha256(canonical(request, listed, names)).hexdigest()
    except Unreadable:
        return False
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}".encode()
    key = key_of(secret or UNKNOWN, date.decode(), region.decode(), SERVICE)
    expected = hmac.digest(key, to_sign, "sha256").hex().encode()
    return hmac.compare_digest(expected, signature) and secret is not None


def canonical(request: Request, listed: tuple[bytes, ...], names: bytes) -> bytes:
    body = hashlib.sha256(request.body).hexdigest().encode()
    path, lines = canonical_path(request.raw_path), canonical_headers(request, listed)
    return b"\n".join((request.method.encode(), path, b"", lines, b"", names, body))
