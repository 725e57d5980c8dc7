"""The key that a passphrase becomes: argon2id of RFC 9106, within what this machine may be asked for."""

from typing import Final

import msgspec
from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw

from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.sealing import KEY_LENGTH

SALT_LENGTH: Final = 16
"""RFC 9106 section 3.1 recommends it."""
MEMORY_LIMIT: Final = 4 * 1024 * 1024
"""KiB that a seal file may ask of argon2: the high-memory profile of RFC 9106 has 2 GiB."""
TIME_LIMIT: Final = 1024
PARALLELISM_LIMIT: Final = 64


class Argon2(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of RFC 9106: memory in KiB."""

    salt: bytes
    time_cost: int
    memory_cost: int
    parallelism: int

    def derive(self, passphrase: bytes) -> bytes:
        """Raises SealNotOpened when this machine has not the memory for it."""
        try:
            return hash_secret_raw(
                passphrase, self.salt, self.time_cost, self.memory_cost, self.parallelism, KEY_LENGTH, Type.ID
            )
        except HashingError:
            raise SealNotOpened(f"The passphrase needs {self.memory_cost} KiB of memory to be tried.") from None

    def reasonable(self) -> bool:
        return (
            len(self.salt) == SALT_LENGTH
            and 1 <= self.time_cost <= TIME_LIMIT
            and 1 <= self.parallelism <= PARALLELISM_LIMIT
            and 8 * self.parallelism <= self.memory_cost <= MEMORY_LIMIT
        )
