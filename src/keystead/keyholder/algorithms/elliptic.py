"""Elliptic curves in Weierstrass form: ECDSA (FIPS 186-5), DER signatures, and ECDH (SP 800-56A), raw x-coordinate."""

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    ECDSA,
    EllipticCurve,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    derive_private_key,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keystead.keyholder.algorithms.working_key import DIGEST, RAW, WorkingKey, checked, parsed, pkcs8, spki
from keystead.keyholder.errors import MaterialWrong, RequestRefused


@dataclass(frozen=True, slots=True)
class Elliptic:
    """The family of one curve, which signs with one hash only.

    algorithm  KMS signing algorithm
    """

    curve: EllipticCurve
    algorithm: str
    hashed: HashAlgorithm

    def generate(self) -> bytes:
        return pkcs8(generate_private_key(self.curve))

    def take(self, given: bytes) -> bytes:
        """The public key in the document is not believed: it is derived."""
        key = checked(given, EllipticCurvePrivateKey)
        if key.curve.name != self.curve.name:
            raise MaterialWrong
        derived = derive_private_key(key.private_numbers().private_value, self.curve)
        if spki(derived.public_key()) != spki(key.public_key()):
            raise MaterialWrong
        return pkcs8(derived)

    def open(self, secret: bytes) -> WorkingKey:
        return EllipticKey(self, parsed(secret, EllipticCurvePrivateKey))


class EllipticKey(WorkingKey):
    def __init__(self, family: Elliptic, private: EllipticCurvePrivateKey) -> None:
        if private.curve.name != family.curve.name:
            raise ValueError("another curve")
        self._family = family
        self._private = private
        self._public = private.public_key()
        self._raw = ECDSA(family.hashed)
        self._digest = ECDSA(Prehashed(family.hashed))
        self.public = spki(self._public)

    def sign(self, algorithm: str, message: bytes, message_type: str) -> bytes:
        return self._private.sign(message, self._how(algorithm, message, message_type))

    def verify(self, algorithm: str, message: bytes, message_type: str, signature: bytes) -> bool:
        how = self._how(algorithm, message, message_type)
        try:
            self._public.verify(signature, message, how)
        except InvalidSignature:
            return False
        return True

    def derive_shared_secret(self, public_key: bytes) -> bytes:
        try:
            peer = load_der_public_key(public_key)
        except Exception:  # noqa: BLE001  # ValueError, UnsupportedAlgorithm; a caller's bytes are not worth telling apart
            raise RequestRefused from None
        if not isinstance(peer, EllipticCurvePublicKey) or peer.curve.name != self._family.curve.name:
            raise RequestRefused
        return self._private.exchange(ECDH(), peer)

    def _how(self, algorithm: str, message: bytes, message_type: str) -> ECDSA:
        if algorithm != self._family.algorithm:
            raise RequestRefused
        if message_type == RAW:
            return self._raw
        if message_type != DIGEST or len(message) != self._family.hashed.digest_size:
            raise RequestRefused
        return self._digest
