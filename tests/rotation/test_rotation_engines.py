"""One promise, kept on three kinds of real server."""

import asyncio
import secrets
import time
from dataclasses import replace
from typing import Any

import pytest

from keystead.rotation.credential import Credential
from keystead.rotation.engines import engine as engine_of
from keystead.rotation.engines.promise import Engine
from keystead.rotation.errors import LoginRefused, TargetLost, TargetRefused
from postgresql import Databases
from servers import MariaDBServer, RedisServer
from targets import MariaDBTarget, PostgreSQLTarget, RedisTarget, Target


@pytest.fixture(params=["postgres", "mariadb", "redis"])
def target(request: pytest.FixtureRequest) -> Target:
    if request.param == "postgres":
        return PostgreSQLTarget(request.getfixturevalue("postgresql"))
    if request.param == "mariadb":
        return MariaDBTarget(request.getfixturevalue("mariadb"))
    return RedisTarget(request.getfixturevalue("redis_server"))


@pytest.fixture
def engine(target: Target) -> Engine:
    return engine_of(target.engine)


def renewed(who: Credential, **named: Any) -> Credential:
    return who.changed(password=secrets.token_urlsafe(16), **named)


def test_the_right_password_logs_in_and_no_other_does(target: Target, engine: Engine) -> None:
    user = target.user()

    asyncio.run(engine.login(user))

    with pytest.raises(LoginRefused):
        asyncio.run(engine.login(renewed(user)))


def test_a_server_that_is_not_there_is_lost_and_not_a_refusal(target: Target, engine: Engine) -> None:
    user = replace(target.user(), port=1)

    with pytest.raises(TargetLost):
        asyncio.run(engine.login(user))


def test_a_password_is_replaced(target: Target, engine: Engine) -> None:
    admin, old = target.admin(), target.user()
    new = renewed(old)

    for _ in range(2):  # it may be repeated
        asyncio.run(engine.change(admin, new, None))

    assert target.logs_in(new)
    assert not target.logs_in(old)


def test_an_old_password_goes_on_working_beside_the_new_one_until_it_is_revoked(target: Target, engine: Engine) -> None:
    if not engine.two_passwords:
        pytest.skip("one password per user")
    admin, old = target.admin(), target.user()
    new = renewed(old)

    asyncio.run(engine.change(admin, new, old))
    both = target.logs_in(new), target.logs_in(old)
    for _ in range(2):
        asyncio.run(engine.revoke(admin, old, new))

    assert both == (True, True)
    assert (target.logs_in(new), target.logs_in(old)) == (True, False)


def test_the_second_of_two_users_is_made_and_the_first_one_revoked(target: Target, engine: Engine) -> None:
    admin, old = target.admin(), target.user()
    new = renewed(old, username=old.alternate())

    for _ in range(2):
        asyncio.run(engine.ready_alternate(admin, new, old.username))
    both = target.logs_in(new), target.logs_in(old)
    for _ in range(2):
        asyncio.run(engine.revoke(admin, old, new))

    assert both == (True, True)
    assert (target.logs_in(new), target.logs_in(old)) == (True, False)


def test_users_alternate_there_and_back(target: Target, engine: Engine) -> None:
    admin, first = target.admin(), target.user()
    second = renewed(first, username=first.alternate())
    third = renewed(second, username=second.alternate())

    for new, old in ((second, first), (third, second)):
        asyncio.run(engine.ready_alternate(admin, new, old.username))
        asyncio.run(engine.revoke(admin, old, new))

    assert third.username == first.username
    assert [target.logs_in(who) for who in (first, second, third)] == [False, False, True]


def test_open_connections_are_counted_and_survive_the_revocation_until_they_are_terminated(
    target: Target, engine: Engine
) -> None:
    admin, old = target.admin(), target.user()
    new = renewed(old, username=old.alternate())
    asyncio.run(engine.ready_alternate(admin, new, old.username))

    with target.held(old) as use:
        asyncio.run(engine.revoke(admin, old, new))
        counted = asyncio.run(engine.sessions(admin, old, None))
        use()
        asyncio.run(engine.terminate(admin, old, None))

        with pytest.raises(Exception, match=r".*"):
            use()
    assert sum(session.connections for session in counted) == 1


def test_connections_made_after_a_mark_are_not_counted(target: Target, engine: Engine) -> None:
    if not engine.two_passwords:
        pytest.skip("the two passwords belong to two users")
    admin, user = target.admin(), target.user()

    with target.held(user):
        mark = asyncio.run(engine.mark(admin))
        with target.held(user):
            before = asyncio.run(engine.sessions(admin, user, mark))
            every = asyncio.run(engine.sessions(admin, user, None))

    assert sum(session.connections for session in before) == 1
    assert sum(session.connections for session in every) == 2


def test_a_user_that_does_not_exist_is_refused(target: Target, engine: Engine) -> None:
    admin = target.admin()
    nobody = renewed(target.user(), username="nobody_here")

    with pytest.raises(TargetRefused):
        asyncio.run(engine.change(admin, nobody, None))


def test_an_administrator_s_password_is_not_changed_by_another_one(
    postgresql: Databases, mariadb: MariaDBServer
) -> None:
    pg = PostgreSQLTarget(postgresql)
    superuser = pg.superuser()
    mariadb.execute("CREATE USER root_clone@'%%' IDENTIFIED BY 'x'")
    mariadb.execute("GRANT ALL ON *.* TO root_clone@'%%'")
    for target, engine, victim in (
        (pg, engine_of("postgres"), superuser),
        (MariaDBTarget(mariadb), engine_of("mariadb"), MariaDBTarget(mariadb).credential("root_clone", "x")),
    ):
        with pytest.raises(TargetRefused):
            asyncio.run(engine.change(target.admin(), renewed(victim), None))
        assert target.logs_in(victim)


