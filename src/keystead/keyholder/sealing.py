"""Authenticated encryption under a key derived for one message: SP 800-108, then AES-256-GCM.

    header | nonce N (16) | iv (12) | ciphertext | tag (16)

    K   = HMAC-SHA-256(key, 00000001 | label | 00 | N | 00000100)     SP 800-108r1 4.1, counter mode, one block, L = 256
    AAD = header | N | iv | bound                                     `bound` is authenticated and not kept

Random IVs under one key allow 2^32 messages (SP 800-38D 8.3); a fresh K for each leaves no budget to exhaust. GCM does
not commit to its key: whoever may choose between keys puts what names the key into `header` or `bound`.
"""

import ctypes
import hmac
import os
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_LENGTH: Final = 16
IV_LENGTH: Final = 12
TAG_LENGTH: Final = 16
ADDED: Final = NONCE_LENGTH + IV_LENGTH + TAG_LENGTH
"""What sealing adds to header and plaintext."""
KEY_LENGTH: Final = 32

# One label per purpose: no derived key serves two.
CIPHERTEXT: Final = b"keystead ciphertext"
KEY_TOKEN: Final = b"keystead key token"
SECRET_TOKEN: Final = b"keystead secret token"
MARKER: Final = b"keystead page marker"
OWN_KEY: Final = b"keystead own key"
FORMER_ROOT: Final = b"keystead former root key"
SEAL_CHECK: Final = b"keystead seal check"
BACKUP: Final = b"keystead backup"
VALUE: Final = b"keystead value"
IMPORT_TOKEN: Final = b"keystead import token"

urandom: Final = os.urandom
"""The one source of randomness: the kernel's. Never batched, so that a restored snapshot repeats nothing it gave out."""

_COUNTER: Final = b"\x00\x00\x00\x01"
_LENGTH_IN_BITS: Final = b"\x00\x00\x01\x00"
_BYTES_HEADER: Final = bytes.__basicsize__ - 1


class Deriving(Protocol):
    """A key that is not in this process, where the keys of single messages are derived from it all the same."""

    def nonce(self, label: bytes) -> bytes:
        """A new one, random."""

    def derived(self, label: bytes, nonce: bytes) -> bytes:
        """What `derive` would give."""


Key = bytes | Deriving


class Altered(Exception):
    """Not sealed under this key, label and bound data, or altered since. Carries nothing."""


def derive(key: Key, label: bytes, nonce: bytes) -> bytes:
    """The 32-byte key of one message."""
    if not isinstance(key, bytes):
        return key.derived(label, nonce)
    return counter_mode(key, label + b"\x00" + nonce + _LENGTH_IN_BITS)


def derivation_input(label: bytes, nonce: bytes) -> bytes:
    """What HMAC-SHA-256 is computed of for `derive`, where somebody else computes it."""
    return _COUNTER + label + b"\x00" + nonce + _LENGTH_IN_BITS


def counter_mode(key: bytes, fixed_input: bytes) -> bytes:
    """The first block, K(1), of the counter-mode KDF with a 32-bit counter before the fixed input."""
    return hmac.digest(key, _COUNTER + fixed_input, "sha256")


def seal(key: Key, label: bytes, header: bytes, bound: bytes, plaintext: bytes) -> bytes:
    """A derived key is not wiped: it opens this one message, and lies in memory beside the key it came from."""
    fresh = urandom(NONCE_LENGTH + IV_LENGTH)
    if not isinstance(key, bytes):
        fresh = key.nonce(label) + fresh[NONCE_LENGTH:]
    head = header + fresh
    cipher = AESGCM(derive(key, label, fresh[:NONCE_LENGTH]))
    return head + cipher.encrypt(fresh[NONCE_LENGTH:], plaintext, head + bound)


def open_sealed(key: Key, label: bytes, header_length: int, sealed: bytes, bound: bytes) -> bytes:
    """The plaintext. The caller has checked the header. Raises Altered."""
    iv_at = header_length + NONCE_LENGTH
    ciphertext_at = iv_at + IV_LENGTH
    if len(sealed) < ciphertext_at + TAG_LENGTH:
        raise Altered
    cipher = AESGCM(derive(key, label, sealed[header_length:iv_at]))
    try:
        return cipher.decrypt(sealed[iv_at:ciphertext_at], sealed[ciphertext_at:], sealed[:ciphertext_at] + bound)
    except InvalidTag:
        raise Altered from None


def seal_verified(key: Key, label: bytes, header: bytes, bound: bytes, plaintext: bytes) -> bytes:
    """`seal` for what must not be lost: opened again and compared before anybody relies on it."""
    sealed = seal(key, label, header, bound, plaintext)
    opened = open_sealed(key, label, len(header), sealed, bound)
    if not hmac.compare_digest(opened, plaintext):
        raise Altered
    wipe(opened)
    return sealed


def wipe(secret: bytes) -> None:
    """Overwrite bytes that a C function made and that nobody else holds; never a literal.

    This shortens how long a copy lies in freed memory. It does not promise that none is left: CPython, its libraries
    and the kernel make others.
    """
    if len(secret) > 1:  # the interpreter shares empty and one-byte objects
        ctypes.memset(id(secret) + _BYTES_HEADER, 0, len(secret))
