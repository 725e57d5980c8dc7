"""The stores of identities, over every engine: what is put is found, what must be unique is, and what goes is gone."""

import pytest

from keystead.database.engine import Database
from keystead.identities import lastuse
from keystead.identities.errors import (
    AliasTaken,
    EntityInUse,
    ObjectNotFound,
    ProfileExists,
    ProviderExists,
    QuotaExceeded,
)
from keystead.identities.store import (
    account_aliases,
    accounts,
    anywhere,
    counting,
    entities,
    groups,
    instance_profiles,
    permissions,
    providers,
    reports,
    sessions,
    tags,
)
from keystead.identities.store.entities import Role
from keystead.identities.store.reports import Report
from keystead.identities.store.sessions import Session
from keystead.trail.uses import Acted

A, B = "111122223333", "444455556666"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'keystead.db'}"
    return request.getfixturevalue("postgresql_url")


@pytest.fixture
def opened(url):
    """A migrated database with two accounts, a user, a role and a group; closed by the test with `async with`."""

    class Opened:
        async def __aenter__(self):
            self.database = Database.open(url, clock=lambda: 1000.0)
            await self.database.migrate()
            async with self.database.write("test") as tx:
                await accounts.create(tx, A)
                await accounts.create(tx, B)
                self.user = await entities.create(tx, A, "user", "Ann", "/", boundary=None)
                role = Role("{}", {}, 3600)
                self.role = await entities.create(tx, A, "role", "runner", "/", boundary=None, role=role)
                self.group = await entities.create(tx, A, "group", "Team", "/", boundary=None)
            return self

        async def __aexit__(self, *_):
            await self.database.close()

        def write(self):
            return self.database.write("test")

        def read(self):
            return self.database.read()

    return Opened()


async def test_members_and_groups_are_found_from_both_sides(opened):
    async with opened as store:
        async with store.write() as tx:
            await groups.add(tx, store.group, store.user)
            await groups.add(tx, store.group, store.user)
            await permissions.put_inline(tx, store.group, "p", "{}")

        async with store.read() as connection:
            assert await groups.members(connection, store.group) == [store.user]
            assert await groups.of_user(connection, store.user) == [store.group]
            assert await counting.entities_of(connection, A, "group") == 1
        with pytest.raises(EntityInUse):
            async with store.write() as tx:
                await entities.remove(tx, store.user)
        async with store.write() as tx:
            await groups.remove(tx, store.group, store.user)
            await entities.remove(tx, store.user)


async def test_a_provider_is_one_of_its_account(opened):
    async with opened as store:
        async with store.write() as tx:
            made = await providers.create(tx, A, "id.example.com/T", ["app"], [])
            await providers.create(tx, B, "id.example.com/T", [], [])
            await tags.put(tx, made, [("Team", "blue")])
            await providers.change(tx, made, add="second", drop="app")

        with pytest.raises(ProviderExists):
            async with store.write() as tx:
                await providers.create(tx, A, "id.example.com/T", [], [])
        async with store.read() as connection:
            found = await providers.by_arn(connection, A, made.arn)
            assert found is not None
            assert found.client_ids == ["second"]
            assert await providers.by_arn(connection, B, made.arn) is None
            assert await providers.of_issuer(connection, A, "id.example.com/t") is None
        async with store.write() as tx:
            await providers.remove(tx, made)
        async with store.read() as connection:
            assert await providers.of_account(connection, A) == []
            assert await tags.of(connection, made.id) == []


async def test_an_alias_is_nobody_elses(opened):
    async with opened as store:
        async with store.write() as tx:
            await account_aliases.put(tx, A, "first")
            await account_aliases.put(tx, A, "second")
            await account_aliases.put(tx, B, "first")

        with pytest.raises(AliasTaken):
            async with store.write() as tx:
                await account_aliases.put(tx, B, "second")
        async with store.read() as connection:
            assert await account_aliases.of_account(connection, A) == "second"


