"""Makes an installation: seal, keys, database, the first account and its administrator."""

import os
import secrets
import shutil
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from keystead.config import Installation, Settings
from keystead.database import sealed_keys
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.identities.room import Identities
from keystead.keyholder import setup
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.seals import Seal


class InstallationExists(Exception):
    """The folder is not empty; nothing in it was touched."""

    def __init__(self, data: Path) -> None:
        super().__init__(str(data))
        self.data = data


class AccountExists(Exception):
    """An account of that id is there already."""

    def __init__(self, account: str) -> None:
        super().__init__(account)
        self.account = account


@dataclass(frozen=True, slots=True)
class Administrator:
    """The first credentials of an account. The secret is shown once and kept nowhere in the clear."""

    account: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


async def install(settings: Settings, *, region: str, seal: Seal, account: str | None = None) -> Administrator:
    """Set up `settings.data`. What a failure leaves behind is removed.

    Raises InstallationExists unless the folder is empty or absent.
    """
    data = settings.folder
    if data.exists() and any(data.iterdir()):
        raise InstallationExists(data)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    data.chmod(0o700)
    try:
        return await _install(settings, region, seal, account or new_account())
    except BaseException:
        for left in data.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        raise


def new_account() -> str:
    """12 digits, not beginning with 0, which spreadsheets and shells lose."""
    return str(10**11 + secrets.randbelow(9 * 10**11))


async def _install(settings: Settings, region: str, seal: Seal, account: str) -> Administrator:
    os.umask(0o077)
    fresh = setup.create(settings.folder, seal)
    database = Database.open(settings.database_url)
    try:
        await database.migrate()
        async with database.write("init") as transaction:
            for sealed in fresh.sealed:
                await sealed_keys.add(transaction, sealed)
        identities = Identities(database, Feed(database), LocalKeyholder(fresh.software), time.time)
        key_id, secret = await identities.create_account(account)
    finally:
        await database.close()
    Installation(id=str(uuid.uuid4()), region=region, account=account, created=time.time()).save(settings.folder)
    return Administrator(account, key_id, secret)


async def add_account(settings: Settings, account: str | None) -> Administrator:
    """A further account, also while a node serves: its workers learn of it from the change feed.

    Raises FileNotFoundError, AccountExists, or SealNotOpened.
    """
