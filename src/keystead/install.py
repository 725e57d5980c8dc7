"""Makes an installation: seal, keys, database, the first account and its administrator."""

import os
import secrets
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from keystead import logs
from keystead.config import HSM_FILE, Installation, Settings, new_node
from keystead.database import sealed_keys
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.identities import errors
from keystead.identities.room import Identities
from keystead.kept_keys import own_keys
from keystead.keyholder import hsm_file, seals, setup
from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.own_keys import CHECKPOINT
from keystead.keyholder.reach import Reach
from keystead.keyholder.seals import Seal
from keystead.keyholder.software import Software
from keystead.trail import outbox
from keystead.trail import setup as trail


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
    """Set up `settings.data`. What a failure leaves behind is removed, but for a key in a token.

    Raises SealNotOpened, HsmLost, and InstallationExists unless the folder is empty or absent.
    """
    data = settings.folder
    if data.exists() and any(data.iterdir()):
        raise InstallationExists(data)
    with emptied_on_failure(data):
        return await _install(settings, region, seal, account or new_account())


@contextmanager
def emptied_on_failure(data: Path) -> Iterator[None]:
    """A folder that only its owner may enter; empty again when the block fails."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    data.chmod(0o700)
    try:
        yield
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
    async with Database.opened(settings.database_url) as database:
        await database.migrate()
        async with database.write("init") as transaction:
            for sealed in fresh.sealed:
                if sealed.purpose != CHECKPOINT:  # which is the recorder's, who reads no database
                    await sealed_keys.add(transaction, sealed)
        key_id, secret = await identities_of(database, fresh.software).create_account(account)
    installation = Installation(
        id=str(uuid.uuid4()), region=region, account=account, created=time.time(), node=new_node()
    )
    checkpoint = next(sealed for sealed in fresh.sealed if sealed.purpose == CHECKPOINT)
    seeds = fresh.software.checkpoint_seeds(checkpoint)
    trail.create(settings.folder / "trail", installation.origin, checkpoint, seeds)
    installation.save(settings.folder)
    if settings.hsm_file:
        shutil.copyfile(settings.hsm_file, settings.folder / HSM_FILE)
    return Administrator(account, key_id, secret)


async def add_account(settings: Settings, account: str | None) -> Administrator:
    """A further account with its administrator, also while a node serves.

    This process cannot tell the node's workers, and need not: nothing of a new account can be cached, and that a
    key is unknown is never remembered. The change feed names the account all the same.

    Raises FileNotFoundError, AccountExists, AccountRefused, or SealNotOpened.
    """
    Installation.load(settings.folder)
    software = setup.open(settings.folder, seals.given(settings.folder, passphrase_of(settings), reach_of(settings)))
    try:
        async with Database.opened(settings.database_url) as database:
            software.load(await own_keys(database))
            made = account or new_account()
            key_id, secret = await identities_of(database, software).create_account(made)
    except errors.AccountExists as exists:
        raise AccountExists(exists.account) from None
    return Administrator(made, key_id, secret)


def identities_of(database: Database, software: Software) -> Identities:
    """In this process, where nothing else is."""
    keyholder = LocalKeyholder(software)
    outbox.vouched_by(database, keyholder)
    return Identities(database, Feed(database), keyholder, time.time)


def reach_of(settings: Settings) -> Reach:
    """The hardware security modules of this node, called from this process. Raises SealNotOpened."""
    try:
        entries = hsm_file.read(settings.hsms)
        if not entries:
            return Reach()
        from keystead.keyholder.pkcs11 import Tokens
    except hsm_file.HsmFileWrong as error:
        raise SealNotOpened(str(error)) from None
    except ImportError:
        raise SealNotOpened("Hardware security modules need the extra: pip install 'keystead[pkcs11]'") from None
    return Reach(Tokens(entries, partial(logs.say, "keystead")))


def passphrase_of(settings: Settings) -> bytes | None:
    """None without a passphrase file; a line end after it does not count. Raises SealNotOpened."""
    if not settings.passphrase_file:
        return None
    try:
        return Path(settings.passphrase_file).read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise SealNotOpened(f"The passphrase cannot be read: {error.strerror}.") from None
