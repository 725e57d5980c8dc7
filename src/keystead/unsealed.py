"""An installation in the hands of its operator: the seal opened by the operator's own process, also while nodes serve."""

import os
import pwd
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from keystead.config import Installation, Settings
from keystead.database.engine import Database, Transaction
from keystead.install import passphrase_of, reach_of
from keystead.kept_keys import own_keys
from keystead.keyholder.backups import OpenedSeal
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.software import Software
from keystead.trail import outbox, waiting_before
from keystead.trail.event import internal_event


@dataclass(frozen=True, slots=True)
class Unsealed:
    """Holds secrets, for as long as the command runs."""

    settings: Settings
    installation: Installation
    seal: OpenedSeal
    software: Software
    database: Database

    async def note(self, tx: Transaction, name: str, details: Mapping[str, object]) -> None:
        """An event of what the operator does, in the transaction that does it; a node that serves records it."""
        await waiting_before.put(tx, operators_event(self.installation, name, details, at=tx.at))

    async def record(self, name: str, details: Mapping[str, object]) -> None:
        """Likewise, of what no transaction does."""
        async with self.database.write("operator", announced=False) as tx:
            await self.note(tx, name, details)


@asynccontextmanager
async def unsealed(settings: Settings) -> AsyncIterator[Unsealed]:
    """Raises FileNotFoundError, SealNotOpened, HsmLost, DatabaseLost, TokenInvalid when the database is another installation's."""
    installation = Installation.load(settings.folder)
    seal = OpenedSeal.of(settings.folder, passphrase_of(settings), reach_of(settings))
    software = seal.software()
    async with Database.opened(settings.database_url) as database:
        software.load(await own_keys(database))
        outbox.vouched_by(database, LocalKeyholder(software))
        yield Unsealed(settings, installation, seal, software, database)


@asynccontextmanager
async def still_sealed(settings: Settings) -> AsyncIterator[Database]:
    """The database alone, for what needs no key. Raises FileNotFoundError."""
    Installation.load(settings.folder)
    async with Database.opened(settings.database_url) as database:
        yield database


def operators_event(installation: Installation, name: str, details: Mapping[str, object], *, at: float) -> bytes:
    """`at` is seconds since the epoch. Never put a secret into `details`. Who it was is what the operating system says."""
    who = {"operatingSystemUser": user_name(), "node": installation.node}
    return internal_event(
        name,
        account=installation.account,
        region=installation.region,
        at=at,
        details={**details, **who},
    )


def user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user need not have a name
        return str(os.getuid())
