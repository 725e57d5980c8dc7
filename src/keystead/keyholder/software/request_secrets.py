"""Secrets that sign requests: made here, or kept here for others; out comes what signs for one day, Region and service."""

import base64
import hmac
from typing import Final

from keystead.keyholder import tokens
from keystead.keyholder.errors import RequestRefused
from keystead.keyholder.materials import name
from keystead.keyholder.sealing import urandom, wipe
from keystead.keyholder.software.holding import Holding
from keystead.keyholder.tokens import Binding

KEPT: Final = "key-store/"
"""What the binding of other people's secrets begins with: no access key id does."""
KEPT_LIMIT: Final = 64
"""Bytes; the longest is the secret of a key store's proxy (KMS API reference)."""


class RequestSecrets(Holding):
    """Bound to the access key id, or whatever else the secret belongs to."""

    def create_secret(self, binding: str) -> tuple[str, bytes]:
        name(binding)
        secret = base64.b64encode(urandom(30))
        token = tokens.wrap(self._own, secret_of(binding), secret)
        shown = secret.decode("ascii")
        wipe(secret)
        return shown, token

    def keep_secret(self, secret: bytes, binding: str) -> bytes:
        name(binding)
        if not binding.startswith(KEPT) or not 1 <= len(secret) <= KEPT_LIMIT:
            raise RequestRefused
        return tokens.wrap(self._own, secret_of(binding), secret)

    def rewrap_secret(self, token: bytes, binding: str) -> bytes:
        secret = self._materials.unwrap(secret_of(binding), token)
        rewrapped = tokens.wrap(self._own, secret_of(binding), secret)
        wipe(secret)
        return rewrapped

    def signing_key(self, token: bytes, binding: str, date: str, region: str, service: str) -> bytes:
        """HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), Region), service), "aws4_request") (IAM user guide, SigV4)."""
        parts = [name(binding), name(date), name(region), name(service)]
        secret = self._materials.unwrap(secret_of(binding), token)
        key = b"AWS4" + secret
        wipe(secret)
        for part in [*parts[1:], b"aws4_request"]:
            spent, key = key, hmac.digest(key, part, "sha256")
            wipe(spent)
        return key


def secret_of(binding: str) -> Binding:
    return Binding(binding, purpose=tokens.SIGNING_SECRET)
