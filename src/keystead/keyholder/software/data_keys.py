"""Random bytes, data keys and pairs of them: made here, and handed out beside their ciphertext."""

from keystead.keyholder.algorithms.specs import SPECS
from keystead.keyholder.errors import RequestRefused
from keystead.keyholder.materials import generate_pair
from keystead.keyholder.promise import Material
from keystead.keyholder.sealing import urandom, wipe
from keystead.keyholder.software.checks import DATA_KEY_LIMIT, for_recipient
from keystead.keyholder.software.encryption import Encryption


class DataKeys(Encryption):
    """What is not handed out is wiped."""

    def random(self, length: int, recipient: bytes = b"") -> bytes:
        if not 1 <= length <= DATA_KEY_LIMIT:
            raise RequestRefused
        made = urandom(length)
        return for_recipient(recipient, made) if recipient else made

    def generate_data_key(
        self, material: Material, length: int, context: bytes, recipient: bytes = b""
    ) -> tuple[bytes, bytes]:
        plaintext = self.random(length)
        blob = self.encrypt(material, plaintext, context)
        return for_recipient(recipient, plaintext) if recipient else plaintext, blob

    def generate_data_key_without_plaintext(self, material: Material, length: int, context: bytes) -> bytes:
        plaintext, blob = self.generate_data_key(material, length, context)
        wipe(plaintext)
        return blob

    def generate_data_key_pair(
        self, material: Material, pair_spec: str, context: bytes, recipient: bytes = b"", made: bytes | None = None
    ) -> tuple[bytes, bytes, bytes]:
        private = made or generate_pair(pair_spec)
        public = SPECS[pair_spec].family.open(private).public
        blob = self.encrypt(material, private, context)
        return public, for_recipient(recipient, private) if recipient else private, blob

    def generate_data_key_pair_without_plaintext(
        self, material: Material, pair_spec: str, context: bytes, made: bytes | None = None
    ) -> tuple[bytes, bytes]:
        public, private, blob = self.generate_data_key_pair(material, pair_spec, context, made=made)
        wipe(private)
        return public, blob
