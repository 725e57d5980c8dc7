"""Key material that comes from outside: wrapping keys made for one import, and the unwrapping that only happens here.

An import token, which the caller keeps for us, so that nothing is stored until material has come:

    01 | domain key id (16) | nonce (16) | iv (12) | ciphertext | tag (16)        label "keystead import token"
    ciphertext of   valid to, seconds since the epoch (8) | algorithm (1) | PKCS#8 of the wrapping key       big-endian
    bound = len32 key ARN | … | len32 spec | …

RSA_AES_KEY_WRAP_*:  RSA-OAEP of an AES-256 key, as long as the modulus | the material under it (RFC 5649)
(KMS developer guide, importing key material: step 2, step 3.)
"""

from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)
from cryptography.hazmat.primitives.serialization import load_der_public_key

from keystead.keyholder.algorithms.working_key import parsed, spki
from keystead.keyholder.ciphertext import prefixed, utf8
from keystead.keyholder.errors import (
    CiphertextInvalid,
    DomainKeyUnknown,
    ImportTokenExpired,
    ImportTokenInvalid,
    RequestRefused,
)
from keystead.keyholder.own_keys import OwnKeys
from keystead.keyholder.promise import WrappingKey
from keystead.keyholder.sealing import IMPORT_TOKEN, Altered, open_sealed, seal, urandom, wipe

VERSION: Final = b"\x01"
HEADER_LENGTH: Final = 1 + 16
LIFETIME: Final = 24 * 3600
"""Seconds for which a wrapping key and its token are good (KMS API reference, GetParametersForImport)."""
TOKEN_LIMIT: Final = 6144
WRAPPED_LIMIT: Final = 6144
"""Bytes of ImportToken and EncryptedKeyMaterial (KMS API reference, ImportKeyMaterial)."""
AES_KEY_LENGTH: Final = 32
TIME_LENGTH: Final = 8


class Algorithm(NamedTuple):
    """code  its byte in a token; two_steps  RSA wraps an AES key, and that the material"""

    code: int
    digest: type[SHA1] | type[SHA256]
    two_steps: bool


ALGORITHMS: Final = {
    #  KMS wrapping algorithm         code  OAEP hash, for MGF1 too   source: KMS API reference, GetParametersForImport
    "RSAES_OAEP_SHA_1":         Algorithm(1, SHA1,   two_steps=False),
    "RSAES_OAEP_SHA_256":       Algorithm(2, SHA256, two_steps=False),
    "RSA_AES_KEY_WRAP_SHA_1":   Algorithm(3, SHA1,   two_steps=True),
    "RSA_AES_KEY_WRAP_SHA_256": Algorithm(4, SHA256, two_steps=True),
}  # fmt: skip  # a table
CODES: Final = {algorithm.code: algorithm for algorithm in ALGORITHMS.values()}
WRAPPING_SPECS: Final = frozenset({"RSA_2048", "RSA_3072", "RSA_4096"})


def make(own: OwnKeys, arn: str, spec: str, algorithm: str, private: bytes, now: float) -> WrappingKey:
    """The RSA key `private`, PKCS #8, serves to import material of this key until tomorrow. Raises RequestRefused."""
    known = ALGORITHMS.get(algorithm)
    if known is None:
        raise RequestRefused
    valid_to = int(now) + LIFETIME
    inner = valid_to.to_bytes(TIME_LENGTH, "big") + bytes([known.code]) + private
    domain_id, domain = own.newest_domain()
    try:
        token = seal(domain, IMPORT_TOKEN, VERSION + domain_id, _bound(arn, spec), inner)
        return WrappingKey(spki(parsed(private, RSAPrivateKey).public_key()), token, valid_to)
    finally:
        wipe(inner)


def unwrap(own: OwnKeys, arn: str, spec: str, token: bytes, wrapped: bytes, now: float) -> bytes:
    """The material, whatever it is. Raises ImportTokenInvalid, ImportTokenExpired, CiphertextInvalid, RequestRefused."""
    if len(token) > TOKEN_LIMIT or len(wrapped) > WRAPPED_LIMIT:
        raise RequestRefused
    inner = _open(own, arn, spec, token)
    try:
        if now >= int.from_bytes(inner[:TIME_LENGTH], "big"):
            raise ImportTokenExpired
        private = inner[TIME_LENGTH + 1 :]
        key = parsed(private, RSAPrivateKey)
        wipe(private)
        return _unwrapped(key, CODES[inner[TIME_LENGTH]], wrapped)
    finally:
        wipe(inner)


def wrap(public_key: bytes, algorithm: str, material: bytes) -> bytes:
    """What the owner of the material does with the wrapping key, outside; here to exercise `unwrap`."""
    public, how = load_der_public_key(public_key), ALGORITHMS[algorithm]
    if not isinstance(public, RSAPublicKey):
        raise TypeError(type(public).__name__)
    if not how.two_steps:
        return public.encrypt(material, _oaep(how))
    key = urandom(AES_KEY_LENGTH)
    return public.encrypt(key, _oaep(how)) + aes_key_wrap_with_padding(key, material)


def _open(own: OwnKeys, arn: str, spec: str, token: bytes) -> bytes:
    """Raises ImportTokenInvalid, also where the domain key is gone: tokens come from callers, who can ask for another."""
    if token[:1] != VERSION:
        raise ImportTokenInvalid
    try:
        domain = own.domain(token[1:HEADER_LENGTH])
        return open_sealed(domain, IMPORT_TOKEN, HEADER_LENGTH, token, _bound(arn, spec))
    except (DomainKeyUnknown, Altered):
        raise ImportTokenInvalid from None


def _unwrapped(private: RSAPrivateKey, algorithm: Algorithm, wrapped: bytes) -> bytes:
    """Raises CiphertextInvalid."""
    length = private.key_size // 8
    try:
        if not algorithm.two_steps:
            return private.decrypt(wrapped, _oaep(algorithm))
        key = private.decrypt(wrapped[:length], _oaep(algorithm))
        if len(key) != AES_KEY_LENGTH:
            raise CiphertextInvalid
        try:
            return aes_key_unwrap_with_padding(key, wrapped[length:])
        finally:
            wipe(key)
    except (ValueError, InvalidUnwrap):
        raise CiphertextInvalid from None


def _oaep(algorithm: Algorithm) -> padding.OAEP:
    return padding.OAEP(padding.MGF1(algorithm.digest()), algorithm.digest(), None)


def _bound(arn: str, spec: str) -> bytes:
    return prefixed(utf8(arn)) + prefixed(utf8(spec))
