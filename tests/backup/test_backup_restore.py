"""A backup, and the installation that is made of it: the same content on either engine, a new log beside the old one."""

import asyncio
import base64
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from keystead.backup.format import BackupDamaged, read_head
from keystead.backup.make import backup
from keystead.backup.restore import Given, restore
from keystead.config import Installation, Settings
from keystead.database import archive
from keystead.database.engine import Database
from keystead.database.errors import DatabaseNotEmpty
from keystead.database.migrate import upgrade
from keystead.install import InstallationExists
from keystead.kept_keys import own_keys
from keystead.keyholder.errors import SealNotOpened, TokenInvalid
from keystead.keyholder.seals import FileSeal, PassphraseSeal
from keystead.keyholder.succession import drop_former, replace_seal
from keystead.trail import setup as trail
from keystead.trail.segments import Reader
from keystead.trail.verify import Verdict, verify

from .conftest import PASSPHRASE

CHANGED_BY_RESTORING = {
    "trail_positions",
    "trail_blocks",
    "trail_postings",
    "trail_places",
    "key_usage",
    "key_users",
    "identity_usage",
}
"""By indexing what the log has beyond the snapshot; and the act itself stands in the outbox of the original."""


def settings_of(keystead):
    return Settings(data=str(keystead.data))


async def contents(settings):
    """Every row, by table."""
    database = Database.open(settings.database_url)
    try:
        async with archive.snapshot(database) as tables:
            return {name: [row async for page in tables.pages(name) for row in page] for name in tables.columns()}
    finally:
        await database.close()


def without(tables, *names):
    return {name: rows for name, rows in tables.items() if name not in names}


def events(data):
    reader = Reader(data / "trail")
    try:
        return [json.loads(record.event) for record in reader.after(-1, 1000)]
    finally:
        reader.close()


@pytest.fixture
def target(tmp_path):
    return Settings(data=str(tmp_path / "restored"))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "backup"


async def test_everything_comes_back_and_goes_to_the_other_engine_and_back(served, tmp_path, postgresql_url):
    original = settings_of(served)
    seal_from = Given(original.folder, None)
    over_postgresql = Settings(data=str(tmp_path / "postgresql"), database=postgresql_url)
    back = Settings(data=str(tmp_path / "sqlite"))
    before = await contents(original)

    await backup(original, tmp_path / "one")
    await restore(over_postgresql, tmp_path / "one", seal_from)
    await backup(over_postgresql, tmp_path / "two")
    await restore(back, tmp_path / "two", seal_from)

    assert len(before["keys"]) == 3
    assert before["trail_blocks"]
    for restored in (over_postgresql, back):
        found = await contents(restored)
        assert without(found, *CHANGED_BY_RESTORING, "trail_outbox") == without(
            before, *CHANGED_BY_RESTORING, "trail_outbox"
        )
        assert set(before["trail_blocks"]) <= set(found["trail_blocks"])
    assert sorted(path.name for path in (back.folder / "former").iterdir()) == sorted(
        Installation.load(settings.folder).node for settings in (original, over_postgresql)
    )


async def test_numbers_that_the_database_gives_go_on_after_the_restored_ones(served, file, tmp_path, postgresql_url):
    target = Settings(data=str(tmp_path / "restored"), database=postgresql_url)
    await backup(settings_of(served), file)
    await restore(target, file, Given(served.data, None))
    newest = max(row[0] for row in (await contents(target))["changes"])

    database = Database.open(postgresql_url)
    async with database.write() as tx:
        tx.changed("key", "a")
    await database.close()

    assert max(row[0] for row in (await contents(target))["changes"]) == newest + 1


async def test_the_old_log_is_proven_and_the_new_one_begins_with_its_root(served, target, file):
    old = Installation.load(served.data)
    await backup(settings_of(served), file)

    made = await restore(target, file, Given(served.data, None))

    report, fresh = verify(made.former / "trail"), verify(target.folder / "trail")
    assert report.findings == ("nothing has been signed yet",)  # a testing house signs when it ends
    assert fresh.verdict is Verdict.PROVEN
    (event,) = events(target.folder)
    assert (event["eventSource"], event["eventName"]) == ("keystead.internal", "InstallationRestored")
    told = event["serviceEventDetails"]
    assert (told["formerLog"], told["formerSize"], told["formerRoot"]) == (old.origin, report.records, report.root)
    assert fresh.signed == 1


