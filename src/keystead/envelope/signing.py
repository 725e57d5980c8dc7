"""The signature that closes a message of a signing suite: ECDSA over header and body.

    footer   length (2) | DER signature

The verification key is an entry of the encryption context, the base64 text of the compressed point: whoever can open the
data key can read it, and whoever authenticated the context knows that it is the writer's.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from keystead.envelope.context import PUBLIC_KEY, Context
from keystead.envelope.errors import Malformed, NotAuthentic, Truncated
from keystead.envelope.suites import Suite

CURVES: Final[dict[str, tuple[ec.EllipticCurve, type[Any]]]] = {
    "P-256": (ec.SECP256R1(), hashes.SHA256),
    "P-384": (ec.SECP384R1(), hashes.SHA384),
}
FOOTER_MAX: Final = 2 + 104
"""A DER signature on P-384 has at most 104 bytes."""


@dataclass(slots=True)
class Digest:
    """A hash that grows with the message."""

    hash: Any
    algorithm: hashes.HashAlgorithm

    @classmethod
    def of(cls, suite: Suite) -> "Digest":
        algorithm = CURVES[suite.curve or ""][1]()
        return cls(hashes.Hash(algorithm), algorithm)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        self.hash.update(data)


class SigningKey:
    """Lives for one message, or for as long as the cached data key that names it."""

    def __init__(self, suite: Suite) -> None:
        self._key = ec.generate_private_key(CURVES[suite.curve or ""][0])

    def context(self) -> dict[str, str]:
        """The entry by which readers find the verification key."""
        return {PUBLIC_KEY: base64.b64encode(compressed(self._key.public_key())).decode()}

    def footer(self, digest: Digest) -> bytes:
        signature = self._key.sign(digest.hash.finalize(), ec.ECDSA(Prehashed(digest.algorithm)))
        return len(signature).to_bytes(2) + signature


def compressed(key: ec.EllipticCurvePublicKey) -> bytes:
    x, y = key.public_numbers().x, key.public_numbers().y
    return bytes((2 + (y & 1),)) + x.to_bytes((key.curve.key_size + 7) // 8)


def verification_key(suite: Suite, context: Context) -> ec.EllipticCurvePublicKey | None:
    """None for suites that do not sign. Raises Malformed where key and suite do not belong together."""
    text = context.get(PUBLIC_KEY)
    if not suite.signed:
        if text is not None:
            raise Malformed("The message names a verification key, but its suite does not sign.")
        return None
    if text is None:
        raise Malformed("The message does not name the key that verifies its signature.")
    try:
        point = base64.b64decode(text, validate=True)
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[suite.curve or ""][0], point)
    except (ValueError, binascii.Error):
        raise Malformed("The key that verifies the signature is not a point of the suite's curve.") from None


def verify(key: ec.EllipticCurvePublicKey, digest: Digest, signature: bytes) -> None:
    """Raises NotAuthentic."""
    try:
        key.verify(signature, digest.hash.finalize(), ec.ECDSA(Prehashed(digest.algorithm)))
    except InvalidSignature:
        raise NotAuthentic from None


def signature_of(footer: bytes | memoryview) -> bytes:
    """The signature in a footer that is all that is left of the message. Raises Truncated, Malformed."""
    if len(footer) < 2 or len(footer) < 2 + int.from_bytes(footer[:2]):
        raise Truncated("signature")
    if len(footer) > 2 + int.from_bytes(footer[:2]):
        raise Malformed("Bytes follow the message.")
    return bytes(footer[2:])
