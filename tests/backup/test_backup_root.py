"""New domain keys, new root keys, new seals: everything opens before, during and after, whatever stops halfway."""

import asyncio
import fcntl
import json
import shutil

import pytest
import sqlalchemy as sa

from keystead.config import Settings
from keystead.database import sealed_keys
from keystead.database.counter import ChangeCounter
from keystead.database.engine import Database
from keystead.database.feed import Feed
from keystead.install import install
from keystead.kept_keys import own_keys
from keystead.keyholder import seals
from keystead.keyholder.errors import SealNotOpened
from keystead.keyholder.own_keys import DOMAIN
from keystead.keyholder.promise import wrapped_under
from keystead.keyholder.seals import FileSeal, PassphraseSeal
from keystead.root.reseal import FormerSealServes, OtherNodes, finish, reseal
from keystead.root.rotate import RootNotFinished, newest_domain, pages, rotate
from keystead.root.status import status
from keystead.root.tokens import KINDS
from keystead.trail import outbox
from keystead.trail import setup as trail
from keystead.unsealed import unsealed

from .conftest import PASSPHRASE

NEW = PassphraseSeal(PASSPHRASE)


async def tokens(settings):
    """The token of everything that has one, by its name."""
    async with unsealed(settings) as node:
        return {held.name: held.token for kind in KINDS async for page in pages(node, kind) for held in page}


async def kept(settings):
    """How many keys of the keyholder's own the database has."""
    async with unsealed(settings) as node, node.database.read() as connection:
        return len(await sealed_keys.load(connection))


async def noted(settings):
    """Names of the events that wait for the recorder."""
    database = Database.open(settings.database_url)
    try:
        async with database.read() as connection:
            rows = await connection.execute(sa.select(outbox.outbox.c.event).order_by(outbox.outbox.c.seq))
            return [json.loads(row.event)["eventName"] for row in rows]
    finally:
        await database.close()


async def opens(settings):
    """Whether every token opens, with what the seal and the database hold now."""
    async with unsealed(settings) as node:
        for kind in KINDS:
            async for page in pages(node, kind):
                for held in page:
                    kind.rewrap(node.software, held)


def copy_of(served, tmp_path):
    """The data of an installation that serves, as it is now, and to be changed at will."""
    database = tmp_path / "copied.db"
    source = sa.create_engine(f"sqlite:///{served.data / 'keystead.db'}")
    with source.begin() as connection:
        connection.execute(sa.text(f"VACUUM INTO '{database}'"))
    source.dispose()
    shutil.copytree(served.data, tmp_path / "copy", ignore=shutil.ignore_patterns("keystead.db*", ".incoming"))
    database.rename(tmp_path / "copy" / "keystead.db")
    return Settings(data=str(tmp_path / "copy"))


@pytest.fixture
def settings(served, tmp_path):
    return copy_of(served, tmp_path)


async def test_every_token_is_put_under_a_new_domain_key(settings):
    before = await tokens(settings)

    done = await rotate(settings, settle=0)

    after = await tokens(settings)
    assert done.begun
    assert done.rewrapped == len(before) == len(after) > 8
    assert {wrapped_under(token) for token in after.values()} == {done.domain_key}
    assert done.domain_key not in {wrapped_under(token) for token in before.values()}
    await opens(settings)


async def test_the_domain_key_of_before_stays(settings):
    before = await status(settings)

    await rotate(settings, settle=0)

    after = await status(settings)
    assert [key.id for key in after.domain_keys][:-1] == [key.id for key in before.domain_keys]
    assert [key.tokens for key in after.domain_keys][:-1] == [0]


class Stopped(Exception):
    """In the place of a crash."""


@pytest.mark.parametrize("after", range(4))
async def test_a_rotation_that_was_stopped_is_gone_on_with(settings, after, monkeypatch):
    for module in ("keystead.keys.rewrapping", "keystead.identities.store.rewrapping"):
        monkeypatch.setattr(f"{module}.PAGE", 2)
    left = iter(range(after))

    def stop(*_):
        if next(left, None) is None:
            raise Stopped

    with pytest.raises(Stopped):
        await rotate(settings, stop, settle=0)
    await opens(settings)
    halfway = await status(settings)

    done = await rotate(settings, settle=0)

    assert not done.begun
    assert done.domain_key == halfway.domain_keys[-1].id
    assert [key.tokens for key in (await status(settings)).domain_keys][:-1] == [0]
    await opens(settings)


