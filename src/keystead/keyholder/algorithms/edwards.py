"""Ed25519 and Ed25519ph (RFC 8032).

KMS takes a SHA-512 digest for Ed25519ph and hashes it again: the message M of RFC 8032 is the digest, PH(M) its SHA-512.
`cryptography` has Ed25519 only. Ed25519ph is libsodium's; where PyNaCl is missing, it is refused.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keystead.keyholder.algorithms.working_key import DIGEST, RAW, WorkingKey, checked, parsed, pkcs8, spki
from keystead.keyholder.errors import RequestRefused
from keystead.keyholder.sealing import wipe

THERE: Final = find_spec("nacl") is not None
"""PyNaCl is a dependency; an environment without it serves everything else."""
sodium: Any = import_module("nacl.bindings") if THERE else None
sodium_errors: Any = import_module("nacl.exceptions") if THERE else None

PURE: Final = "ED25519_SHA_512"
PREHASHED: Final = "ED25519_PH_SHA_512"
ALGORITHMS: Final = (PURE, PREHASHED)
DIGEST_LENGTH: Final = 64


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
        self._point = self._public.public_bytes_raw()
        self._both = private.private_bytes_raw() + self._point
        """Seed and public key, as libsodium takes them."""
        self.public = spki(self._public)

    def sign(self, algorithm: str, message: bytes, message_type: str) -> bytes:
        if is_pure(algorithm, message, message_type):
            return self._private.sign(message)
        signature: bytes = sodium.crypto_sign_ed25519ph_final_create(hashed(message), self._both)
        return signature

    def verify(self, algorithm: str, message: bytes, message_type: str, signature: bytes) -> bool:
        if not is_pure(algorithm, message, message_type):
            return self._verify_prehashed(message, signature)
        try:
            self._public.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def _verify_prehashed(self, digest: bytes, signature: bytes) -> bool:
        if len(signature) != sodium.crypto_sign_BYTES:
            return False
        try:
            sodium.crypto_sign_ed25519ph_final_verify(hashed(digest), signature, self._point)
        except sodium_errors.BadSignatureError:
            return False
        return True

    def wipe(self) -> None:
        wipe(self._both)


def is_pure(algorithm: str, message: bytes, message_type: str) -> bool:
    """Raises RequestRefused for what is neither Ed25519 of a message nor Ed25519ph of a digest."""
    if (algorithm, message_type) == (PURE, RAW):
        return True
    if (algorithm, message_type) != (PREHASHED, DIGEST) or len(message) != DIGEST_LENGTH or not THERE:
        raise RequestRefused
    return False


def hashed(message: bytes) -> Any:
    """PH(M)."""
    state = sodium.crypto_sign_ed25519ph_state()
    sodium.crypto_sign_ed25519ph_update(state, message)
    return state
