"""What PostgreSQL is set up with, and what happens when it restarts, crashes or hands over to a replica."""

import asyncio
import logging
import signal
import time

import asyncpg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError

from certificates import self_signed
from keystead.database import address
from keystead.database.engine import Database
from keystead.database.errors import DatabaseLost
from keystead.database.feed import Feed
from keystead.database.tables import changes

BACK_SECONDS = 15.0
"""From the end of a disturbance until calls succeed; generous, since the tests share a small machine."""


@pytest.fixture
def url(postgresql_url):
    return postgresql_url


async def ask(connection, statement):
    return (await connection.exec_driver_sql(statement)).scalar_one()


async def eventually(attempt, seconds=BACK_SECONDS):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await attempt()
        except DatabaseLost:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def mark(database, what):
    async with database.write() as tx:
        tx.changed("mark", str(what))


async def marks(database):
    async with database.read() as connection:
        return (await connection.execute(select(changes.c.id).order_by(changes.c.seq))).scalars().all()


# what it is set up with


async def test_limits_of_time_are_set_on_readers_and_writers(opened):
    async with opened() as database, database.read() as reading, database.write(announced=False) as tx:
        for connection, limit in ((reading, "10s"), (tx.connection, "3s")):
            assert await ask(connection, "SHOW statement_timeout") == "10s"
            assert await ask(connection, "SHOW lock_timeout") == "8s"
            assert await ask(connection, "SHOW idle_in_transaction_session_timeout") == limit


async def test_a_commit_is_on_disk_whatever_the_role_says(opened, url):
    server = await asyncpg.connect(url)
    async with opened() as database:
        await server.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
        async with database.write(announced=False) as tx:
            assert await ask(tx.connection, "SHOW synchronous_commit") == "on"
        await server.execute("ALTER ROLE CURRENT_USER RESET synchronous_commit")
    await server.close()


async def test_a_role_that_sets_another_isolation_does_not_let_writers_overtake(opened, url):
    server = await asyncpg.connect(url)
    await server.execute("ALTER ROLE CURRENT_USER SET default_transaction_isolation = 'serializable'")
    async with opened() as database, database.write(announced=False) as tx:
        assert await ask(tx.connection, "SHOW transaction_isolation") == "read committed"
    await server.execute("ALTER ROLE CURRENT_USER RESET default_transaction_isolation")
    await server.close()


async def test_without_the_row_that_writers_queue_for_nothing_is_written(opened):
    async with opened() as database:
        async with database.write(announced=False) as tx:
            await tx.connection.exec_driver_sql("DELETE FROM write_turn")

        with pytest.raises(RuntimeError, match="write_turn"):
            await mark(database, 1)


async def test_a_writer_that_waits_too_long_for_its_turn_is_told_to_come_again(opened, monkeypatch):
    async with opened() as one:
        monkeypatch.setitem(_settings(), "lock_timeout", "100ms")
        async with opened() as other, one.write(announced=False):
            with pytest.raises(DatabaseLost) as raised:
                await mark(other, 1)

        assert raised.value.reason == "55P03"


async def test_a_writer_that_stops_in_the_middle_does_not_stop_the_others(opened, monkeypatch):
    async with opened() as one:
        monkeypatch.setitem(_settings(), "idle_in_transaction_session_timeout", "200ms")
        async with opened() as stopped:

            async def stop_in_the_middle():
                async with stopped.write() as tx:
                    tx.changed("mark", "stopped")
                    await mark(one, "other")

            with pytest.raises(DatabaseLost):
                await stop_in_the_middle()

            assert await marks(one) == ["other"]
            await mark(stopped, "again")


def _settings():
    from keystead.database import postgresql

    return postgresql.WRITING


async def test_a_statement_that_takes_too_long_is_a_loss_and_a_wrong_one_is_not(opened):
    async with opened() as database:
        async with database.read() as connection:
            with pytest.raises(DBAPIError):
                await ask(connection, "SELECT 1 FROM no_such_table")
        async with database.read() as connection:
            await connection.exec_driver_sql("SET LOCAL statement_timeout = '50ms'")
            with pytest.raises(DatabaseLost) as raised:
                await ask(connection, "SELECT pg_sleep(10)")

        assert raised.value.reason == "57014"


