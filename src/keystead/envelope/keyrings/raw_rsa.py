"""Data keys wrapped under an RSA key that the program holds itself: the public half seals, the private half opens.

    provider    the key's namespace            info        the key's name            ciphertext  RSA(data key)

The encryption context is not bound to the wrapping; the message's own tags bind it. Source: AWS Encryption SDK, raw RSA
keyring. PKCS #1 v1.5 is there for old messages: what it refuses looks like a key that is not there.
"""

import os
from collections.abc import Sequence
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from keystead.envelope.context import Context
from keystead.envelope.errors import KeyUnavailable
from keystead.envelope.header import WrappedKey


def _oaep(algorithm: type[hashes.HashAlgorithm]) -> padding.AsymmetricPadding:
    return padding.OAEP(padding.MGF1(algorithm()), algorithm(), None)


class RsaPadding(Enum):
    """The five that exist. MGF1 uses the same hash (AWS Encryption SDK, raw RSA keyring)."""

    PKCS1 = "pkcs1"
    OAEP_SHA1 = "oaep-sha1"
    OAEP_SHA256 = "oaep-sha256"
    OAEP_SHA384 = "oaep-sha384"
    OAEP_SHA512 = "oaep-sha512"

    def padding(self) -> padding.AsymmetricPadding:
        if self is RsaPadding.PKCS1:
            return padding.PKCS1v15()
        return _oaep(_HASHES[self])


_HASHES: Final[dict[RsaPadding, type[hashes.HashAlgorithm]]] = {
    RsaPadding.OAEP_SHA1: hashes.SHA1,  # named by the format; OAEP does not rest on its collisions
    RsaPadding.OAEP_SHA256: hashes.SHA256,
    RsaPadding.OAEP_SHA384: hashes.SHA384,
    RsaPadding.OAEP_SHA512: hashes.SHA512,
}


class RawRsaKeyring:
    """With the public key alone it seals; with the private key it also opens."""

    def __init__(
        self,
        namespace: str,
        name: str,
        padding: RsaPadding,
        *,
        public_key: rsa.RSAPublicKey | None = None,
        private_key: rsa.RSAPrivateKey | None = None,
    ) -> None:
        if namespace.startswith("aws-kms"):
            raise ValueError("Namespaces that begin with aws-kms are the key service's.")
        if public_key is None and private_key is None:
            raise ValueError("Give a public key, a private key or both.")
        self._namespace = namespace
        self._name = name.encode()
        self._padding = padding.padding()
        self._private = private_key
        self._public = public_key or (private_key.public_key() if private_key else None)
        self._identity = b"raw-rsa" + os.urandom(16)

    @classmethod
    def from_pem(cls, namespace: str, name: str, padding: RsaPadding, pem: bytes) -> "RawRsaKeyring":
        """From an unencrypted private key, or a public one. Raises ValueError."""
        if b"PRIVATE KEY" in pem:
            private = load_pem_private_key(pem, None)
            if not isinstance(private, rsa.RSAPrivateKey):
                raise ValueError("This is not an RSA key.")
            return cls(namespace, name, padding, private_key=private)
        public = load_pem_public_key(pem)
        if not isinstance(public, rsa.RSAPublicKey):
            raise ValueError("This is not an RSA key.")  # noqa: TRY004  # a value of the wrong kind, read from text
        return cls(namespace, name, padding, public_key=public)

    def identity(self) -> bytes:
        return self._identity

    def generate(self, length: int, context: Context) -> tuple[bytes, list[WrappedKey]]:
        data_key = os.urandom(length)
        return data_key, self.wrap(data_key, context)

    def wrap(self, data_key: bytes, context: Context) -> list[WrappedKey]:  # noqa: ARG002  # nothing to bind it to
        if self._public is None:
            raise KeyUnavailable("There is no public key to wrap with.")
        return [WrappedKey(self._namespace, self._name, self._public.encrypt(data_key, self._padding))]

    def unwrap(self, wrapped: Sequence[WrappedKey], length: int, context: Context) -> bytes:  # noqa: ARG002  # as above
        own = [key for key in wrapped if (key.provider, key.info) == (self._namespace, self._name)]
        for key in own if self._private is not None else ():
            found = self._opened(key.ciphertext)
            if len(found) == length:
                return found
        raise KeyUnavailable("No data key could be opened.")

    def _opened(self, ciphertext: bytes) -> bytes:
        """Nothing where it does not open: no caller learns whether a padding was right."""
        try:
            return self._private.decrypt(ciphertext, self._padding) if self._private else b""
        except ValueError:
            return b""
