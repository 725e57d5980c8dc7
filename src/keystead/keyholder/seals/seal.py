"""What every kind of seal promises, and what those promise besides whose root key lies in the seal file."""

import uuid
from pathlib import Path
from typing import Protocol

from keystead.keyholder.reach import Reach
from keystead.keyholder.sealing import Key
from keystead.keyholder.seals.argon2 import Argon2


class Seal(Protocol):
    """One kind of seal, with whatever secret it takes. `id` is that of the seal file."""

    @property
    def kind(self) -> str: ...

    @property
    def reach(self) -> Reach:
        """For root keys in tokens: this seal's own, or one that it replaced."""

    def new_root(self) -> Key:
        """A new root key, where this seal keeps it. Raises HsmLost."""


class KeptSeal(Seal, Protocol):
    """A seal whose root key lies in the seal file, under S."""

    def new_secret(self, data: Path, id_: uuid.UUID) -> tuple[bytes, Argon2 | None]:
        """S of a new seal, and the parameters that go into its file."""

    def secret(self, data: Path, id_: uuid.UUID, argon2: Argon2 | None) -> bytes:
        """S of this seal. Raises SealNotOpened."""
