"""Migrations without a configuration file: found beside this module, run over a connection that is already open."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection


def upgrade(connection: Connection, revision: str = "head") -> None:
    command.upgrade(configured(connection), revision)


def knows(revision: str) -> bool:
    """Whether this program can make a schema of that revision; one of a later program's is none of them."""
    try:
        return ScriptDirectory.from_config(configured(None)).get_revision(revision) is not None
    except CommandError:
        return False


def configured(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
