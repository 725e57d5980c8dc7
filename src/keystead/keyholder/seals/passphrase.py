"""The seal whose secret its operator knows."""

import uuid
from dataclasses import dataclass, field
from pathlib import Path

from argon2.profiles import RFC_9106_LOW_MEMORY

from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.reach import Reach
from keystead.keyholder.sealing import KEY_LENGTH, urandom
from keystead.keyholder.seals.argon2 import SALT_LENGTH, Argon2
from keystead.keyholder.seals.seal_file import PASSPHRASE, SEAL_FILE


@dataclass(frozen=True, slots=True)
class PassphraseSeal:
    """S comes from a passphrase, taken as it is: no trimming, no Unicode normalisation."""

    passphrase: bytes = field(repr=False)
    reach: Reach = field(default_factory=Reach, repr=False, compare=False)
    kind = PASSPHRASE

    def new_root(self) -> bytes:
        return urandom(KEY_LENGTH)

    def new_secret(self, data: Path, id_: uuid.UUID) -> tuple[bytes, Argon2 | None]:
        del data, id_  # nothing of it is kept
        if not self.passphrase:
            raise SealNotOpened("An empty passphrase seals nothing.")
        profile = RFC_9106_LOW_MEMORY
        argon2 = Argon2(urandom(SALT_LENGTH), profile.time_cost, profile.memory_cost, profile.parallelism)
        return argon2.derive(self.passphrase), argon2

    def secret(self, data: Path, id_: uuid.UUID, argon2: Argon2 | None) -> bytes:
        del id_
        if argon2 is None or not argon2.reasonable():
            raise SealNotOpened(f"{data / SEAL_FILE} has no usable argon2 parameters.")
        return argon2.derive(self.passphrase)
