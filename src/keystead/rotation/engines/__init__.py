"""What rotation does on the systems themselves: one file for each kind, behind one promise."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final

from keystead.rotation.engines.promise import Engine

MODULES: Final[Mapping[str, str]] = {
    #  `engine` of a secret: its module here, loaded when it is asked for, since each loads a driver
    #  source: Secrets Manager user guide, JSON structure of secrets; ours for Redis
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mariadb": "mariadb",
    "mysql": "mariadb",
    "redis": "redis",
    "valkey": "redis",
}


@cache
def engine(name: str) -> Engine:
    """Raises KeyError for a kind that there is none for."""
    found: Engine = import_module(f"{__name__}.{MODULES[name]}").ENGINE
    return found
