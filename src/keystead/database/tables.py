"""The tables that belong to the database itself, and the metadata on which every room declares its own."""

from typing import Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={  # the same names on every engine, so that migrations can speak of them
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

SEQUENCE = BigInteger().with_variant(Integer, "sqlite")
"""A number given by the database. SQLite counts only in a column declared INTEGER."""
ACCOUNT: Final = String(12)
REGION: Final = String(32)
ARN: Final = String(2048)

changes = Table(
    "changes",
    metadata,
    Column("seq", SEQUENCE, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("id", String(512), nullable=False),
    Column("because", String(64), nullable=False),  # id of the call that made the change
    Column("at", Double, nullable=False),  # seconds since the epoch
    Index(None, "kind", "id"),
    sqlite_autoincrement=True,  # a number is never used twice, even after the newest rows are pruned
)

sealed_keys = Table(
    "sealed_keys",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("purpose", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("blob", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("purpose", "version"),
)

write_turn = Table(
    "write_turn",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row, 1: the writers of PostgreSQL queue for it
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("holder", String(128), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", Double, nullable=False),  # seconds since the epoch, by the clock of the database
)


class Change(NamedTuple):
    """kind  "key", "alias", "grant", "identity", "sealed_key"."""

    kind: str
    id: str
    seq: int = 0
