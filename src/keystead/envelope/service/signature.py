"""AWS Signature Version 4 for one kind of request: a POST of JSON to the root of a service.

    string to sign  AWS4-HMAC-SHA256 | time | date/region/service/aws4_request | SHA-256(canonical request)
    signing key     HMAC chain over date, region, service and "aws4_request", from "AWS4" ‖ secret key

Source: AWS General Reference, Signature Version 4. Here and not botocore's, because importing that takes longer than a call.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass, field
from typing import Final

CONTENT_TYPE: Final = "application/x-amz-json-1.1"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of one principal. `token` belongs to temporary credentials."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def headers(
    credentials: Credentials, host: str, region: str, target: str, body: bytes, now: float, service: str = "kms"
) -> dict[str, str]:
    """The headers of a signed request. `now` is in seconds since the epoch."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    signed = {"content-type": CONTENT_TYPE, "host": host, "x-amz-date": stamp}
    if credentials.token is not None:
        signed["x-amz-security-token"] = credentials.token
    signed["x-amz-target"] = target
    names = ";".join(signed)
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("AWS4" + credentials.secret_access_key).encode()
    for part in (stamp[:8], region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return {**signed, "authorization": authorization}
