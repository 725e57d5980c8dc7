"""ML-DSA (FIPS 204): hedged signatures with an empty context, over a message or over its external mu."""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA65PrivateKey, MLDSA87PrivateKey

from keystead.keyholder.algorithms.seeded import Seeded, SeededKey
from keystead.keyholder.algorithms.working_key import EXTERNAL_MU, RAW
from keystead.keyholder.errors import RequestRefused

ALGORITHM: Final = "ML_DSA_SHAKE_256"
MU_LENGTH: Final = 64
"""Bytes of mu = SHAKE256(SHAKE256(pk, 64) | 00 | 00 | M, 64) (FIPS 204, algorithms 2 and 7)."""


class MlDsaKey(SeededKey):
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


ML_DSA: Final = {
    44: Seeded(MLDSA44PrivateKey, MlDsaKey),
    65: Seeded(MLDSA65PrivateKey, MlDsaKey),
    87: Seeded(MLDSA87PrivateKey, MlDsaKey),
}
"""By parameter set."""
