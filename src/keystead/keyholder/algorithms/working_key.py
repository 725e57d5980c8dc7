"""What a family of algorithms offers: it makes material, takes material from outside, and opens it to a working key.

Material of a key pair is a private key in PKCS #8 (RFC 5958), DER, as `cryptography` writes it: ML-DSA and ML-KEM as seeds.
It is opened once and kept; an opened key does what its family can, and refuses the rest.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar, cast

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from keystead.keyholder.errors import MaterialWrong, RequestRefused

K = TypeVar("K")

RAW: Final = "RAW"
DIGEST: Final = "DIGEST"
EXTERNAL_MU: Final = "EXTERNAL_MU"
"""MessageType of Sign and Verify (KMS API reference)."""


class WorkingKey:
    """A key that has been opened. Every method raises RequestRefused unless its family has it.

    public  the public key as SubjectPublicKeyInfo, DER (RFC 5280); empty where there is none
    """

    public = b""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def wipe(self) -> None:
        """Overwrite what can be; OpenSSL cleanses its own objects when they are freed."""

    def sign(self, algorithm: str, message: bytes, message_type: str) -> bytes:  # noqa: ARG002  # the promise
        raise RequestRefused

    def verify(self, algorithm: str, message: bytes, message_type: str, signature: bytes) -> bool:  # noqa: ARG002  # likewise
        raise RequestRefused

    def mac(self, algorithm: str, message: bytes) -> bytes:  # noqa: ARG002  # likewise
        raise RequestRefused

    def encrypt(self, algorithm: str, plaintext: bytes) -> bytes:  # noqa: ARG002  # likewise
        raise RequestRefused

    def decrypt(self, algorithm: str, ciphertext: bytes) -> bytes:  # noqa: ARG002  # likewise
        """Raises CiphertextInvalid."""
        raise RequestRefused

    def derive_shared_secret(self, public_key: bytes) -> bytes:  # noqa: ARG002  # likewise
        raise RequestRefused

    def encapsulate(self) -> tuple[bytes, bytes]:
        """(shared secret, ciphertext)"""
        raise RequestRefused

    def decapsulate(self, ciphertext: bytes) -> bytes:  # noqa: ARG002  # likewise
        """Raises CiphertextInvalid."""
        raise RequestRefused


class Family(Protocol):
    """One key spec's way from nothing, or from outside, to a working key."""

    def generate(self) -> bytes:
        """New material. Touches nothing else, so that any thread may do it."""

    def take(self, given: bytes) -> bytes:
        """Material made elsewhere, checked in full, in the one form in which it is kept. Raises MaterialWrong."""

    def open(self, secret: bytes) -> WorkingKey:
        """Of material that `generate` or `take` gave: it is not checked again. Raises ValueError."""


def pkcs8(private: Any) -> bytes:
    """A private key of `cryptography` in the one form."""
    made: bytes = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return made


def spki(public: Any) -> bytes:
    made: bytes = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return made


def parsed(secret: bytes, kind: Callable[..., K]) -> K:
    """A private key of our own making: it lay in a token, so its parts need no second proof. Raises ValueError."""
    found = load_der_private_key(secret, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(found, cast(type[K], kind)):
        raise ValueError("another kind of key")  # noqa: TRY004  # what every parser here raises
    return found


def checked(given: bytes, kind: Callable[..., K]) -> K:
    """A private key from outside, its parts proven to belong together. Raises MaterialWrong."""
    try:
        found = load_der_private_key(given, None)
    except Exception:  # noqa: BLE001  # ValueError, TypeError, UnsupportedAlgorithm; none says anything that may be told
        raise MaterialWrong from None
    if not isinstance(found, cast(type[K], kind)):
        raise MaterialWrong
    return found