async def test_the_restored_node_is_a_new_one_with_keys_of_its_own(served, target, file):
    await backup(settings_of(served), file)

    made = await restore(target, file, Given(served.data, None))

    old = Installation.load(served.data)
    assert made.installation.node != old.node
    assert made.installation.id == old.id
    assert set(trail.verifiers(target.folder / "trail")).isdisjoint(trail.verifiers(made.former / "trail"))
    assert trail.verifiers(made.former / "trail") == trail.verifiers(served.data / "trail")


async def test_nobody_can_sign_for_the_old_log_or_write_to_it(served, target, file):
    await backup(settings_of(served), file)

    made = await restore(target, file, Given(served.data, None))

    left = [path for path in made.former.rglob("*") if path.is_file()]
    assert left
    assert not [path for path in left if path.stat().st_mode & 0o277]
    assert not [path for path in left if path.name in {trail.SEALED_KEY, "lock"}]


async def test_what_was_not_indexed_at_the_snapshot_is_found_afterwards(served, target, file):
    old = Installation.load(served.data)
    await backup(settings_of(served), file)

    made = await restore(target, file, Given(served.data, None))

    positions = {row[0]: row[2] for row in (await contents(target))["trail_positions"]}
    assert positions[old.node] == made.records - 1


async def test_the_backup_is_on_the_record(served, file):
    made = await backup(settings_of(served), file)

    served.do_what_falls_due()

    (event,) = [
        event for event in events(served.data)
        if event["eventName"] == "BackupMade" and event["serviceEventDetails"]["backup"] == made.id
    ]  # fmt: skip  # a condition
    assert event["eventSource"] == "keystead.internal"
    assert event["serviceEventDetails"]["sha256"] == made.sha256


async def test_the_file_opens_nothing_by_itself(served, target, file):
    made = await backup(settings_of(served), file)

    with pytest.raises(SealNotOpened, match=r"seal-.*\.key"):
        await restore(target, file, Given(None, None))

    content = file.read_bytes()
    key = made.key.read_bytes()
    for secret in (key, key.hex().encode(), base64.b64encode(key), served.secret_access_key.encode()):
        assert secret not in content
    assert file.stat().st_mode & 0o077 == 0
    assert not target.folder.exists()


async def test_the_key_file_alone_is_enough(installed, target, file, tmp_path):
    settings = await installed()
    made = await backup(settings, file)
    safe = tmp_path / "safe"
    safe.mkdir()
    shutil.move(made.key, safe)
    shutil.rmtree(settings.folder)

    await restore(target, file, Given(safe, None))

    assert Installation.load(target.folder).region == "us-east-1"


async def test_a_passphrase_opens_it(installed, target, file, passphrase_file):
    settings = await installed("passphrase", passphrase_file=str(passphrase_file))
    made = await backup(settings, file)
    shutil.rmtree(settings.folder)

    await restore(target, file, Given(None, PASSPHRASE))

    assert made.key is None
    assert Installation.load(target.folder)


async def test_another_passphrase_does_not(installed, target, file, passphrase_file):
    await backup(await installed("passphrase", passphrase_file=str(passphrase_file)), file)

    with pytest.raises(SealNotOpened, match="wrong"):
        await restore(target, file, Given(None, b"another"))

    assert not target.folder.exists()


async def test_another_installations_key_file_does_not(installed, target, file):
    await backup(await installed(), file)

    with pytest.raises(SealNotOpened):
        await restore(target, file, Given((await installed(name="other")).folder, None))


async def sealed_of(settings):
    database = Database.open(settings.database_url)
    try:
        return [*await own_keys(database), trail.sealed_key(settings.folder / "trail")]
    finally:
        await database.close()


async def test_a_seal_that_was_replaced_opens_backups_under_the_same_root_key(installed, target, file):
    settings = await installed()
    await backup(settings, file)
    replace_seal(settings.folder, FileSeal(), PassphraseSeal(PASSPHRASE), same_root=True)
    drop_former(settings.folder, PassphraseSeal(PASSPHRASE), await sealed_of(settings))

    await restore(target, file, Given(settings.folder, PASSPHRASE))

    assert Installation.load(target.folder)


async def test_a_new_root_key_opens_older_backups_until_the_former_one_is_dropped(installed, target, file):
    settings = await installed()
    await backup(settings, file)
    replace_seal(settings.folder, FileSeal(), PassphraseSeal(PASSPHRASE))

    await restore(target, file, Given(settings.folder, PASSPHRASE))

    assert Installation.load(target.folder)


