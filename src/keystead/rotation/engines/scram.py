"""The SCRAM-SHA-256 verifier that PostgreSQL stores, made here, so that the password itself never reaches a server's log.

    SCRAM-SHA-256$4096:base64(salt)$base64(StoredKey):base64(ServerKey)

RFC 5802 section 3, RFC 7677; PostgreSQL documentation, pg_authid.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

from keystead.rotation.errors import SecretUnusable

ITERATIONS: Final = 4096
"""PostgreSQL's own default (scram_iterations)."""
SALT: Final = 16


def verifier(password: str, salt: bytes | None = None) -> str:
    """Raises SecretUnusable for a password that would first have to be prepared (RFC 4013): only plain ASCII goes unchanged."""
    if not password.isascii() or not password.isprintable():
        raise SecretUnusable("The password has characters other than printable ASCII.")
    salt = salt or secrets.token_bytes(SALT)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    shown = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(ITERATIONS, *shown)
