"""Where a PostgreSQL database is and how to get in: libpq's URI, with nothing left to whoever sits in between.

    postgresql://user:password@host1:5432,host2:5432/database?sslmode=verify-full&sslrootcert=/etc/keystead/ca.pem

The driver reads it as libpq does: password files, client certificates and PG* variables work here too. Two things differ:

* without sslmode, a host that is not this machine must prove its name (verify-full), and one that is goes without TLS;
  `allow` and `prefer`, in which the other end decides whether there is TLS, are refused;
* of several hosts the primary is used, and no setting makes it a standby: what a standby knows may be out of date.

The primary must really be one. An old primary that keeps answering after a fail-over is for whoever manages the fail-over
to stop; nothing that connects to it can tell.
"""

import ipaddress
import os
import urllib.parse
from collections.abc import Mapping
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # its annotations are not published

CONNECT_SECONDS: Final = 3.0
"""For one host. The driver's limit is for all together: a host that is switched off would hide the next."""
SCHEMES: Final = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})


class NoPrimary(ConnectionError):
    """None of the hosts takes writes just now."""


class Address:
    """Remembers which host was the primary."""

    def __init__(self, url: str) -> None:
        """Raises ValueError for what is not safe or not supported; its text holds nothing of the URL."""
        scheme, _, rest = url.partition("://")
        if scheme not in SCHEMES:
            raise ValueError("Not the address of a PostgreSQL database.")
        parsed = urllib.parse.urlsplit(f"postgresql://{rest}")
        query = dict(urllib.parse.parse_qsl(parsed.query))
        hosts = [urllib.parse.unquote(host) for host in parsed.netloc.rpartition("@")[2].split(",")]
        refuse_standbys(query)
        refuse_optional_tls(query, hosts)
        self._dsn = parsed._replace(query=urllib.parse.urlencode(query)).geturl()
        self._places = [place(host) for host in hosts] if len(hosts) > 1 else [{}]

    async def connect(self, settings: Mapping[str, str], *, seconds: float | None, writing: bool) -> Any:
        """An asyncpg connection to the first host that is the primary.

        Raises NoPrimary, or what the last host came to.
        """
        failed: Exception = NoPrimary()
        for here in tuple(self._places):
            try:
                connection = await asyncpg.connect(
                    self._dsn,
                    **here,
                    target_session_attrs="read-write" if writing else "primary",
                    server_settings=dict(settings),
                    command_timeout=seconds,
                    timeout=CONNECT_SECONDS,
                )
            except asyncpg.TargetServerAttributeNotMatched:
                failed = NoPrimary()
            except (OSError, asyncpg.PostgresError) as error:
                failed = error
            else:
                self._places.remove(here)
                self._places.insert(0, here)
                return connection
        raise failed


def refuse_standbys(query: dict[str, str]) -> None:
    if query.pop("target_session_attrs", "read-write") not in {"read-write", "primary"}:
        raise ValueError("target_session_attrs can only be read-write: what a standby knows may be out of date.")


def refuse_optional_tls(query: dict[str, str], hosts: list[str]) -> None:
    """Sets the sslmode where there is none."""
    named = query.get("host", os.environ.get("PGHOST", ""))
    if "," in named:
        raise ValueError("Name several hosts as host1:port1,host2:port2.")
    mode = query.get("sslmode", os.environ.get("PGSSLMODE"))
    if mode in {"allow", "prefer"}:
        raise ValueError("sslmode allow or prefer leaves it to the network whether there is TLS: say verify-full.")
    if mode is None:
        query["sslmode"] = "disable" if all(is_here(host or named) for host in hosts) else "verify-full"


def is_here(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    if host.startswith("/"):
        return True
    name = urllib.parse.urlsplit(f"//{host}").hostname or "localhost"
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def place(host: str) -> dict[str, Any]:
    """As arguments of the driver, one of several hosts."""
    split = urllib.parse.urlsplit(f"//{host}")
    return {"host": split.hostname, "port": split.port or 5432}
