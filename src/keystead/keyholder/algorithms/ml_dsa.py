"""ML-DSA (FIPS 204): hedged signatures with an empty context, over a message or over its external mu."""

from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA65PrivateKey, MLDSA87PrivateKey

from keystead.keyholder.algorithms.working_key import EXTERNAL_MU, RAW, WorkingKey, checked, parsed, pkcs8, spki
from keystead.keyholder.errors import MaterialWrong, RequestRefused

ALGORITHM: Final = "ML_DSA_SHAKE_256"
MU_LENGTH: Final = 64
"""Bytes of mu = SHAKE256(SHAKE256(pk, 64) | 00 | 00 | M, 64) (FIPS 204, algorithms 2 and 7)."""
PARAMETER_SETS: Final[dict[int, type[Any]]] = {44: MLDSA44PrivateKey, 65: MLDSA65PrivateKey, 87: MLDSA87PrivateKey}


@dataclass(frozen=True, slots=True)
class MlDsa:
    """The family of one parameter set."""

    parameters: int

    def generate(self) -> bytes:
        return pkcs8(PARAMETER_SETS[self.parameters].generate())

    def take(self, given: bytes) -> bytes:
        """The document must hold the seed (RFC 9881): an expanded key cannot be proven."""
        key = checked(given, PARAMETER_SETS[self.parameters])
        try:
            return pkcs8(PARAMETER_SETS[self.parameters].from_seed_bytes(key.private_bytes_raw()))
        except ValueError:
            raise MaterialWrong from None

    def open(self, secret: bytes) -> WorkingKey:
        return MlDsaKey(parsed(secret, PARAMETER_SETS[self.parameters]))


class MlDsaKey(WorkingKey):
    def __init__(self, private: Any) -> None:
        self._private = private
        self._public = private.public_key()
        self.public = spki(self._public)

    def sign(self, algorithm: str, message: bytes, message_type: str) -> bytes:
        signed: bytes = (self._private.sign if is_raw(algorithm, message, message_type) else self._private.sign_mu)(
            message
        )
        return signed

    def verify(self, algorithm: str, message: bytes, message_type: str, signature: bytes) -> bool:
        raw = is_raw(algorithm, message, message_type)
        try:
            (self._public.verify if raw else self._public.verify_mu)(signature, message)
        except InvalidSignature:
            return False
        return True


def is_raw(algorithm: str, message: bytes, message_type: str) -> bool:
    """Whether the message itself is given, not its mu. Raises RequestRefused."""
    if algorithm != ALGORITHM:
        raise RequestRefused
    if message_type == EXTERNAL_MU and len(message) == MU_LENGTH:
        return False
    if message_type != RAW:
        raise RequestRefused
    return True
