"""Ed25519 (RFC 8032)."""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keystead.keyholder.algorithms.working_key import RAW, WorkingKey, checked, parsed, pkcs8, spki
from keystead.keyholder.errors import RequestRefused

PURE: Final = "ED25519_SHA_512"
ALGORITHMS: Final = (PURE,)


class Ed25519:
    """The family of Ed25519."""

    def generate(self) -> bytes:
        return pkcs8(Ed25519PrivateKey.generate())

    def take(self, given: bytes) -> bytes:
        return pkcs8(checked(given, Ed25519PrivateKey))

    def open(self, secret: bytes) -> WorkingKey:
        return Ed25519Key(parsed(secret, Ed25519PrivateKey))


class Ed25519Key(WorkingKey):
    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self._public = private.public_key()
        self.public = spki(self._public)

    def sign(self, algorithm: str, message: bytes, message_type: str) -> bytes:
        if (algorithm, message_type) != (PURE, RAW):
            raise RequestRefused
        return self._private.sign(message)

    def verify(self, algorithm: str, message: bytes, message_type: str, signature: bytes) -> bool:
        if (algorithm, message_type) != (PURE, RAW):
            raise RequestRefused
        try:
            self._public.verify(signature, message)
        except InvalidSignature:
            return False
        return True
