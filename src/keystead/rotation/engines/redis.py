"""Redis and Valkey: an ACL user can have any number of passwords, so one user is enough for an overlap.

    ACL SETUSER app #SHA256(new)      adds a password; !SHA256(old) takes one away; only hashes travel
    CLIENT LIST / CLIENT KILL ID n    who is connected, told by numbers that only grow

What ACL SETUSER changed is written to the server's ACL file, or else to its configuration file; a server without either forgets it
when it restarts, as it forgets everything else about its users. There is no clock that ends a password at a given time.
(Redis documentation, ACL; measured on 7.0.)
"""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as Waited

from keystead.rotation.credential import Credential
from keystead.rotation.engines.promise import Session
from keystead.rotation.errors import LoginRefused, SecretUnusable, TargetLost, TargetRefused

PORT: Final = 6379
SECONDS: Final = 10.0
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Redis:
    """The engine `redis`."""

    two_passwords = True
    own_clock = False

    async def login(self, who: Credential) -> None:
        async with connected(who) as client:
            with suppress(NoPermissionError):  # whoever may not even do this has been let in
                await client.execute_command("PING")

    async def change(self, admin: Credential, new: Credential, kept: Credential | None) -> None:
        async with connected(admin) as client:
            await existing(client, new.username)
            passwords = [new.password, *([kept.password] if kept is not None else [])]
            await set_passwords(client, new.username, passwords)
            await persist(client)

    async def ready_alternate(self, admin: Credential, new: Credential, like: str) -> None:
        async with connected(admin) as client:
            await client.execute_command("ACL SETUSER", new.username, "reset", *await rules(client, like))
            await client.execute_command("ACL SETUSER", new.username, "resetpass", f"#{hashed(new.password)}", "on")
            await persist(client)

    async def mark(self, admin: Credential) -> int:
        async with connected(admin) as client:
            return int(await client.execute_command("CLIENT ID"))

    async def limit(self, admin: Credential, old: Credential, deadline: float) -> None:
        raise TargetRefused("Redis has no clock for passwords.")

    async def revoke(self, admin: Credential, old: Credential, current: Credential) -> None:
        async with connected(admin) as client:
            if old.username == current.username:
                await set_passwords(client, current.username, [current.password])
            else:
                await client.execute_command("ACL SETUSER", old.username, "off")
            await persist(client)

    async def sessions(self, admin: Credential, old: Credential, before: int | None) -> Sequence[Session]:
        async with connected(admin) as client:
            found = await connections(client, old.username, before)
        counted = Counter((one["addr"].rpartition(":")[0], one.get("name", "")) for one in found)
        return [Session(address, application, count) for (address, application), count in sorted(counted.items())]

    async def terminate(self, admin: Credential, old: Credential, before: int | None) -> None:
        async with connected(admin) as client:
            for one in await connections(client, old.username, before):
                await client.execute_command("CLIENT KILL", "ID", one["id"])


ENGINE: Final = Redis()


def hashed(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


async def existing(client: Any, username: str) -> dict[str, Any]:
    """Raises TargetRefused where there is no such user."""
    found = await client.execute_command("ACL GETUSER", username)
    if not found:
        raise TargetRefused("There is no such user.")
    return dict(found)


async def rules(client: Any, username: str) -> list[str]:
    """What a user may, as ACL SETUSER takes it: its line of ACL LIST without name, state and passwords."""
    lines = [line.split() for line in await client.execute_command("ACL LIST")]
    mine = next((words[2:] for words in lines if words[1] == username), None)
    if mine is None:
        raise TargetRefused("There is no such user.")
    return [word for word in mine if word not in {"on", "off", "nopass"} and not word.startswith("#")]


async def set_passwords(client: Any, username: str, passwords: Sequence[str]) -> None:
    """These and no other, in one command: there is no moment without one."""
    hashes = (f"#{hashed(password)}" for password in passwords)
    await client.execute_command("ACL SETUSER", username, "resetpass", *hashes)


async def persist(client: Any) -> None:
    """Raises TargetRefused where the server has a file and does not write it."""
    for command in ("ACL SAVE", "CONFIG REWRITE"):
        try:
            await client.execute_command(command)
        except NoPermissionError:
            raise TargetRefused("The user may not make the server keep what was changed.") from None
        except ResponseError as error:
            if not any(words in str(error) for words in ("not configured to use an ACL file", "without a config file")):
                raise
        else:
            return


async def connections(client: Any, username: str, before: int | None) -> list[dict[str, str]]:
    own = await client.execute_command("CLIENT ID")
    return [
        one
        for one in await client.client_list()
        if one.get("user") == username and int(one["id"]) != own and (before is None or int(one["id"]) <= before)
    ]


@asynccontextmanager
async def connected(who: Credential) -> AsyncIterator[Any]:
    """What goes wrong is raised in the domain's words, without the server's text.

    Redis is told the password itself, so without TLS it is told only what is on this machine, unless the secret says so.
    """
    if who.ssl is None and who.host not in LOOPBACK:
        raise SecretUnusable("Say in the secret whether Redis is reached with TLS: ssl true or false.")
    client = Client(
        host=who.host,
        port=who.port or PORT,
        username=who.username,
        password=who.password,
        db=int(who.dbname or 0),
        ssl=bool(who.ssl),
        socket_connect_timeout=SECONDS,
        socket_timeout=SECONDS,
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),  # a refused login counts as a lost connection, and would be tried again
    )
    try:
        yield client
    except AuthenticationError:
        raise LoginRefused from None
    except (Disconnected, Waited, OSError) as error:
        raise TargetLost(type(error).__name__) from None
    except RedisError as error:
        raise TargetRefused(f"Redis: {type(error).__name__}") from None
    finally:
        await client.aclose()
