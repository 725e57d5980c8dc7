"""ML-KEM (FIPS 203). A ciphertext of the right length always opens: an altered one to another secret (implicit rejection)."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM1024PrivateKey

from keystead.keyholder.algorithms.seeded import Seeded, SeededKey
from keystead.keyholder.errors import CiphertextInvalid


class MlKemKey(SeededKey):
    def encapsulate(self) -> tuple[bytes, bytes]:
        secret, ciphertext = self._public.encapsulate()
        return secret, ciphertext

    def decapsulate(self, ciphertext: bytes) -> bytes:
        try:
            secret: bytes = self._private.decapsulate(ciphertext)
        except ValueError:  # another length
            raise CiphertextInvalid from None
        return secret


ML_KEM: Final = {768: Seeded(MLKEM768PrivateKey, MlKemKey), 1024: Seeded(MLKEM1024PrivateKey, MlKemKey)}
"""By parameter set. The library has no ML-KEM-512."""
