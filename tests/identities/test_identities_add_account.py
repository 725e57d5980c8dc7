"""A further account, made by another process while workers serve."""

import pytest

from keystead.config import Settings
from keystead.database.counter import ChangeCounter
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.database.sealed_keys import load as load_sealed
from keystead.identities.errors import AccountRefused
from keystead.identities.room import Identities
from keystead.install import AccountExists, add_account, install
from keystead.keyholder import setup
from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.local import LocalKeyholder
from keystead.keyholder.promise import SealedKey
from keystead.keyholder.seals import FileSeal, PassphraseSeal

FIRST, SECOND = "111122223333", "444455556666"
PASSPHRASE = b"correct horse"


def settings_in(folder, passphrase=None):
    if passphrase is None:
        return Settings(data=str(folder / "data"))
    (folder / "passphrase").write_bytes(passphrase + b"\n")
    return Settings(data=str(folder / "data"), passphrase_file=str(folder / "passphrase"))


async def installed(folder, seal, passphrase=None):
    settings = settings_in(folder, passphrase)
    first = await install(settings, region="us-east-1", seal=seal, account=FIRST)
    return settings, first


class Worker:
    """A process of the node: its change counter is one that nobody outside the node can reach."""

    def __init__(self, settings, seal, folder):
        self.counter = ChangeCounter(folder / "changes", slot=0)
        self.database = Database.open(settings.database_url, counter=self.counter)
        self.feed = Feed(self.database, self.counter)
        self.software = setup.open(settings.folder, seal)

    async def __aenter__(self):
        async with self.database.read() as connection:
            self.software.load(tuple(SealedKey(*row) for row in await load_sealed(connection)))
        await self.feed.catch_up()
        return self

    async def __aexit__(self, *_):
        await self.database.close()
        self.counter.close()

    async def authenticate(self, access_key_id):
        if not self.feed.current():
            await self.feed.catch_up()
        return await self.identities.authenticate(access_key_id, None)

    @property
    def identities(self):
        if not hasattr(self, "_identities"):
            self._identities = Identities(self.database, self.feed, LocalKeyholder(self.software), lambda: 0.0)
        return self._identities


@pytest.mark.parametrize("passphrase", [None, pytest.param(PASSPHRASE, marks=pytest.mark.slow)])
async def test_a_new_account_is_known_to_a_serving_worker_at_once(tmp_path, passphrase):
    seal = FileSeal() if passphrase is None else PassphraseSeal(passphrase)
    settings, first = await installed(tmp_path, seal, passphrase)
    async with Worker(settings, seal, tmp_path) as worker:
        assert (await worker.authenticate(first.access_key_id)).caller.principal.account == FIRST

        made = await add_account(settings, SECOND)

        credential = await worker.authenticate(made.access_key_id)
        assert credential.caller.principal.arn == f"arn:aws:iam::{SECOND}:user/administrator"
        assert len(await worker.identities.signing_key(credential, "20250615", "us-east-1", "kms")) == 32


async def test_a_key_asked_for_before_its_account_was_made_is_found_at_once(tmp_path, monkeypatch):
    settings, _ = await installed(tmp_path, FileSeal())
    foreseen = "AKIA" + "A" * 16
    async with Worker(settings, FileSeal(), tmp_path) as worker:
        assert await worker.authenticate(foreseen) is None
        monkeypatch.setattr("keystead.identities.new_keys.new_access_key_id", lambda prefix: foreseen)

        await add_account(settings, None)

        assert await worker.authenticate(foreseen) is not None


async def test_an_account_without_a_number_gets_one_of_twelve_digits(tmp_path):
    settings, _ = await installed(tmp_path, FileSeal())

    made = await add_account(settings, None)

    assert len(made.account) == 12
    assert made.account.isdigit()
    assert made.secret_access_key not in repr(made)


async def test_an_account_is_added_once(tmp_path):
    settings, _ = await installed(tmp_path, FileSeal())

    with pytest.raises(AccountExists):
        await add_account(settings, FIRST)


@pytest.mark.parametrize("account", ["1", "11112222333a", "1111222233334", "１１１１２２２２３３３３"])
async def test_an_account_has_twelve_digits(tmp_path, account):
    settings, _ = await installed(tmp_path, FileSeal())

    with pytest.raises(AccountRefused):
        await add_account(settings, account)


async def test_without_an_installation_nothing_is_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        await add_account(settings_in(tmp_path), SECOND)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("passphrase", [b"wrong", b"", None])
async def test_the_wrong_passphrase_adds_nothing(tmp_path, passphrase):
    await installed(tmp_path, PassphraseSeal(PASSPHRASE), PASSPHRASE)

    with pytest.raises(SealNotOpened):
        await add_account(settings_in(tmp_path, passphrase), SECOND)

    assert (await add_account(settings_in(tmp_path, PASSPHRASE), SECOND)).account == SECOND


async def test_a_passphrase_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    settings, _ = await installed(tmp_path, FileSeal())
    missing = Settings(data=settings.data, passphrase_file=str(tmp_path / "missing"))

    with pytest.raises(SealNotOpened, match="The passphrase cannot be read: No such file"):
        await add_account(missing, SECOND)
