"""How Keystead signs what it posts, to functions and to those who are told of something: Standard Webhooks 1.0.

    webhook-id          unique; the same when the same thing is posted again
    webhook-timestamp   seconds since the epoch
    webhook-signature   v1,base64(HMAC-SHA-256(key, id.timestamp.body))

The key is shared with the receiver as whsec_base64(key). (standardwebhooks.com, specification; libraries in most languages.)
"""

import base64
import binascii
import hmac
from typing import Final

PREFIX: Final = "whsec_"
SHORTEST: Final = 24
LONGEST: Final = 64
"""Bytes of a key (specification, signature scheme)."""


class KeyUnusable(ValueError):
    """Not a key of the form above. The text says why, and nothing of the key."""


def key_of(text: str) -> bytes:
    """Raises KeyUnusable."""
    try:
        key = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise KeyUnusable("The signing key is not whsec_ and base64.") from None
    if not SHORTEST <= len(key) <= LONGEST:
        raise KeyUnusable(f"The signing key has {SHORTEST} to {LONGEST} bytes.")
    return key


def headers(key: bytes, message: str, at: float, body: bytes) -> dict[str, str]:
    stamp = str(int(at))
    signature = hmac.digest(key, f"{message}.{stamp}.".encode() + body, "sha256")
    return {
        "webhook-id": message,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        "content-type": "application/json",
    }
