"""Signs requests to external key store proxies with Signature Version 4 (XKS Proxy API specification, appendix A).

The signing key comes from elsewhere: no secret is seen here.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Final

from keystead.wire.canonical import canonical_path
from keystead.wire.claim import ALGORITHM
from keystead.wire.sigv4 import TERM

JSON: Final = "application/json"


def day(at: float) -> str:
    """Of the scope, yyyymmdd."""
    return time.strftime("%Y%m%d", time.gmtime(at))


def signed(
    path: str, host: str, body: bytes, *, at: float, access_key_id: str, signing_key: bytes, region: str, service: str
) -> dict[str, str]:
    """The headers of a POST of JSON. `at` is seconds since the epoch; `signing_key` is that of its day."""
    signs = {"host": host, "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))}
    names = ";".join(signs)
    scope = f"{day(at)}/{region}/{service}/{TERM}"
    hashed = hashlib.sha256(canonical(path, signs, names, body)).hexdigest()
    to_sign = f"{ALGORITHM}\n{signs['x-amz-date']}\n{scope}\n{hashed}".encode("ascii")
    signature = hmac.digest(signing_key, to_sign, "sha256").hex()
    claim = f"{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**signs, "content-type": JSON, "authorization": claim}


def canonical(path: str, signs: Mapping[str, str], names: str, body: bytes) -> bytes:
    lines = "\n".join(f"{name}:{value}" for name, value in signs.items())
    rest = f"{lines}\n\n{names}\n{hashlib.sha256(body).hexdigest()}".encode("ascii")
    return b"\n".join((b"POST", canonical_path(path.encode("ascii")), b"", rest))
