"""Encryption under a key: the path of most calls."""

from keystead.keyholder.algorithms.working_key import WorkingKey
from keystead.keyholder.ciphertext import BLOB_LIMIT, CONTEXT_LIMIT, HEADER_LENGTH, OVERHEAD, PLAINTEXT_LIMIT
from keystead.keyholder.errors import CiphertextInvalid, RequestRefused
from keystead.keyholder.promise import ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT, Material
from keystead.keyholder.sealing import CIPHERTEXT, Altered, open_sealed, seal, wipe
from keystead.keyholder.software.checks import for_recipient, within
from keystead.keyholder.software.holding import Holding


class Encryption(Holding):
    """Symmetric under a context, or with the public half of a pair under none."""

    def encrypt(
        self, material: Material, plaintext: bytes, context: bytes, algorithm: str = SYMMETRIC_DEFAULT
    ) -> bytes:
        if not 1 <= len(plaintext) <= PLAINTEXT_LIMIT or len(context) > CONTEXT_LIMIT:
            raise RequestRefused
        if algorithm != SYMMETRIC_DEFAULT:
            return self._without_context(material, context).encrypt(algorithm, plaintext)
        opened = self._materials.symmetric(material)
        return seal(opened.material, CIPHERTEXT, opened.header, opened.bound + context, plaintext)

    def decrypt(
        self,
        material: Material,
        blob: bytes,
        context: bytes,
        algorithm: str = SYMMETRIC_DEFAULT,
        recipient: bytes = b"",
    ) -> bytes:
        if recipient:
            return for_recipient(recipient, self.decrypt(material, blob, context, algorithm))
        if len(context) > CONTEXT_LIMIT:
            raise RequestRefused
        if algorithm != SYMMETRIC_DEFAULT:
            return self._without_context(material, context).decrypt(algorithm, within(blob, BLOB_LIMIT))
        opened = self._materials.symmetric(material)
        if not OVERHEAD < len(blob) <= BLOB_LIMIT or blob[:HEADER_LENGTH] != opened.header:
            raise CiphertextInvalid
        try:
            return open_sealed(opened.material, CIPHERTEXT, HEADER_LENGTH, blob, opened.bound + context)
        except Altered:
            raise CiphertextInvalid from None

    def reencrypt(
        self,
        source: Material,
        blob: bytes,
        source_context: bytes,
        target: Material,
        target_context: bytes,
        source_algorithm: str = SYMMETRIC_DEFAULT,
        target_algorithm: str = SYMMETRIC_DEFAULT,
    ) -> bytes:
        plaintext = self.decrypt(source, blob, source_context, source_algorithm)
        try:
            return self.encrypt(target, plaintext, target_context, target_algorithm)
        finally:
            wipe(plaintext)

    def _without_context(self, material: Material, context: bytes) -> WorkingKey:
        """An encryption context belongs to symmetric keys alone."""
        if context:
            raise RequestRefused
        return self._materials.working(material, ENCRYPT_DECRYPT)
