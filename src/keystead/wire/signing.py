"""Signs a request of ours as any client would: Signature Version 4 for a POST of JSON to the root of a service.

The other half of sigv4.py, which verifies it (AWS General Reference, Signature Version 4).
"""

import hashlib
import hmac
import time

from keystead.wire.http import Header, Request

CONTENT_TYPE = b"application/x-amz-json-1.1"


def signed(
    target: bytes, body: bytes, *, access_key_id: str, secret: str, token: str, region: str, service: str, host: bytes,
    agent: bytes, now: float,
) -> Request:  # fmt: skip  # a list of names
    """`target` is X-Amz-Target; `now` in seconds since the epoch."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    headers: list[Header] = [
        (b"content-type", CONTENT_TYPE),
        (b"host", host),
        (b"x-amz-date", stamp.encode()),
        (b"x-amz-security-token", token.encode()),
        (b"x-amz-target", target),
    ]
    names = b";".join(name for name, _ in headers)
    lines = b"".join(name + b":" + value + b"\n" for name, value in headers)
    canonical = b"POST\n/\n\n" + lines + b"\n" + names + b"\n" + hashlib.sha256(body).hexdigest().encode()
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    signature = hmac.digest(key_of(secret, stamp[:8], region, service), to_sign.encode(), "sha256").hex()
    claim = (
        f"AWS4-HMAC-SHA256 Credential={access_key_id}/{scope}, SignedHeaders={names.decode()}, Signature={signature}"
    )
    return Request("POST", b"/", b"", [*headers, (b"user-agent", agent), (b"authorization", claim.encode())], body)


def key_of(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
