"""The RSA key that signs the trail's digests, and the only text that it signs.

    secret    prime p (128) | prime q (128)                                     integers big-endian; e = 65537
    text      END LF BUCKET/KEY LF HEX(SHA-256 of the digest) LF HEX(previous signature), or null
    signature RSASSA-PKCS1-v1_5 with SHA-256                                    CloudTrail user guide, digest signing

Whoever may ask for a signature can have nothing else signed: the text is put together here, from parts of known form.
"""

import re
from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keystead.keyholder.errors import RequestRefused

BITS: Final = 2048
"""As CloudTrail's."""
SMALLEST: Final = 1024
"""Enough to exercise the algorithm."""
EXPONENT: Final = 65537
LENGTH: Final = BITS // 8

END: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
PLACE: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9_./-]{1,1024}")
HASH: Final = re.compile(r"[0-9a-f]{64}")
PREVIOUS: Final = re.compile(r"null|[0-9a-f]{256,2048}")


def generate(bits: int = BITS) -> bytes:
    """Blocks for about a tenth of a second."""
    numbers = rsa.generate_private_key(EXPONENT, bits).private_numbers()
    half = bits // 16
    return numbers.p.to_bytes(half, "big") + numbers.q.to_bytes(half, "big")


def opened(secret: bytes) -> rsa.RSAPrivateKey:
    half = len(secret) // 2
    p, q = int.from_bytes(secret[:half], "big"), int.from_bytes(secret[half:], "big")
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()


def public_key(secret: bytes) -> bytes:
    """PKCS #1 DER (RFC 8017 A.1.1)."""
    return opened(secret).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)


def text(end: str, place: str, digest_hash: str, previous: str) -> bytes:
    """Raises RequestRefused."""
    for pattern, part in ((END, end), (PLACE, place), (HASH, digest_hash), (PREVIOUS, previous)):
        if not pattern.fullmatch(part):
            raise RequestRefused
    return f"{end}\n{place}\n{digest_hash}\n{previous}".encode("ascii")


def sign(secret: bytes, message: bytes) -> bytes:
    return opened(secret).sign(message, padding.PKCS1v15(), SHA256())
