"""MariaDB: one user can have several passwords (ALTER USER … IDENTIFIED VIA … OR …), so one user is enough for an overlap.

    ALTER USER 'app'@'%' IDENTIFIED VIA mysql_native_password USING '*NEW' OR mysql_native_password USING '*OLD'

Only hashes travel: `*` and SHA1(SHA1(password)) in hexadecimal. Keeping an old password needs the CREATE USER privilege, and so
an administrator; a user alone can only replace its own. There is no clock on the server that ends a password at a given time.
Which password a connection used is not told: those made before the change are told by their number, which only grows.

Measured on MariaDB 10.11. MySQL has its own way (RETAIN CURRENT PASSWORD) and other hashes: it is refused.
"""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import pymysql
from pymysql.constants import ER

from keystead.rotation.credential import Credential
from keystead.rotation.engines import tls
from keystead.rotation.engines.promise import Session
from keystead.rotation.errors import LoginRefused, TargetLost, TargetRefused

PORT: Final = 3306
SECONDS: Final = 10
"""To connect, and for each answer."""
NATIVE: Final = "mysql_native_password"
REFUSALS: Final = frozenset({ER.ACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, 4151})
"""4151: the account is locked (MariaDB error codes)."""
LOST: Final = range(2000, 3000)
"""Errors of the client side: the server has said nothing."""
METHOD: Final = re.compile(r"IDENTIFIED (?:BY PASSWORD|VIA (?P<plugin>\w+))(?: USING)? '(?P<hash>[^']*)'")

T = TypeVar("T")
Work = Callable[[Any], T]


class MariaDB:
    """The engine `mariadb`, and `mysql` where the server is a MariaDB."""

    two_passwords = True
    own_clock = False

    async def login(self, who: Credential) -> None:
        await at(who, lambda cursor: cursor.execute("SELECT 1"))

    async def change(self, admin: Credential, new: Credential, kept: Credential | None) -> None:
        def work(cursor: Any) -> None:
            if admin.username == new.username:
                cursor.execute("SET PASSWORD = %s", (hashed(new.password),))
                return
            passwords = [new.password, *([kept.password] if kept is not None else [])]
            refuse_powerful(cursor, new.username)
            for host in accounts(cursor, new.username):
                check_native(cursor, new.username, host)
                identify(cursor, new.username, host, passwords)

        await at(admin, work)

    async def ready_alternate(self, admin: Credential, new: Credential, like: str) -> None:
        def work(cursor: Any) -> None:
            refuse_powerful(cursor, new.username)
            for host in accounts(cursor, like):
                user = {"user": new.username, "host": host}
                cursor.execute("CREATE USER IF NOT EXISTS %(user)s@%(host)s ACCOUNT LOCK", user)
                identify(cursor, new.username, host, [new.password])
                copy_grants(cursor, like, new.username, host)
                cursor.execute("ALTER USER %(user)s@%(host)s ACCOUNT UNLOCK", user)

        await at(admin, work)

    async def mark(self, admin: Credential) -> int:
        def work(cursor: Any) -> int:
            cursor.execute("SELECT CONNECTION_ID()")
            return int(cursor.fetchone()[0])

        return await at(admin, work)

    async def limit(self, admin: Credential, old: Credential, deadline: float) -> None:
        raise TargetRefused("MariaDB has no clock for passwords.")

    async def revoke(self, admin: Credential, old: Credential, current: Credential) -> None:
        def work(cursor: Any) -> None:
            for host in accounts(cursor, old.username):
                if old.username == current.username:
                    identify(cursor, current.username, host, [current.password])
                else:
                    cursor.execute("ALTER USER %s@%s ACCOUNT LOCK", (old.username, host))

        await at(admin, work)

    async def sessions(self, admin: Credential, old: Credential, before: int | None) -> Sequence[Session]:
        def work(cursor: Any) -> Sequence[Session]:
            counted = Counter(address for _, address in connections(cursor, old.username, before))
            return [Session(address, "", count) for address, count in sorted(counted.items())]

        return await at(admin, work)

    async def terminate(self, admin: Credential, old: Credential, before: int | None) -> None:
        def work(cursor: Any) -> None:
            for number, _ in connections(cursor, old.username, before):
                try:
                    cursor.execute("KILL CONNECTION %s", (number,))
                except pymysql.Error as error:
                    if error.args[:1] != (ER.NO_SUCH_THREAD,):
                        raise

        await at(admin, work)


ENGINE: Final = MariaDB()


