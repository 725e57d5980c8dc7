"""What is done with keys but encryption: signatures, MACs, key agreement, encapsulation."""

import hmac
from typing import Final

from keystead.keyholder.errors import RequestRefused
from keystead.keyholder.promise import (
    ENCAPSULATE_DECAPSULATE,
    GENERATE_VERIFY_MAC,
    KEY_AGREEMENT,
    SIGN_VERIFY,
    Material,
)
from keystead.keyholder.software.checks import for_recipient, within
from keystead.keyholder.software.holding import Holding

MESSAGE_LIMIT: Final = 4096
"""Bytes of a message to Sign, Verify, GenerateMac and VerifyMac (KMS API reference)."""
INPUT_LIMIT: Final = 8192
"""Bytes of a signature, a MAC, a ciphertext or a public key; the longest in the KMS API reference is 8192."""


class Signatures(Holding):
    """A key does what its usage says and nothing else."""

    def public_key(self, material: Material) -> bytes:
        public = self._materials.working(material, material.usage).public
        if not public:
            raise RequestRefused
        return public

    def sign(self, material: Material, algorithm: str, message: bytes, message_type: str) -> bytes:
        return self._materials.working(material, SIGN_VERIFY).sign(algorithm, of_message(message), message_type)

    def verify(self, material: Material, algorithm: str, message: bytes, message_type: str, signature: bytes) -> bool:
        key = self._materials.working(material, SIGN_VERIFY)
        return key.verify(algorithm, of_message(message), message_type, within(signature, INPUT_LIMIT))

    def generate_mac(self, material: Material, algorithm: str, message: bytes) -> bytes:
        return self._materials.working(material, GENERATE_VERIFY_MAC).mac(algorithm, of_message(message))

    def verify_mac(self, material: Material, algorithm: str, message: bytes, mac: bytes) -> bool:
        return hmac.compare_digest(self.generate_mac(material, algorithm, message), within(mac, INPUT_LIMIT))

    def derive_shared_secret(self, material: Material, public_key: bytes, recipient: bytes = b"") -> bytes:
        key = self._materials.working(material, KEY_AGREEMENT)
        secret = key.derive_shared_secret(within(public_key, INPUT_LIMIT))
        return for_recipient(recipient, secret) if recipient else secret

    def encapsulate(self, material: Material) -> tuple[bytes, bytes]:
        return self._materials.working(material, ENCAPSULATE_DECAPSULATE).encapsulate()

    def decapsulate(self, material: Material, ciphertext: bytes) -> bytes:
        return self._materials.working(material, ENCAPSULATE_DECAPSULATE).decapsulate(within(ciphertext, INPUT_LIMIT))


def of_message(message: bytes) -> bytes:
    """Raises RequestRefused."""
    if not 1 <= len(message) <= MESSAGE_LIMIT:
        raise RequestRefused
    return message
