"""Signs a POST of ours as any client would: Signature Version 4, the other half of sigv4.py, which verifies it.

AWS General Reference, Signature Version 4; for key store proxies the XKS Proxy API specification, appendix A.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping

from keystead.wire.canonical import canonical_path
from keystead.wire.claim import ALGORITHM
from keystead.wire.sigv4 import TERM


def day(at: float) -> str:
    """Of the scope, yyyymmdd."""
    return time.strftime("%Y%m%d", time.gmtime(at))


def key_of(secret: str, date: str, region: str, service: str) -> bytes:
    """The signing key of a day."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERM):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signed(
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    at: float,
    access_key_id: str,
    signing_key: bytes,
    region: str,
    service: str,
) -> dict[str, str]:
    """These headers with their date and signature. `at` is seconds since the epoch; `signing_key` is that of its day."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    signs = dict(sorted({**headers, "x-amz-date": stamp}.items()))
    names = ";".join(signs)
    lines = "".join(f"{name}:{value}\n" for name, value in signs.items())
    canonical = "\n".join(
        ("POST", canonical_path(path.encode()).decode(), "", lines, names, hashlib.sha256(body).hexdigest())
    )
    scope = f"{day(at)}/{region}/{service}/{TERM}"
    to_sign = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(signing_key, to_sign.encode(), "sha256").hex()
    claim = f"{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**signs, "authorization": claim}
