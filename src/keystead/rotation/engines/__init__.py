"""What rotation does on the systems themselves: one file for each kind, behind one promise."""

from collections.abc import Mapping
from typing import Final

from keystead.rotation.engines.mariadb import MariaDB
from keystead.rotation.engines.postgresql import PostgreSQL
from keystead.rotation.engines.promise import Engine
from keystead.rotation.engines.redis import Redis

ENGINES: Final[Mapping[str, Engine]] = {
    #  `engine` of a secret      what speaks to it       source: Secrets Manager user guide, JSON structure of secrets; ours for Redis
    "postgres":   PostgreSQL(),
    "postgresql": PostgreSQL(),
    "mariadb":    MariaDB(),
    "mysql":      MariaDB(),
    "redis":      Redis(),
    "valkey":     Redis(),
}  # fmt: skip  # a table
