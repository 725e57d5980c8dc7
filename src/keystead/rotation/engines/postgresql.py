"""PostgreSQL: one password per role, so an overlap needs two roles. The server itself refuses a role past VALID UNTIL.

The second role of a pair is a member of the first and becomes it at login (SET role), so that both own the same objects:

    CREATE ROLE app_clone LOGIN PASSWORD '…' IN ROLE app;  ALTER ROLE app_clone SET role TO app

Where the first role itself becomes an owner role at login, the second becomes that owner too. pg_stat_activity.usename stays
the role that logged in, so the two can be told apart. Open connections outlive their password: only terminating ends them.

Measured on PostgreSQL 15. From 16 on the administrator needs ADMIN OPTION on both roles (documentation, CREATEROLE).
"""

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # its annotations are not published

from keystead.rotation.credential import Credential
from keystead.rotation.engines import tls
from keystead.rotation.engines.promise import Session
from keystead.rotation.engines.scram import verifier
from keystead.rotation.errors import LoginRefused, TargetLost, TargetRefused

PORT: Final = 5432
DATABASE: Final = "postgres"
SECONDS: Final = 10.0
"""To connect, and for each statement."""
REFUSALS: Final = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidPasswordError)
LOST: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""The driver answers with the last where the server dies while it connects."""


UNVERIFIED: Final = {None: "prefer", False: "disable"}
"""What the driver calls a secret's `ssl` that asks for no verified certificate."""


class PostgreSQL:
    """The engine `postgres`."""

    two_passwords = False
    own_clock = True

    async def login(self, who: Credential) -> None:
        async with connected(who) as connection:
            await connection.fetchval("SELECT 1")

    async def change(self, admin: Credential, new: Credential, kept: Credential | None) -> None:
        if kept is not None:
            raise TargetRefused("A PostgreSQL role has one password.")
        async with connected(admin) as connection:
            if admin.username != new.username:
                await refuse_superuser(connection, new.username)
            await connection.execute("SET ROLE NONE")  # whoever became an owner role at login may not change their own
            await connection.execute(f"ALTER ROLE {name(new.username)} PASSWORD '{verifier(new.password)}'")

    async def ready_alternate(self, admin: Credential, new: Credential, like: str) -> None:
        async with connected(admin) as connection, connection.transaction():
            owner = await becomes(connection, like)
            if owner is None:
                raise TargetRefused("The role to be cloned does not exist.")
            other = await becomes(connection, new.username)
            await refuse_superuser(connection, like)
            await refuse_superuser(connection, new.username)
            if other is None:
                await connection.execute(f"CREATE ROLE {name(new.username)} IN ROLE {name(owner)}")
                await connection.execute(f"ALTER ROLE {name(new.username)} SET role TO {name(owner)}")
            elif other != owner:
                raise TargetRefused("The other role of the pair is somebody else's: it does not become the same owner.")
            await connection.execute(
                f"ALTER ROLE {name(new.username)} LOGIN PASSWORD '{verifier(new.password)}' VALID UNTIL 'infinity'"
            )

    async def mark(self, admin: Credential) -> int:
        """Not needed: the old user and the new one are two."""
        return 0

    async def limit(self, admin: Credential, old: Credential, deadline: float) -> None:
        until = "infinity" if math.isinf(deadline) else datetime.fromtimestamp(deadline, UTC).isoformat()
        async with connected(admin) as connection:
            await connection.execute(f"ALTER ROLE {name(old.username)} VALID UNTIL '{until}'")

    async def revoke(self, admin: Credential, old: Credential, current: Credential) -> None:
        """The role cannot log in; the other one may still become it."""
        if old.username == current.username:
            return
        async with connected(admin) as connection:
            await connection.execute(f"ALTER ROLE {name(old.username)} NOLOGIN")

    async def sessions(self, admin: Credential, old: Credential, before: int | None) -> Sequence[Session]:
        statement = """
            SELECT host(client_addr) AS address, application_name AS application, count(*) AS connections
            FROM pg_stat_activity WHERE usename = $1 AND pid <> pg_backend_pid() GROUP BY 1, 2 ORDER BY 1, 2
        """
        async with connected(admin) as connection:
            rows = await connection.fetch(statement, old.username)
        return [Session(row["address"] or "", row["application"] or "", row["connections"]) for row in rows]

    async def terminate(self, admin: Credential, old: Credential, before: int | None) -> None:
        statement = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND pid <> pg_backend_pid()"
        )
        async with connected(admin) as connection:
            await connection.fetch(statement, old.username)


ENGINE: Final = PostgreSQL()


async def becomes(connection: Any, role: str) -> str | None:
    """The role that it is after login: itself, unless it was told another one. None where it does not exist."""
    found = await connection.fetchrow("SELECT rolconfig FROM pg_roles WHERE rolname = $1", role)
    if found is None:
        return None
    configured: dict[str, str] = dict(entry.split("=", 1) for entry in found["rolconfig"] or ())
    return configured.get("role", role)


async def refuse_superuser(connection: Any, role: str) -> None:
    """A superuser's password is changed by itself alone: a secret could name anybody. Raises TargetRefused."""
    if await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = $1", role):
        raise TargetRefused("A superuser's password is not changed by another role.")


@asynccontextmanager
async def connected(who: Credential) -> AsyncIterator[Any]:
    """A connection; what goes wrong on it is raised in the domain's words, without the server's text."""
    try:
        connection = await asyncpg.connect(
            host=who.host,
            port=who.port or PORT,
            user=who.username,
            password=who.password,
            database=who.dbname or DATABASE,
            ssl=tls.verified() if who.ssl else UNVERIFIED[who.ssl],
            timeout=SECONDS,
            command_timeout=SECONDS,
            server_settings={"application_name": "keystead rotation"},
        )
    except REFUSALS:
        raise LoginRefused from None
    except (*LOST, asyncpg.PostgresError) as error:
        raise TargetLost(type(error).__name__) from None
    try:
        yield connection
    except asyncpg.PostgresConnectionError as error:
        raise TargetLost(type(error).__name__) from None
    except asyncpg.PostgresError as error:
        raise TargetRefused(f"PostgreSQL: {error.sqlstate}") from None
    except LOST as error:
        raise TargetLost(type(error).__name__) from None
    finally:
        await close(connection)


async def close(connection: Any) -> None:
    """In order where that is soon done."""
    try:
        await connection.close(timeout=2)
    except (*LOST, asyncpg.PostgresError):
        connection.terminate()


def name(identifier: str) -> str:
    """A quoted identifier (PostgreSQL documentation, lexical structure). Raises TargetRefused for what cannot be one."""
    if not identifier or "\0" in identifier:
        raise TargetRefused("That is no name of a role.")
    quoted = identifier.replace('"', '""')
    return f'"{quoted}"'