# the password


async def test_the_password_is_in_no_repr_no_error_and_no_log(url, caplog):
    caplog.set_level(logging.DEBUG)
    password = url.split(":")[2].split("@")[0]
    wrong = url.replace(password, "wrong-pass-word")
    shown = []
    for tried in (url, wrong):
        database = Database.open(tried)
        shown += [repr(database._backend), repr(database._backend.reader.url), repr(vars(database))]
        try:
            await database.ping()
        except (DatabaseLost, DBAPIError) as error:
            chain = error
            while chain is not None:
                shown.append(f"{chain} {chain!r}")
                chain = chain.__cause__ or chain.__context__
        await database.close()

    everything = "\n".join([*shown, caplog.text])
    assert len(shown) > 6
    assert password not in everything
    assert "wrong-pass-word" not in everything


@pytest.mark.parametrize(
    "refused",
    [
        "postgresql://u:hunter2@db.example/k?sslmode=prefer",
        "postgresql://u:hunter2@db.example/k?sslmode=allow",
        "postgresql://u:hunter2@a,b/k?target_session_attrs=any",
        "postgresql://u:hunter2@a/k?target_session_attrs=prefer-standby",
        "postgresql://u:hunter2@/k?host=a,b",
        "postgresql://u:hunter2@a:port,b/k",
    ],
)
def test_an_address_that_is_not_safe_is_refused_without_being_repeated(refused):
    with pytest.raises(ValueError) as raised:
        Database.open(refused)

    assert "hunter2" not in str(raised.value)


def test_another_kind_of_database_is_refused():
    with pytest.raises(KeyError):
        Database.open("mysql://root:hunter2@localhost/k")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("", True),
        ("localhost:5432", True),
        ("127.0.0.1", True),
        ("[::1]:5432", True),
        ("/run/postgresql", True),
        ("db.example:5432", False),
        ("192.0.2.1", False),
        ("localhost.example", False),
    ],
)
def test_what_stays_on_this_machine(host, here):
    assert address.is_here(host) == here


# TLS


@pytest.fixture
def certificate(tmp_path):
    """A certificate for localhost that vouches for itself: (certificate, key) in PEM."""
    return self_signed("localhost", "127.0.0.1", authority=True)


@pytest.mark.slow
def test_tls_is_used_as_asked_and_refused_where_it_cannot_be_trusted(postgresql_server, certificate, tmp_path):
    server = postgresql_server
    server.serve_tls(*certificate)
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(certificate[0])
    strange = server.url("postgres", sslmode="verify-full", sslrootcert="/etc/ssl/certs/ca-certificates.crt")

    async def over_tls(url):
        database = Database.open(url)
        try:
            async with database.read() as connection:
                return await ask(connection, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        finally:
            await database.close()

    assert asyncio.run(over_tls(server.url("postgres", sslmode="verify-full", sslrootcert=str(trusted)))) is True
    assert asyncio.run(over_tls(server.url("postgres", sslmode="require"))) is True
    assert asyncio.run(over_tls(server.url("postgres"))) is False
    with pytest.raises(DatabaseLost) as raised:
        asyncio.run(over_tls(strange))
    assert raised.value.reason == "SSLCertVerificationError"


# restarts


class Load:
    """Readers and a writer that go on whatever happens, and note what they were told."""

    def __init__(self, database):
        self.database = database
        self.acknowledged = []
        self.lost = 0
        self.last_loss = 0.0
        self.tasks = [asyncio.create_task(self._write()), *(asyncio.create_task(self._read()) for _ in range(3))]

    async def _write(self):
        number = 0
        while True:
            number += 1
            await self._try(lambda number=number: self._acknowledge(number))

    async def _acknowledge(self, number):
        await mark(self.database, number)
        self.acknowledged.append(str(number))

    async def _read(self):
        while True:
            await self._try(lambda: marks(self.database))

    async def _try(self, attempt):
        try:
            await attempt()
        except DatabaseLost:
            self.lost += 1
            self.last_loss = time.monotonic()
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)

    async def progress(self):
        before = len(self.acknowledged)
        deadline = time.monotonic() + BACK_SECONDS
        while len(self.acknowledged) < before + 5:
            for task in self.tasks:
                assert not task.done(), task.exception()
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        for ended in await asyncio.gather(*self.tasks, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), ended


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_after_a_restart_of_the_server_calls_succeed_by_themselves(postgresql_server, how):
    """In order, and as after a crash. What fails in between fails as DatabaseLost, and nothing acknowledged is missing."""
    server = postgresql_server

    async def under_load():
        database = Database.open(server.url("postgres"))
        await database.migrate()
        feed = Feed(database)
        await feed.start()
        load = Load(database)
        await load.progress()

        await asyncio.to_thread(server.stop, how)
        await asyncio.to_thread(server.start)

        await load.progress()
        await load.stop()
        await eventually(lambda: _refuse_unless(feed.current()))
        kept = await marks(database)
        await feed.close()
        await database.close()
        return load, kept

    load, kept = asyncio.run(under_load())

    assert load.lost > 0
    assert set(load.acknowledged) <= set(kept)