def accounts(cursor: Any, user: str) -> list[str]:
    """The hosts for which the user exists. Raises TargetRefused when there are none."""
    cursor.execute("SELECT Host FROM mysql.user WHERE User = %s ORDER BY Host", (user,))
    hosts = [str(host) for (host,) in cursor.fetchall()]
    if not hosts:
        raise TargetRefused("There is no such user.")
    return hosts


def refuse_powerful(cursor: Any, user: str) -> None:
    """An administrator's password is changed by that administrator alone: a secret could name anybody. Raises TargetRefused."""
    cursor.execute("SELECT 1 FROM mysql.user WHERE User = %s AND (Super_priv = 'Y' OR Create_user_priv = 'Y')", (user,))
    if cursor.fetchone() is not None:
        raise TargetRefused("An administrator's password is not changed by another one.")


def check_native(cursor: Any, user: str, host: str) -> None:
    """Passwords can be exchanged where they are how the user logs in. Raises TargetRefused."""
    cursor.execute("SHOW CREATE USER %s@%s", (user, host))
    found = METHOD.search(str(cursor.fetchone()[0]))
    if found is None or found["plugin"] not in {None, NATIVE}:
        raise TargetRefused("The user does not log in with a password of the native kind.")


def identify(cursor: Any, user: str, host: str, passwords: Sequence[str]) -> None:
    """These passwords and no other."""
    methods = " OR ".join(f"{NATIVE} USING %s" for _ in passwords)
    cursor.execute(f"ALTER USER %s@%s IDENTIFIED VIA {methods}", (user, host, *map(hashed, passwords)))


def copy_grants(cursor: Any, source: str, target: str, host: str) -> None:
    """As AWS's function for two users does: what the one may, the other may from now on."""
    cursor.execute("SHOW GRANTS FOR %s@%s", (source, host))
    quoted = f"{quote(source)}@{quote(host)}"
    for (grant,) in cursor.fetchall():
        rights, found, rest = str(grant).partition(f" TO {quoted}")
        if not found:
            raise TargetRefused("The user has a grant that cannot be copied.")
        options = " WITH GRANT OPTION" if "WITH GRANT OPTION" in rest else ""
        cursor.execute(f"{rights.replace('%', '%%')} TO %s@%s{options}", (target, host))


def quote(identifier: str) -> str:
    return "`" + identifier.replace("`", "``") + "`"


def connections(cursor: Any, user: str, before: int | None) -> list[tuple[int, str]]:
    """(number, address) of each; not this one."""
    cursor.execute(
        "SELECT ID, HOST FROM information_schema.PROCESSLIST WHERE USER = %s AND ID <> CONNECTION_ID()", (user,)
    )
    rows = [(int(number), str(host).rpartition(":")[0] or str(host)) for number, host in cursor.fetchall()]
    return [(number, address) for number, address in rows if before is None or number <= before]


def hashed(password: str) -> str:
    """As MariaDB keeps it (documentation, mysql_native_password)."""
    inner = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(inner, usedforsecurity=False).hexdigest().upper()


async def at(who: Credential, work: Work[T]) -> T:
    """The work with a cursor, in a thread: the driver blocks."""

    def run() -> T:
        with connected(who) as cursor:
            return work(cursor)

    return await asyncio.to_thread(run)


@contextmanager
def connected(who: Credential) -> Iterator[Any]:
    """What goes wrong is raised in the domain's words, without the server's text."""
    try:
        connection = pymysql.connect(
            host=who.host,
            port=who.port or PORT,
            user=who.username,
            password=who.password,
            database=who.dbname,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=SECONDS,
            read_timeout=SECONDS,
            write_timeout=SECONDS,
            **encryption(who.ssl),
        )
    except pymysql.Error as error:
        raise understood(error) from None
    try:
        if "MariaDB" not in str(connection.get_server_info()):  # type: ignore[no-untyped-call]  # its stubs lag
            raise TargetRefused("The server is not a MariaDB.")
        with connection.cursor() as cursor:
            yield cursor
    except pymysql.Error as error:
        raise understood(error) from None
    finally:
        connection.close()


def encryption(wanted: bool | None) -> dict[str, Any]:
    """Without a wish the driver takes TLS where the server offers it."""
    if wanted is None:
        return {}
    return {"ssl": tls.verified()} if wanted else {"ssl_disabled": True}


def understood(error: pymysql.Error) -> Exception:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if code in REFUSALS:
        return LoginRefused()
    if code == 0 or code in LOST:
        return TargetLost(type(error).__name__)
    return TargetRefused(f"MariaDB: {code}")
