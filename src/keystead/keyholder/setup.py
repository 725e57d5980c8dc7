"""Makes the keys of a new installation, and opens those of an old one."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from keystead.keyholder import seals
from keystead.keyholder.own_keys import CHECKPOINT, DOMAIN, IDENTIFIER
from keystead.keyholder.promise import SealedKey
from keystead.keyholder.seals import Seal
from keystead.keyholder.software import Software


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new installation's keyholder, ready for use, and what its database must keep."""

    software: Software
    sealed: tuple[SealedKey, ...]


def create(data: Path, seal: Seal, clock: Callable[[], float] = time.time) -> Fresh:
    """Write a new seal into the folder `data`; first keys of every purpose. Raises FileExistsError, SealNotOpened, HsmLost."""
    software = Software(seals.write_new(data, seal), reach=seal.reach, clock=clock)
    sealed = tuple(software.make(purpose, 1) for purpose in (DOMAIN, IDENTIFIER, CHECKPOINT))
    software.load(sealed)
    return Fresh(software, sealed)


def open(data: Path, seal: Seal) -> Software:  # noqa: A001  # read as setup.open
    """The keyholder of an existing installation; its sealed keys are still to be loaded. Raises SealNotOpened, HsmLost."""
    return Software(*seals.unseal(data, seal), reach=seal.reach)