async def test_what_is_wrapped_under_the_old_key_meanwhile_is_found(settings):
    """By a keyholder that has not heard yet."""
    async with unsealed(settings) as late:
        material = late.software.create_material("late", "SYMMETRIC_DEFAULT")

        def write_late(looked, total):
            if looked == total and not written:
                written.append(asyncio.ensure_future(add_late(late.database, material)))

        written = []
        done = await rotate(settings, write_late, settle=0.3)

    assert (await tokens(settings))["material 9 of key late in us-east-1"]
    assert wrapped_under((await tokens(settings))["material 9 of key late in us-east-1"]) == done.domain_key


async def add_late(database, material):
    async with database.write(announced=False) as tx:
        await tx.execute(
            sa.text(
                "INSERT INTO keys (region, id, account, spec, usage, origin, manager, state, description, created_at,"
                " on_demand_rotations, policy, policy_ids, multi_region) SELECT region, 'late', account, spec, usage,"
                " origin, manager, state, description, created_at, on_demand_rotations, policy, policy_ids, multi_region"
                " FROM keys LIMIT 1"
            )
        )
        row = {"id": material.material_id, "token": material.token}
        await tx.execute(
            sa.text(
                "INSERT INTO key_materials (region, key_id, version, material_id, token, made_at)"
                " VALUES ('us-east-1', 'late', 9, :id, :token, 0)"
            ),
            row,
        )


async def test_a_token_that_was_changed_meanwhile_is_left_alone(settings):
    async with unsealed(settings) as node:
        kind = KINDS[1]
        ((held, *_),) = [page async for page in pages(node, kind)]
        async with node.database.write(announced=False) as tx:
            await kind.replace(tx, [(held._replace(token=b"another"), b"new")])

    assert (await tokens(settings))[held.name] == held.token


async def test_a_damaged_token_is_named_and_stops_nothing(settings):
    async with unsealed(settings) as node:
        ((held, *_),) = [page async for page in pages(node, KINDS[1])]
        async with node.database.write(announced=False) as tx:
            await KINDS[1].replace(tx, [(held, held.token[:-1] + bytes([held.token[-1] ^ 1]))])

    done = await rotate(settings, settle=0)
    again = await rotate(settings, settle=0)

    assert done.unopened == again.unopened == (held.name,)
    assert again.begun
    assert again.version == done.version + 1


async def test_all_that_a_domain_key_wraps_is_rewrapped(settings):
    """Every column of tokens has its row in root/tokens.py."""
    database = Database.open(settings.database_url)
    async with database.read() as connection:
        tables = await connection.run_sync(reflected)
    await database.close()

    columns = {
        f"{table.name}.{column.name}"
        for table in tables
        for column in table.columns
        if isinstance(column.type, sa.LargeBinary) and column.name.endswith("token")
    }
    assert columns == {kind.column for kind in KINDS}


def reflected(connection):
    found = sa.MetaData()
    found.reflect(connection)
    return list(found.tables.values())


async def test_a_rotation_is_on_the_record(settings):
    await rotate(settings, settle=0)

    assert await noted(settings) == ["DomainKeyRotationBegun", "DomainKeyRotated"]


@pytest.mark.parametrize("same_root", [False, True])
async def test_another_seal_opens_everything_at_once(settings, same_root, passphrase_file):
    before = await tokens(settings)

    made = await reseal(settings, NEW, same_root=same_root)

    sealed = Settings(data=settings.data, passphrase_file=str(passphrase_file))
    assert await tokens(sealed) == before
    assert (await status(sealed)).seal == made.seal
    assert (await status(sealed)).formers == (not same_root)
    with pytest.raises(SealNotOpened):
        await tokens(settings)


async def test_after_finishing_the_new_root_alone_opens_everything(settings, passphrase_file):
    sealed = Settings(data=settings.data, passphrase_file=str(passphrase_file))
    before = await tokens(settings)
    await reseal(settings, NEW, same_root=False)

    done = await finish(sealed, all_nodes=False)

    assert (done.resealed, done.formers) == (await kept(sealed) + 1, 1)  # and the log's own, which is no row
    assert await tokens(sealed) == before
    assert len(seals.unseal(settings.folder, NEW)) == 1
    assert not list(settings.folder.glob("seal-*.key"))
    await opens(sealed)
    async with unsealed(sealed) as node:
        assert node.software.checkpoint_seeds(trail.sealed_key(settings.folder / "trail"))


async def test_finishing_twice_changes_nothing(settings):
    await reseal(settings, FileSeal(), same_root=False)
    await finish(settings, all_nodes=False)

    assert await finish(settings, all_nodes=False) == (0, 0)
    await opens(settings)