@pytest.mark.slow
def test_who_is_patient_waits_for_a_server_that_comes_back(postgresql_server):
    server = postgresql_server

    async def ask_meanwhile():
        database = Database.open(server.url("postgres"), patience=BACK_SECONDS)
        await database.migrate()
        await asyncio.to_thread(server.stop, signal.SIGINT)
        asked = [asyncio.create_task(one) for one in (mark(database, "meanwhile"), marks(database))]
        with pytest.raises(DatabaseLost):
            await database.ping()
        still_waiting = not any(one.done() for one in asked)

        await asyncio.to_thread(server.start)

        await asyncio.gather(*asked)
        found = await marks(database)
        await database.close()
        return still_waiting, found

    still_waiting, found = asyncio.run(ask_meanwhile())

    assert still_waiting
    assert found == ["meanwhile"]


async def _refuse_unless(condition):
    if not condition:
        raise DatabaseLost("not yet")


@pytest.mark.slow
def test_after_a_fail_over_the_replica_is_used_and_everything_forgotten(postgresql_server):
    """Two hosts in the address: the first is stopped, the second promoted."""
    primary = postgresql_server
    setup = Database.open(primary.url("postgres"))
    asyncio.run(_migrate(setup))
    replica = primary.copy()
    try:
        replica.start()
        both = primary.url("postgres").replace("@", f"@127.0.0.1:{replica.port},", 1)

        async def fail_over():
            standby = Database.open(replica.url("postgres"))
            database = Database.open(f"{both}?target_session_attrs=read-write")
            feed = Feed(database)
            forgot = []
            feed.on("key", forgot.append)
            await feed.start()
            await mark(database, "before")
            await asyncio.to_thread(replica.await_mark, "before")
            with pytest.raises(DatabaseLost) as raised:
                await standby.ping()
            assert raised.value.reason == "NoPrimary"

            await asyncio.to_thread(primary.stop, signal.SIGQUIT)
            forgot.clear()
            with pytest.raises(DatabaseLost):
                await mark(database, "between")
            await asyncio.to_thread(replica.promote)

            await eventually(lambda: mark(database, "after"))
            await eventually(lambda: _refuse_unless(feed.current() and forgot))
            kept = await marks(database)
            await feed.close()
            await database.close()
            await standby.close()
            return kept, forgot

        kept, forgot = asyncio.run(fail_over())
    finally:
        replica.remove()

    assert kept == ["before", "after"]
    assert forgot[0] == "*"


async def _migrate(database):
    await database.migrate()
    await database.close()


async def test_an_integrity_error_is_no_loss(opened):
    async with opened() as database:

        async def twice():
            async with database.write(announced=False) as tx:
                await tx.connection.exec_driver_sql("INSERT INTO write_turn VALUES (1)")

        with pytest.raises(IntegrityError):
            await twice()
