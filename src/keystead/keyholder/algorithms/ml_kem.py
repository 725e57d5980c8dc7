"""ML-KEM (FIPS 203). A ciphertext of the right length always opens: an altered one to another secret (implicit rejection)."""

from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM1024PrivateKey

from keystead.keyholder.algorithms.working_key import WorkingKey, checked, parsed, pkcs8, spki
from keystead.keyholder.errors import CiphertextInvalid, MaterialWrong

PARAMETER_SETS: Final[dict[int, type[Any]]] = {768: MLKEM768PrivateKey, 1024: MLKEM1024PrivateKey}


@dataclass(frozen=True, slots=True)
class MlKem:
    """The family of one parameter set. The library has no ML-KEM-512."""

    parameters: int

    def generate(self) -> bytes:
        return pkcs8(PARAMETER_SETS[self.parameters].generate())

    def take(self, given: bytes) -> bytes:
        """The document must hold the seed (RFC 9935): an expanded key cannot be proven."""
        key = checked(given, PARAMETER_SETS[self.parameters])
        try:
            return pkcs8(PARAMETER_SETS[self.parameters].from_seed_bytes(key.private_bytes_raw()))
        except ValueError:
            raise MaterialWrong from None

    def open(self, secret: bytes) -> WorkingKey:
        return MlKemKey(parsed(secret, PARAMETER_SETS[self.parameters]))


class MlKemKey(WorkingKey):
    def __init__(self, private: Any) -> None:
        self._private = private
        self._public = private.public_key()
        self.public = spki(self._public)

    def encapsulate(self) -> tuple[bytes, bytes]:
        secret, ciphertext = self._public.encapsulate()
        return secret, ciphertext

    def decapsulate(self, ciphertext: bytes) -> bytes:
        try:
            secret: bytes = self._private.decapsulate(ciphertext)
        except ValueError:  # another length
            raise CiphertextInvalid from None
        return secret