async def test_resealing_is_on_the_record(settings):
    await reseal(settings, FileSeal(), same_root=False)
    await finish(settings, all_nodes=False)

    assert await noted(settings) == [
        "SealReplacementBegun", "SealReplaced", "SealedKeysResealed", "FormerRootKeysDropped",
    ]  # fmt: skip  # a list of names


async def test_no_event_tells_a_secret(settings):
    await rotate(settings, settle=0)
    await reseal(settings, FileSeal(), same_root=False)
    await finish(settings, all_nodes=False)
    database = Database.open(settings.database_url)
    async with database.read() as connection:
        rows = [bytes(row.event) for row in await connection.execute(sa.select(outbox.outbox.c.event))]
    await database.close()

    roots = seals.unseal(settings.folder, FileSeal())
    secrets = [*roots, *(path.read_bytes() for path in settings.folder.glob("seal-*.key"))]
    forms = [form for secret in secrets for form in (secret, secret.hex().encode())]
    assert rows
    assert not [row for row in rows for form in forms if form in row]


async def test_no_domain_key_is_rotated_before_a_replaced_root_is_finished(settings):
    await reseal(settings, FileSeal(), same_root=False)

    with pytest.raises(RootNotFinished):
        await rotate(settings, settle=0)


async def test_nothing_is_finished_while_a_node_serves_that_started_under_the_former_seal(settings):
    before = str(seals.load(settings.folder).id)
    await reseal(settings, FileSeal(), same_root=False)
    with (settings.folder / "lock").open("w") as lock:
        lock.write(before)
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(FormerSealServes):
            await finish(settings, all_nodes=False)

        lock.seek(0)
        lock.write(str(seals.load(settings.folder).id))
        lock.flush()
        await finish(settings, all_nodes=False)


async def test_over_a_shared_database_the_other_nodes_must_be_spoken_for(tmp_path, postgresql_url):
    shared = Settings(data=str(tmp_path / "data"), database=postgresql_url)
    await install(shared, region="us-east-1", seal=FileSeal())
    await reseal(shared, FileSeal(), same_root=False)

    with pytest.raises(OtherNodes):
        await finish(shared, all_nodes=False)

    assert (await status(shared)).formers == 1
    await rotate_refused(shared)
    await finish(shared, all_nodes=True)
    assert (await rotate(shared, settle=0)).rewrapped == 1


async def rotate_refused(settings):
    with pytest.raises(RootNotFinished):
        await rotate(settings, settle=0)


async def test_two_rotations_make_one_domain_key_of_a_version(settings):
    async with unsealed(settings) as one, unsealed(settings) as other:
        first, second = one.software.new_domain_key(), other.software.new_domain_key()
        async with one.database.write() as tx:
            await sealed_keys.add(tx, first)
        with pytest.raises(sealed_keys.VersionTaken):
            async with other.database.write() as tx:
                await sealed_keys.add(tx, second)

        found = [key for key in await own_keys(one.database) if key.purpose == DOMAIN]
    assert newest_domain(tuple(found)).id == first.id


async def test_a_process_that_serves_hears_of_what_an_operator_wrote(tmp_path):
    url = f"sqlite:///{tmp_path / 'keystead.db'}"
    counters = [ChangeCounter(tmp_path / "changes", slot=slot, slots=2) for slot in (0, 1)]
    scheduler, worker, operator = Database.open(url), Database.open(url), Database.open(url)
    await operator.migrate()
    looking, caching = Feed(scheduler, counters[0]), Feed(worker, counters[1])
    forgot = []
    caching.on("key", forgot.append)
    await looking.look()
    await caching.catch_up()
    forgot.clear()

    async with operator.write() as tx:
        tx.changed("key", "a")
    believed = caching.current()
    await looking.look()

    assert believed
    assert not caching.current()
    await caching.catch_up()
    assert forgot == ["a"]
    await looking.look()
    assert caching.current()
    for database in (scheduler, worker, operator):
        await database.close()
    for counter in counters:
        counter.close()


async def test_a_keyholder_that_serves_wraps_under_the_new_key_within_a_moment(served):
    done = await asyncio.to_thread(lambda: asyncio.run(rotate(Settings(data=str(served.data)), settle=1.5)))

    made = await asyncio.to_thread(served.client("kms").create_key)

    found = await tokens(Settings(data=str(served.data)))
    (token,) = [token for name, token in found.items() if made["KeyMetadata"]["KeyId"] in name]
    assert wrapped_under(token) == done.domain_key
