"""Leave to use a key's material for one operation, and what each operation needs of a key."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from keystead.keyholder.promise import (
    ENCAPSULATE_DECAPSULATE,
    ENCRYPT_DECRYPT,
    GENERATE_VERIFY_MAC,
    KEY_AGREEMENT,
    SIGN_VERIFY,
    Keyholder,
    Material,
)
from keystead.keys.errors import AlgorithmWrong, NoPublicKey, NotInStores, UsageWrong
from keystead.keys.key import Key
from keystead.keys.specs import Kind
from keystead.stores.outer import Outer


class Needs(NamedTuple):
    """The usage, and the condition key that shows the algorithm to policies."""

    usage: str
    condition: str


_ENCRYPTION: Final = Needs(ENCRYPT_DECRYPT, "kms:encryptionalgorithm")
_SIGNATURE: Final = Needs(SIGN_VERIFY, "kms:signingalgorithm")
_MAC: Final = Needs(GENERATE_VERIFY_MAC, "kms:macalgorithm")
_AGREEMENT: Final = Needs(KEY_AGREEMENT, "kms:keyagreementalgorithm")
_ENCAPSULATION: Final = Needs(ENCAPSULATE_DECAPSULATE, "kms:encapsulationalgorithm")

NEEDS: Final[Mapping[str, Needs]] = {
    #  KMS developer guide, key usage and AWS KMS condition keys
    "Encrypt":                             _ENCRYPTION,
    "Decrypt":                             _ENCRYPTION,
    "ReEncryptFrom":                       _ENCRYPTION,
    "ReEncryptTo":                         _ENCRYPTION,
    "GenerateDataKey":                     _ENCRYPTION,
    "GenerateDataKeyWithoutPlaintext":     _ENCRYPTION,
    "GenerateDataKeyPair":                 _ENCRYPTION,
    "GenerateDataKeyPairWithoutPlaintext": _ENCRYPTION,
    "Sign":                                _SIGNATURE,
    "Verify":                              _SIGNATURE,
    "GenerateMac":                         _MAC,
    "VerifyMac":                           _MAC,
    "DeriveSharedSecret":                  _AGREEMENT,
    "Encapsulate":                         _ENCAPSULATION,
    "Decapsulate":                         _ENCAPSULATION,
}  # fmt: skip  # a table


PAIRS: Final = frozenset({"GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"})
"""What no key in a custom key store does (KMS API reference, GenerateDataKeyPair)."""


def check_usage(key: Key, operation: str, algorithm: str) -> None:
    """Raises UsageWrong, AlgorithmWrong."""
    if key.usage != NEEDS[operation].usage:
        raise UsageWrong(key.arn, key.usage, operation)
    if algorithm not in key.algorithms:
        raise AlgorithmWrong(algorithm, key.spec)


def check_store(key: Key, operation: str) -> None:
    """Raises NotInStores."""
    if key.key_store is not None and operation in PAIRS:
        raise NotInStores(key.arn)


def check_public(key: Key) -> None:
    """Raises NoPublicKey."""
    if key.kind is not Kind.ASYMMETRIC:
        raise NoPublicKey(key.arn, key.spec)


class Use(msgspec.Struct, frozen=True):
    """Leave to use a key's material for one operation with one algorithm. Only the door makes one."""

    key: Key
    material: Material
    algorithm: str
    _keyholder: Keyholder
    _context: bytes
    _outer: Outer | None = None

    def __repr__(self) -> str:
        return f"Use({self.key.arn!r}, {self.material_id!r}, {self.algorithm!r})"

    @property
    def material_id(self) -> str:
        return self.material.material_id

    async def encrypt(self, plaintext: bytes) -> bytes:
        return await self._out(await self._keyholder.encrypt(self.material, plaintext, self._context, self.algorithm))

    async def decrypt(self, blob: bytes, recipient: bytes = b"") -> bytes:
        """The plaintext; for a recipient, here as below, what only it can read. Raises CiphertextInvalid."""
        inner = await self._in(blob)
        return await self._keyholder.decrypt(self.material, inner, self._context, self.algorithm, recipient)

    async def generate_data_key(self, length: int, recipient: bytes = b"") -> tuple[bytes, bytes]:
        plaintext, blob = await self._keyholder.generate_data_key(self.material, length, self._context, recipient)
        return plaintext, await self._out(blob)

    async def generate_data_key_without_plaintext(self, length: int) -> bytes:
        made = await self._keyholder.generate_data_key_without_plaintext(self.material, length, self._context)
        return await self._out(made)

    async def generate_data_key_pair(self, spec: str, recipient: bytes = b"") -> tuple[bytes, bytes, bytes]:
        """(public key, private key, blob)"""
        return await self._keyholder.generate_data_key_pair(self.material, spec, self._context, recipient)

    async def generate_data_key_pair_without_plaintext(self, spec: str) -> tuple[bytes, bytes]:
        return await self._keyholder.generate_data_key_pair_without_plaintext(self.material, spec, self._context)

    async def seal_value(self, value: bytes, kind: bytes) -> tuple[bytes, bytes]:
        """(blob of a new data key, the value sealed under it). The data key stays in the keyholder."""
        blob, sealed = await self._keyholder.seal_value(self.material, value, self._context, kind)
        return await self._out(blob), sealed

    async def open_value(self, blob: bytes, sealed: bytes, kind: bytes) -> bytes:
        """Raises CiphertextInvalid."""
        return await self._keyholder.open_value(self.material, await self._in(blob), sealed, self._context, kind)

    async def reencrypt(self, blob: bytes, target: "Use") -> bytes:
        """The plaintext stays in the keyholder. Raises CiphertextInvalid."""
        to = target._context  # noqa: SLF001  # of its own class
        algorithms, inner = (self.algorithm, target.algorithm), await self._in(blob)
        moved = await self._keyholder.reencrypt(self.material, inner, self._context, target.material, to, *algorithms)
        return await target._out(moved)  # noqa: SLF001

    async def _out(self, blob: bytes) -> bytes:
        """With the outer layer of an external key store, where the key is in one."""
        return blob if self._outer is None else await self._outer.put(self.material_id, blob)

    async def _in(self, blob: bytes) -> bytes:
        """Likewise, without it. Raises CiphertextInvalid."""
        return blob if self._outer is None else await self._outer.take_off(blob)

    async def sign(self, message: bytes, message_type: str) -> bytes:
        return await self._keyholder.sign(self.material, self.algorithm, message, message_type)

    async def verify(self, message: bytes, message_type: str, signature: bytes) -> bool:
        return await self._keyholder.verify(self.material, self.algorithm, message, message_type, signature)

    async def generate_mac(self, message: bytes) -> bytes:
        return await self._keyholder.generate_mac(self.material, self.algorithm, message)

    async def verify_mac(self, message: bytes, mac: bytes) -> bool:
        return await self._keyholder.verify_mac(self.material, self.algorithm, message, mac)

    async def derive_shared_secret(self, public_key: bytes, recipient: bytes = b"") -> bytes:
        return await self._keyholder.derive_shared_secret(self.material, public_key, recipient)

    async def encapsulate(self) -> tuple[bytes, bytes]:
        """(shared secret, ciphertext)"""
        return await self._keyholder.encapsulate(self.material)

    async def decapsulate(self, ciphertext: bytes) -> bytes:
        """Raises CiphertextInvalid."""
        return await self._keyholder.decapsulate(self.material, ciphertext)
