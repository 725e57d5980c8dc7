"""Makes a further node of an installation: the same seal and database, a log and checkpoint keys of its own."""

import os
import shutil
from pathlib import Path

import msgspec

from keystead.config import Installation, Settings, new_node
from keystead.database.engine import Database
from keystead.install import InstallationExists, emptied_on_failure
from keystead.kept_keys import own_keys
from keystead.keyholder import seals, setup
from keystead.keyholder.own_keys import CHECKPOINT
from keystead.keyholder.reach import Reach
from keystead.keyholder.seals import SEAL_FILE
from keystead.trail import setup as trail


class DatabaseNotShared(Exception):
    """The database is a file of one node."""


async def join(settings: Settings, source: Path, passphrase: bytes | None, reach: Reach) -> Installation:
    """Set up `settings.data` as a further node of the installation whose folder, or a copy of it, is `source`.

    Of `source` only keystead.json and the seal are read. Raises FileNotFoundError, InstallationExists, DatabaseNotShared,
    SealNotOpened, TokenInvalid when the database is another installation's.
    """
    if settings.folder.exists() and any(settings.folder.iterdir()):
        raise InstallationExists(settings.folder)
    installation = msgspec.structs.replace(Installation.load(source), node=new_node())
    software = setup.open(source, seals.given(source, passphrase, reach))
    async with Database.opened(settings.database_url) as database:
        if not database.shared:
            raise DatabaseNotShared
        software.load(await own_keys(database))
    checkpoint = software.make(CHECKPOINT, 1)
    os.umask(0o077)
    with emptied_on_failure(settings.folder):
        for name in (SEAL_FILE, seals.key_file(seals.load(source).id)):
            if (source / name).exists():
                shutil.copyfile(source / name, settings.folder / name)
        seeds = software.checkpoint_seeds(checkpoint)
        trail.create(settings.folder / "trail", installation.origin, checkpoint, seeds)
        installation.save(settings.folder)
    return installation
