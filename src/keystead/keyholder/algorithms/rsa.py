"""RSA: OAEP, PKCS #1 v1.5 signatures and PSS (RFC 8017).

A checked load costs as much as making the key (29 to 210 ms), so keys are checked when they come from outside and never
again. Making one takes 35 to 900 ms: off the thread that answers.
"""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512, HashAlgorithm

from keystead.keyholder.algorithms.working_key import DIGEST, RAW, WorkingKey, checked, parsed, pkcs8, spki
from keystead.keyholder.errors import CiphertextInvalid, MaterialWrong, RequestRefused

EXPONENT: Final = 65537
EXPONENT_LIMIT: Final = 2**256
"""FIPS 186-5, A.1.1: 2^16 < e < 2^256, odd."""


def _pss(hashed: HashAlgorithm) -> PSS:
    """MGF1 with the same hash, a salt as long as the digest (KMS developer guide, RSA key specs)."""
    return PSS(MGF1(hashed), hashed.digest_size)


def _oaep(hashed: HashAlgorithm) -> OAEP:
    return OAEP(MGF1(hashed), hashed, None)


Signing = tuple[AsymmetricPadding, HashAlgorithm, Prehashed]
SIGNATURES: Final[dict[str, Signing]] = {
    #  KMS developer guide, RSA key specs
    f"RSASSA_{name}_{hashed.name.upper().replace('SHA', 'SHA_')}": (padding, hashed, Prehashed(hashed))
    for hashed in (SHA256(), SHA384(), SHA512())
    for name, padding in (("PKCS1_V1_5", PKCS1v15()), ("PSS", _pss(hashed)))
}
ENCRYPTIONS: Final = {
    "RSAES_OAEP_SHA_1": _oaep(SHA1()),  # noqa: S303  # OAEP needs no collision resistance (RFC 8017, appendix B.1)
    "RSAES_OAEP_SHA_256": _oaep(SHA256()),
}


class Rsa:
    """The family of one modulus size, in bits."""

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def generate(self) -> bytes:
        return pkcs8(generate_private_key(EXPONENT, self._bits))

    def take(self, given: bytes) -> bytes:
        key = checked(given, RSAPrivateKey)
        exponent = key.public_key().public_numbers().e
        if key.key_size != self._bits or exponent % 2 == 0 or not EXPONENT <= exponent < EXPONENT_LIMIT:
            raise MaterialWrong
        return pkcs8(key)

    def open(self, secret: bytes) -> WorkingKey:
        return RsaKey(parsed(secret, RSAPrivateKey))


class RsaKey(WorkingKey):
    def __init__(self, private: RSAPrivateKey) -> None:
        self._private = private
        self._public = private.public_key()
        self.public = spki(self._public)

    def sign(self, algorithm: str, message: bytes, message_type: str) -> bytes:
        padding, hashed = _signing(algorithm, message, message_type)
        return self._private.sign(message, padding, hashed)

    def verify(self, algorithm: str, message: bytes, message_type: str, signature: bytes) -> bool:
        padding, hashed = _signing(algorithm, message, message_type)
        try:
            self._public.verify(signature, message, padding, hashed)
        except InvalidSignature:
            return False
        return True

    def encrypt(self, algorithm: str, plaintext: bytes) -> bytes:
        padding = ENCRYPTIONS.get(algorithm)
        if padding is None:
            raise RequestRefused
        try:
            return self._public.encrypt(plaintext, padding)
        except ValueError:  # too long
            raise RequestRefused from None

    def decrypt(self, algorithm: str, ciphertext: bytes) -> bytes:
        padding = ENCRYPTIONS.get(algorithm)
        if padding is None:
            raise RequestRefused
        try:
            return self._private.decrypt(ciphertext, padding)
        except ValueError:
            raise CiphertextInvalid from None


def _signing(algorithm: str, message: bytes, message_type: str) -> tuple[AsymmetricPadding, HashAlgorithm | Prehashed]:
    found = SIGNATURES.get(algorithm)
    if found is None:
        raise RequestRefused
    padding, hashed, prehashed = found
    if message_type == RAW:
        return padding, hashed
    if message_type != DIGEST or len(message) != hashed.digest_size:
        raise RequestRefused
    return padding, prehashed
