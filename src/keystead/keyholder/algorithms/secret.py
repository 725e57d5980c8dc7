"""Material that is one secret string of bytes: symmetric keys, and HMAC keys (FIPS 198-1)."""

import hmac
from dataclasses import dataclass

from keystead.keyholder.algorithms.working_key import WorkingKey
from keystead.keyholder.errors import MaterialWrong, RequestRefused
from keystead.keyholder.sealing import urandom, wipe


@dataclass(frozen=True, slots=True)
class Secret:
    """length     bytes of the material: for HMAC as long as the digest
    algorithm  KMS MAC algorithm, and its hash as hashlib names it; empty for a key that encrypts
    """

    length: int
    algorithm: str = ""
    hashed: str = ""

    def generate(self) -> bytes:
        return urandom(self.length)

    def take(self, given: bytes) -> bytes:
        if len(given) != self.length:
            raise MaterialWrong
        return given

    def open(self, secret: bytes) -> WorkingKey:
        return SecretKey(self, secret)


class SecretKey(WorkingKey):
    def __init__(self, family: Secret, secret: bytes) -> None:
        if len(secret) != family.length:
            raise ValueError("another length")
        self._family = family
        self._secret = secret

    def mac(self, algorithm: str, message: bytes) -> bytes:
        if not algorithm or algorithm != self._family.algorithm:
            raise RequestRefused
        return hmac.digest(self._secret, message, self._family.hashed)

    def wipe(self) -> None:
        wipe(self._secret)
