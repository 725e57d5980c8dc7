"""Where keys lie: records, wrapped materials, aliases, tags, grants, policies with their history, and last usage.

    key ─┬─ material   one per version; gone with the key
         ├─ alias      names, in the key's account and Region
         ├─ tag
         ├─ grant      ended ones keep their row, so that "who could at time T" has an answer
         └─ policy history, append only

Key ids are unique within a Region. Nothing here is secret without the keyholder's keys.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    false,
)

from keystead.database.tables import ACCOUNT, ARN, REGION, SEQUENCE, metadata

KIND: Final = "key"
"""In the change feed; the id is REGION/KEY-ID. Aliases, tags and grants change their key."""
ALIAS_KIND: Final = "alias"
"""The id is ACCOUNT/REGION/NAME."""

KEY_ID: Final = String(64)


def of_key() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["region", "key_id"], ["keys.region", "keys.id"], ondelete="CASCADE")


keys = Table(
    "keys",
    metadata,
    Column("region", REGION, nullable=False),
    Column("id", KEY_ID, nullable=False),
    Column("account", ACCOUNT, nullable=False),
    Column("spec", String(32), nullable=False),
    Column("usage", String(32), nullable=False),
    Column("origin", String(32), nullable=False),
    Column("manager", String(16), nullable=False),
    Column("state", String(32), nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("deletion_at", Double),
    Column("rotation_period", Integer),  # days
    Column("rotation_next_at", Double),
    Column("on_demand_rotations", Integer, nullable=False),
    Column("policy", Text, nullable=False),
    Column("policy_ids", JSON, nullable=False),
    Column("multi_region", Boolean, nullable=False),
    Column("primary_region", REGION),  # of a multi-Region key: whose it is to lead
    Column("store_id", String(64)),  # of a custom key store
    Column("external_key_id", String(128)),  # of a key in an external key store
    Column("pending_days", Integer),  # a primary key's window, which begins when its last replica is gone
    PrimaryKeyConstraint("region", "id", name="pk_keys"),
    Index("ix_keys_account_region", "account", "region", "id"),
    Index("ix_keys_id", "id"),
    Index("ix_keys_store", "store_id", "external_key_id"),
    Index("ix_keys_deletion_at", "deletion_at"),
    Index("ix_keys_rotation_next_at", "rotation_next_at"),
)

materials = Table(
    "key_materials",
    metadata,
    Column("region", REGION, nullable=False),
    Column("key_id", KEY_ID, nullable=False),
    Column("version", Integer, autoincrement=False, nullable=False),  # 1, 2, …
    Column("material_id", String(64), nullable=False),
    Column("token", LargeBinary),  # NULL: imported material that expired or was deleted, or is still to come
    Column("made_at", Double, nullable=False),
    Column("rotation_type", String(16)),  # AUTOMATIC, ON_DEMAND; the first has none
    Column("pending", Boolean, nullable=False, server_default=false()),  # imported, and not yet rotated to
    Column("expires_at", Double),  # imported material only
    Column("description", String(256)),  # likewise
    of_key(),
    PrimaryKeyConstraint("region", "key_id", "version", name="pk_key_materials"),
    Index("ix_key_materials_material_id", "material_id"),
    Index("ix_key_materials_expires_at", "expires_at"),
)

aliases = Table(
    "key_aliases",
    metadata,
    Column("account", ACCOUNT, nullable=False),
    Column("region", REGION, nullable=False),
    Column("name", String(256), nullable=False),
    Column("key_id", KEY_ID, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    of_key(),
    PrimaryKeyConstraint("account", "region", "name", name="pk_key_aliases"),
    Index("ix_key_aliases_region_key_id", "region", "key_id"),
)

tags = Table(
    "key_tags",
    metadata,
    Column("region", REGION, nullable=False),
    Column("key_id", KEY_ID, nullable=False),
    Column("name", String(128), nullable=False),
    Column("value", String(256), nullable=False),
    of_key(),
    PrimaryKeyConstraint("region", "key_id", "name", name="pk_key_tags"),
)

grants = Table(
    "key_grants",
    metadata,
    Column("id", String(64), nullable=False),
    Column("region", REGION, nullable=False),
    Column("key_id", KEY_ID, nullable=False),
    Column("key_account", ACCOUNT, nullable=False),
    Column("name", String(256), nullable=False),
    Column("grantee", ARN, nullable=False),
    Column("grantee_id", String(21), nullable=False),
    Column("retiring", ARN),
    Column("retiring_id", String(21)),
    Column("operations", JSON, nullable=False),
    Column("constraints", JSON, nullable=False),
    Column("source_arn", String(512)),
    Column("issuing_account", ACCOUNT, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("ended_by", String(16)),  # retired, revoked, deleted
    PrimaryKeyConstraint("id", name="pk_key_grants"),
    Index("ix_key_grants_key", "region", "key_id", "ended_at", "created_at"),
    Index("ix_key_grants_grantee", "region", "key_id", "grantee_id", "ended_at"),
    Index("ix_key_grants_retiring", "retiring", "ended_at"),
)

grant_tokens = Table(
    "key_grant_tokens",
    metadata,
    Column("digest", String(64), nullable=False),
    Column("grant_id", String(64), nullable=False),
    PrimaryKeyConstraint("digest", name="pk_key_grant_tokens"),
    Index("ix_key_grant_tokens_grant_id", "grant_id"),
)

policy_history = Table(
    "key_policy_history",
    metadata,
    Column("seq", SEQUENCE, nullable=False),
    Column("at", Double, nullable=False),
    Column("because", String(64), nullable=False),
    Column("region", REGION, nullable=False),
    Column("key_id", KEY_ID, nullable=False),
    Column("policy", Text),  # NULL: the key was deleted
    Column("policy_ids", JSON, nullable=False),
    PrimaryKeyConstraint("seq", name="pk_key_policy_history"),
    Index("ix_key_policy_history_key", "region", "key_id", "seq"),
    sqlite_autoincrement=True,
)

usage = Table(
    "key_usage",
    metadata,
    Column("key_arn", String(256), nullable=False),
    Column("operation", String(64), nullable=False),
    Column("at", Double, nullable=False),
    Column("event_id", String(36), nullable=False),
    Column("request_id", String(64), nullable=False),
    PrimaryKeyConstraint("key_arn", name="pk_key_usage"),
)
