"""Private keys that are kept as a seed: what ML-DSA (RFC 9881) and ML-KEM (RFC 9935) have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keystead.keyholder.algorithms.working_key import WorkingKey, checked, parsed, pkcs8, spki
from keystead.keyholder.errors import MaterialWrong


@dataclass(frozen=True, slots=True)
class Seeded:
    """The family of one parameter set.

    kind    the library's class of its private keys
    opened  the working key of one
    """

    kind: type[Any]
    opened: Callable[[Any], WorkingKey]

    def generate(self) -> bytes:
        return pkcs8(self.kind.generate())

    def take(self, given: bytes) -> bytes:
        """The document must hold the seed: an expanded key cannot be proven."""
        key = checked(given, self.kind)
        try:
            return pkcs8(self.kind.from_seed_bytes(key.private_bytes_raw()))
        except ValueError:
            raise MaterialWrong from None

    def open(self, secret: bytes) -> WorkingKey:
        return self.opened(parsed(secret, self.kind))


class SeededKey(WorkingKey):
    def __init__(self, private: Any) -> None:
        self._private = private
        self._public = private.public_key()
        self.public = spki(self._public)
