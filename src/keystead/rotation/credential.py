"""What a database secret holds, in AWS's JSON.

    {"engine": "postgres", "host": "db1", "port": 5432, "username": "app", "password": "…", "dbname": "app",
     "masterarn": "arn:aws:secretsmanager:…", "ssl": true}

engine, host, username and password must be there. `masterarn` names the secret of an administrator of the same host.
`ssl`: true wants TLS with a verified certificate, false wants none; without it TLS is tried and not insisted on.
(Secrets Manager user guide, JSON structure of secrets.) Whatever else is in the JSON stays as it is.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from keystead.rotation.errors import SecretUnusable

CLONE: Final = "_clone"
"""How the second of two alternating users is named after the first (AWS's rotation function templates)."""
LONGEST_NAME: Final = 63
"""Bytes of a PostgreSQL role's name; MariaDB takes 80 characters, Redis any."""


@dataclass(frozen=True, slots=True)
class Credential:
    """ssl  None: try TLS first"""

    engine: str
    host: str
    username: str
    password: str = field(repr=False)
    port: int | None = None
    dbname: str | None = None
    master: str | None = None
    ssl: bool | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, text: str | None) -> Self:
        """Raises SecretUnusable."""
        try:
            document = json.loads(text or "")
        except ValueError:
            raise SecretUnusable("The secret's value is not JSON.") from None
        if not isinstance(document, dict):
            raise SecretUnusable("The secret's value is not a JSON object.")
        for name in ("engine", "host", "username", "password"):
            if not isinstance(document.get(name), str) or not document[name]:
                raise SecretUnusable(f"The secret's JSON has no {name}.")
        return cls(
            document["engine"],
            document["host"],
            document["username"],
            document["password"],
            port_of(document.get("port")),
            optional(document, "dbname"),
            optional(document, "masterarn"),
            truth(document.get("ssl")),
            document,
        )

    def text(self) -> str:
        """The JSON again, with this user and password."""
        return json.dumps({**self.document, "username": self.username, "password": self.password})

    def changed(self, *, password: str, username: str | None = None) -> Self:
        return replace(self, password=password, username=username or self.username)

    def alternate(self) -> str:
        """The other one of the two users. Raises SecretUnusable."""
        if self.username.endswith(CLONE):
            return self.username.removesuffix(CLONE)
        if len(f"{self.username}{CLONE}".encode()) > LONGEST_NAME:
            raise SecretUnusable("The user's name is too long to be given a clone.")
        return f"{self.username}{CLONE}"

    def same_place(self, other: "Credential") -> bool:
        """Whether an administrator's secret is for the same server: it is never shown to another."""
        return (self.host, self.port) == (other.host, other.port) or (self.host == other.host and not other.port)


def port_of(given: object) -> int | None:
    if given in {None, ""}:
        return None
    try:
        port = int(str(given))
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise SecretUnusable("The secret's port is no port.")
    return port


def optional(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise SecretUnusable(f"The secret's {name} is no text.")
    return value


def truth(given: object) -> bool | None:
    if given is None or isinstance(given, bool):
        return given
    if str(given).lower() in {"true", "false"}:
        return str(given).lower() == "true"
    raise SecretUnusable("The secret's ssl is neither true nor false.")