async def test_nothing_in_the_folder_is_touched(installed, target, file):
    await backup(await installed(), file)
    target.folder.mkdir()
    (target.folder / "mine").write_text("keep")

    with pytest.raises(InstallationExists):
        await restore(target, file, Given(None, None))

    assert [path.name for path in target.folder.iterdir()] == ["mine"]


async def test_nothing_in_the_database_is_touched(installed, file, tmp_path, postgresql, postgresql_url):
    settings = await installed()
    await backup(settings, file)
    await asyncio.to_thread(postgresql.execute, "CREATE TABLE mine (id INTEGER PRIMARY KEY)", postgresql_url)
    target = Settings(data=str(tmp_path / "restored"), database=postgresql_url)

    with pytest.raises(DatabaseNotEmpty):
        await restore(target, file, Given(settings.folder, None))

    tables = await asyncio.to_thread(
        postgresql.execute, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'", postgresql_url
    )
    assert [row[0] for row in tables] == ["mine"]
    assert not list(target.folder.iterdir())


@pytest.mark.parametrize(
    "spoil", [lambda content: content[:-1], lambda content: content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]]
)
async def test_a_spoilt_backup_leaves_nothing_behind(installed, target, file, spoil):
    settings = await installed()
    await backup(settings, file)
    file.write_bytes(spoil(file.read_bytes()))

    with pytest.raises((BackupDamaged, SealNotOpened)):
        await restore(target, file, Given(settings.folder, None))

    assert not target.folder.exists()


async def test_a_failure_in_the_middle_leaves_an_empty_folder_and_database(
    installed, file, tmp_path, postgresql, postgresql_url, monkeypatch
):
    settings = await installed()
    await backup(settings, file)
    target = Settings(data=str(tmp_path / "restored"), database=postgresql_url)

    async def fail(*_):
        raise LookupError

    monkeypatch.setattr(archive.Tables, "go_on_counting", fail)
    with pytest.raises(LookupError):
        await restore(target, file, Given(settings.folder, None))
    monkeypatch.undo()

    assert not list(target.folder.iterdir())
    query = "SELECT 1 FROM pg_tables WHERE schemaname = 'public'"
    assert await asyncio.to_thread(postgresql.execute, query, postgresql_url) == []
    await restore(target, file, Given(settings.folder, None))


async def test_a_backup_replaces_no_file(installed, file):
    file.write_text("mine")

    with pytest.raises(FileExistsError):
        await backup(await installed(), file)

    assert file.read_text() == "mine"
    assert not list(file.parent.glob("*.partial"))


async def test_a_backup_that_fails_leaves_no_file(installed, file, monkeypatch):
    settings = await installed()
    (settings.folder / "trail" / "state").unlink()

    with pytest.raises(Exception):  # noqa: B017  # whatever it is
        await backup(settings, file)

    assert not list(file.parent.glob("backup*"))


async def test_a_database_of_another_installation_is_not_backed_up(installed, file):
    settings, other = await installed(), await installed(name="other")
    shutil.copy(other.folder / "keystead.db", settings.folder / "keystead.db")

    with pytest.raises(TokenInvalid):
        await backup(settings, file)


async def test_a_backup_of_an_older_schema_is_brought_up_to_date(installed, target, file):
    settings = await installed()
    sealed = await sealed_of(settings)
    (settings.folder / "keystead.db").unlink()
    older(settings.folder / "keystead.db", [key for key in sealed if key.purpose != "checkpoint"])

    await backup(settings, file)
    await restore(target, file, Given(settings.folder, None))

    with file.open("rb") as opened:
        assert read_head(opened)[0].schema == "0010"
    restored = await contents(target)
    assert len(restored["sealed_keys"]) == 2
    assert "group_members" in restored


def older(path: Path, sealed) -> None:
    """A database as a former program left it."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        upgrade(connection, "0010")
        for key in sealed:
            row = {"id": key.id, "purpose": key.purpose, "version": key.version, "blob": key.blob}
            statement = "INSERT INTO sealed_keys VALUES (:id, :purpose, :version, :blob, 0)"
            connection.execute(sa.text(statement), row)
    engine.dispose()


async def test_a_backup_of_a_newer_schema_is_refused(installed, target, file):
    settings = await installed()
    with sqlite3.connect(settings.folder / "keystead.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    await backup(settings, file)

    with pytest.raises(BackupDamaged, match="newer"):
        await restore(target, file, Given(settings.folder, None))

    assert not target.folder.exists()