async def test_an_instance_profile_holds_one_role(opened):
    async with opened as store:
        async with store.write() as tx:
            made = await instance_profiles.create(tx, A, "Machine", "/")
            await instance_profiles.put_role(tx, made, store.role)

        with pytest.raises(ProfileExists):
            async with store.write() as tx:
                await instance_profiles.create(tx, A, "machine", "/")
        with pytest.raises(QuotaExceeded):
            async with store.write() as tx:
                await instance_profiles.put_role(tx, made, store.role)
        with pytest.raises(EntityInUse):
            async with store.write() as tx:
                await entities.remove(tx, store.role)
        async with store.write() as tx:
            await instance_profiles.take_role(tx, made, store.role)
            await instance_profiles.remove(tx, made)
            await entities.remove(tx, store.role)


async def test_the_newest_use_wins_whatever_the_order(opened):
    async with opened as store:
        for at, service in ((5.0, "kms"), (9.0, "sts"), (7.0, "iam")):
            async with store.write() as tx:
                await lastuse.fold(tx, [Acted("AKIAX", at, service, "r"), Acted("AROAY", at, service, "r")])
                tx.changed("test", "x")

        async with store.read() as connection:
            assert await lastuse.last_use(connection, "AKIAX") == Acted("AKIAX", 9.0, "sts", "r")
            assert await lastuse.last_use(connection, "AKIAZ") is None
            assert set(await lastuse.last_uses(connection, ["AKIAX", "AROAY", "AKIAZ"])) == {"AKIAX", "AROAY"}


async def test_the_newest_report_is_kept(opened):
    async with opened as store:
        for content in ("first", "second"):
            async with store.database.write("test", announced=False) as tx:
                await reports.put(tx, A, Report(1.0, content))

        async with store.read() as connection:
            assert await reports.of_account(connection, A) == Report(1.0, "second")
            assert await reports.of_account(connection, B) is None


async def test_what_is_kept_for_roles_anywhere_is_of_one_account_and_region(opened):
    async with opened as store:
        async with store.write() as tx:
            made = await anywhere.create(tx, anywhere.ANCHOR, A, "r1", "n", {"bundle": "x"}, enabled=False)
            changed = await anywhere.change(tx, made, enabled=True, content={"bundle": "y"})

        assert (changed.enabled, changed.content) == (True, {"bundle": "y"})
        async with store.read() as connection:
            assert await anywhere.find(connection, anywhere.ANCHOR, A, "r1", made.uuid) == changed
            for kind, account, region in (("profile", A, "r1"), ("trust-anchor", B, "r1"), ("trust-anchor", A, "r2")):
                assert await anywhere.find(connection, kind, account, region, made.uuid) is None
        async with store.write() as tx:
            await anywhere.remove(tx, made)
        with pytest.raises(ObjectNotFound):
            async with store.write() as tx:
                await anywhere.change(tx, made, enabled=False)


async def test_sessions_that_live_are_found_and_ended(opened):
    async with opened as store:

        def session(key, expires):
            return Session(
                access_key_id=key,
                account=A,
                entity_id=store.role.id,
                name="s1",
                token_hash=b"h",
                secret_token=b"t",
                issued_at=1.0,
                expires_at=expires,
                policy=None,
                policy_arns=[],
                tags={"a": "b"},
                transitive=["a"],
                source_identity=None,
                chained=False,
                provider="arn",
            )

        async with store.database.write("test", announced=False) as tx:
            for key, expires in (("ASIA1", 10.0), ("ASIA2", 30.0), ("ASIA3", 30.0)):
                await sessions.add(tx, session(key, expires))

        async with store.read() as connection:
            assert {one.access_key_id for one in await sessions.living(connection, 20.0)} == {"ASIA2", "ASIA3"}
            assert await sessions.find(connection, "ASIA2") == session("ASIA2", 30.0)
        async with store.write() as tx:
            await sessions.revoke(tx, ["ASIA2"])
        async with store.read() as connection:
            assert [one.access_key_id for one in await sessions.living(connection, 20.0)] == ["ASIA3"]
