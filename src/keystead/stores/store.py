"""Where custom key stores lie. Their secrets are tokens: nothing here is secret without the keyholder's keys."""

from typing import Final

from sqlalchemy import Column, Double, Index, LargeBinary, PrimaryKeyConstraint, String, Table, Text, UniqueConstraint

from keystead.database.tables import ACCOUNT, REGION, metadata

KIND: Final = "key-store"
"""In the change feed; the id is REGION/STORE-ID."""

key_stores = Table(
    "key_stores",
    metadata,
    Column("id", String(64), nullable=False),
    Column("account", ACCOUNT, nullable=False),
    Column("region", REGION, nullable=False),
    Column("name", String(256), nullable=False),
    Column("type", String(32), nullable=False),
    Column("state", String(32), nullable=False),
    Column("error", String(64)),
    Column("created_at", Double, nullable=False),
    Column("secret_token", LargeBinary, nullable=False),
    Column("cluster", String(64)),
    Column("anchor", Text),
    Column("proxy_endpoint", String(128)),
    Column("proxy_path", String(128)),
    Column("proxy_access_key_id", String(64)),
    PrimaryKeyConstraint("id", name="pk_key_stores"),
    UniqueConstraint("account", "region", "name", name="uq_key_stores_name"),
    UniqueConstraint("account", "region", "proxy_endpoint", "proxy_path", name="uq_key_stores_proxy"),
    Index("ix_key_stores_state", "state"),
)
