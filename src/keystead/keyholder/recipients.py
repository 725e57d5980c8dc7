"""What is given out for one recipient alone: CMS EnvelopedData (RFC 5652, 6.1), in DER, as KMS answers an enclave.

    SEQUENCE  enveloped data, [0]
        SEQUENCE  2                                                    version
            SET  SEQUENCE  2, [0] subject key identifier, RSAES-OAEP with SHA-256 (RFC 8017), encrypted key
            SEQUENCE  data, AES-256-CBC with IV (RFC 3565), [0] content, padded (RFC 5652, 6.3)

CBC does not authenticate, and the format has nothing that would: AWS's SDK for enclaves reads no other.
"""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import SubjectKeyIdentifier

from keystead.keyholder.errors import RequestRefused
from keystead.keyholder.sealing import KEY_LENGTH, urandom, wipe

RECIPIENT_LIMIT: Final = 1024
"""Bytes of a public key in an attestation document (AWS Nitro Enclaves NSM API, attestation process)."""
BITS: Final = range(2048, 8193)
BLOCK: Final = 16

INTEGER, OCTETS, OBJECT, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
CONTEXT, CONSTRUCTED = 0x80, 0x20
"""X.690: identifier octets."""


def der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


VERSION: Final = der(INTEGER, b"\x02")
ENVELOPED_DATA: Final = der(OBJECT, bytes.fromhex("2a864886f70d010703"))  # 1.2.840.113549.1.7.3
DATA: Final = der(OBJECT, bytes.fromhex("2a864886f70d010701"))  # 1.2.840.113549.1.7.1
RSAES_OAEP: Final = der(OBJECT, bytes.fromhex("2a864886f70d010107"))  # 1.2.840.113549.1.1.7
MGF_1: Final = der(OBJECT, bytes.fromhex("2a864886f70d010108"))  # 1.2.840.113549.1.1.8
SHA_256: Final = der(SEQUENCE, der(OBJECT, bytes.fromhex("608648016503040201")), b"\x05\x00")  # 2.16.840.1.101.3.4.2.1
AES_256_CBC: Final = der(OBJECT, bytes.fromhex("60864801650304012a"))  # 2.16.840.1.101.3.4.1.42
KEY_ENCRYPTION: Final = der(
    SEQUENCE,
    RSAES_OAEP,
    der(
        SEQUENCE,
        der(CONTEXT | CONSTRUCTED | 0, SHA_256),
        der(CONTEXT | CONSTRUCTED | 1, der(SEQUENCE, MGF_1, SHA_256)),
    ),
)


def enveloped(recipient: bytes, plaintext: bytes) -> bytes:
    """`plaintext` for the holder of the RSA key whose SubjectPublicKeyInfo `recipient` is. Raises RequestRefused."""
    public = _public(recipient)
    key, iv = urandom(KEY_LENGTH), urandom(BLOCK)
    encrypted_key = public.encrypt(key, OAEP(MGF1(SHA256()), SHA256(), None))
    padder, encryptor = PKCS7(8 * BLOCK).padder(), Cipher(AES256(key), CBC(iv)).encryptor()
    padded = padder.update(plaintext) + padder.finalize()
    content = encryptor.update(padded) + encryptor.finalize()
    wipe(padded)
    wipe(key)
    identifier = der(CONTEXT | 0, SubjectKeyIdentifier.from_public_key(public).digest)
    to = der(SEQUENCE, VERSION, identifier, KEY_ENCRYPTION, der(OCTETS, encrypted_key))
    how = der(SEQUENCE, AES_256_CBC, der(OCTETS, iv))
    data = der(SEQUENCE, VERSION, der(SET, to), der(SEQUENCE, DATA, how, der(CONTEXT | 0, content)))
    return der(SEQUENCE, ENVELOPED_DATA, der(CONTEXT | CONSTRUCTED | 0, data))


def _public(recipient: bytes) -> RSAPublicKey:
    if len(recipient) > RECIPIENT_LIMIT:
        raise RequestRefused
    try:
        public = load_der_public_key(recipient)
    except (ValueError, UnsupportedAlgorithm):
        raise RequestRefused from None
    if not isinstance(public, RSAPublicKey) or public.key_size not in BITS:
        raise RequestRefused
    return public
