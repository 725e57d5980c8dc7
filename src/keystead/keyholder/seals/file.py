"""The seal whose secret lies on the disk."""

import uuid
from dataclasses import dataclass, field
from pathlib import Path

from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.reach import Reach
from keystead.keyholder.sealing import KEY_LENGTH, urandom
from keystead.keyholder.seals.argon2 import Argon2
from keystead.keyholder.seals.seal_file import FILE
from keystead.keyholder.secret_files import read, write


def key_file(id_: uuid.UUID | str) -> str:
    return f"seal-{id_}.key"


@dataclass(frozen=True, slots=True)
class FileSeal:
    """S lies in a file of its own beside the seal file."""

    reach: Reach = field(default_factory=Reach, repr=False, compare=False)
    kind = FILE

    def new_root(self) -> bytes:
        return urandom(KEY_LENGTH)

    def new_secret(self, data: Path, id_: uuid.UUID) -> tuple[bytes, Argon2 | None]:
        secret = urandom(KEY_LENGTH)
        write(data / key_file(id_), secret)
        return secret, None

    def secret(self, data: Path, id_: uuid.UUID, argon2: Argon2 | None) -> bytes:
        del argon2  # a file seal has no parameters
        secret = read(data / key_file(id_))
        if len(secret) != KEY_LENGTH:
            raise SealNotOpened(f"{data / key_file(id_)} does not hold {KEY_LENGTH} bytes.")
        return secret