def test_no_password_reaches_mariadb_in_a_statement(mariadb: MariaDBServer) -> None:
    target, engine = MariaDBTarget(mariadb), engine_of("mariadb")
    admin, old = target.admin(), target.user()
    new = renewed(old)
    clone = renewed(old, username=old.alternate())

    asyncio.run(engine.change(admin, new, old))
    asyncio.run(engine.ready_alternate(admin, clone, old.username))

    assert old.username in mariadb.statements()
    assert new.password not in mariadb.statements()
    assert clone.password not in mariadb.statements()


def test_no_password_reaches_postgresql_in_a_statement(postgresql: Databases) -> None:
    target, engine = PostgreSQLTarget(postgresql), engine_of("postgres")
    if postgresql.server is None:
        pytest.skip("the server's log is somebody else's")
    admin, old = target.admin(), target.user()
    new, clone = renewed(old), renewed(old, username=old.alternate())
    for setting in ("log_statement = 'all'", "log_min_messages = 'log'"):
        target.execute(f"ALTER ROLE {admin.username} SET {setting}")

    asyncio.run(engine.change(admin, new, None))
    asyncio.run(engine.ready_alternate(admin, clone, old.username))

    log = (postgresql.server.folder / "log").read_text()
    assert f'ALTER ROLE "{new.username}"' in log
    assert new.password not in log
    assert clone.password not in log


def test_a_mariadb_user_alone_replaces_its_own_password(mariadb: MariaDBServer) -> None:
    target, engine = MariaDBTarget(mariadb), engine_of("mariadb")
    old = target.user()
    new = renewed(old)

    asyncio.run(engine.change(old, new, None))

    assert (target.logs_in(old), target.logs_in(new)) == (False, True)


def test_a_redis_user_s_change_is_still_there_after_a_restart(redis_server: RedisServer) -> None:
    target, engine = RedisTarget(redis_server), engine_of("redis")
    old = target.user()
    new = renewed(old)

    asyncio.run(engine.change(target.admin(), new, old))
    redis_server.stop()
    redis_server.start()

    assert target.logs_in(old)
    assert target.logs_in(new)


def test_postgresql_itself_refuses_the_old_user_after_the_deadline(postgresql: Databases) -> None:
    target, engine = PostgreSQLTarget(postgresql), engine_of("postgres")
    admin, old = target.admin(), target.user()

    asyncio.run(engine.limit(admin, old, time.time() + 3600))
    before = target.logs_in(old)
    asyncio.run(engine.limit(admin, old, time.time() - 1))

    assert before
    assert not target.logs_in(old)


def test_both_roles_of_a_pair_own_the_same_tables(postgresql: Databases) -> None:
    target, engine = PostgreSQLTarget(postgresql), engine_of("postgres")
    admin, first = target.admin(), target.user()
    second = renewed(first, username=first.alternate())
    asyncio.run(engine.ready_alternate(admin, second, first.username))
    target.execute(f"CREATE SCHEMA s_{first.username} AUTHORIZATION {first.username}")

    target.execute(f"CREATE TABLE s_{first.username}.t (x int)", second)
    target.execute(f"ALTER TABLE s_{first.username}.t ADD y int", first)

    owners = dict(target.execute("SELECT schemaname, tableowner FROM pg_tables"))
    assert owners[f"s_{first.username}"] == first.username


def test_the_second_role_becomes_the_owner_role_that_the_first_one_becomes(postgresql: Databases) -> None:
    target, engine = PostgreSQLTarget(postgresql), engine_of("postgres")
    admin, first = target.admin(), target.user()
    owner = f"owner_of_{first.username}"
    target.execute(f"CREATE ROLE {owner} NOLOGIN")
    target.execute(f"GRANT {owner} TO {first.username}")
    target.execute(f"ALTER ROLE {first.username} SET role TO {owner}")
    second = renewed(first, username=first.alternate())

    asyncio.run(engine.ready_alternate(admin, second, first.username))
    asyncio.run(engine.change(first, renewed(first), None))  # who became an owner may still change their own password

    assert target.execute("SELECT current_user::text, session_user::text", second)[0] == (owner, second.username)


def test_a_role_that_belongs_to_somebody_else_is_not_taken_for_the_second_one(postgresql: Databases) -> None:
    target, engine = PostgreSQLTarget(postgresql), engine_of("postgres")
    admin, first = target.admin(), target.user()
    stranger = target.credential(first.alternate(), "unchanged")
    target.execute(f"CREATE ROLE {stranger.username} LOGIN PASSWORD 'unchanged'")

    with pytest.raises(TargetRefused):
        asyncio.run(engine.ready_alternate(admin, renewed(first, username=stranger.username), first.username))

    assert target.logs_in(stranger)


def test_names_are_quoted(target: Target, engine: Engine) -> None:
    admin, user = target.admin(), target.user()
    odd = renewed(user, username="o'neil\"`; DROP_clone" if target.engine != "redis" else "o'neil")

    asyncio.run(engine.ready_alternate(admin, odd, user.username))

    asyncio.run(engine.login(odd))


def test_the_second_mariadb_user_may_do_what_the_first_one_may(mariadb: MariaDBServer) -> None:
    target, engine = MariaDBTarget(mariadb), engine_of("mariadb")
    admin, first = target.admin(), target.user()
    second = renewed(first, username=first.alternate())
    asyncio.run(engine.ready_alternate(admin, second, first.username))

    with mariadb.connection(second.username, second.password) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS shop.orders (id int)")
        cursor.execute("INSERT INTO shop.orders VALUES (1)")
        with pytest.raises(Exception, match="denied"):
            cursor.execute("DROP TABLE shop.orders")
