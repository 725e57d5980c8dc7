"""Which version the schema of a database is, told without Alembic: most starts find the newest and need no more."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"
"""Each file's name begins with its number, which is its revision; they are one chain in the order of their numbers."""


def newest() -> str:
    return max(path.stem.partition("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))


def is_newest(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [newest()]
