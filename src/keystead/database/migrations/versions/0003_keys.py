"""Keys with their material, aliases, tags, grants, policy history and last usage."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ACCOUNT = sa.String(12)
REGION = sa.String(32)
KEY_ID = sa.String(64)
ARN = sa.String(2048)


def of_key(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["region", "key_id"], ["keys.region", "keys.id"], name=f"fk_{table}_region_keys", ondelete="CASCADE"
    )


def upgrade() -> None:
    keys()
    parts()
    grants()
    histories()


def keys() -> None:
    op.create_table(
        "keys",
        sa.Column("region", REGION, nullable=False),
        sa.Column("id", KEY_ID, nullable=False),
        sa.Column("account", ACCOUNT, nullable=False),
        sa.Column("spec", sa.String(32), nullable=False),
        sa.Column("usage", sa.String(32), nullable=False),
        sa.Column("origin", sa.String(32), nullable=False),
        sa.Column("manager", sa.String(16), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("deletion_at", sa.Double),
        sa.Column("rotation_period", sa.Integer),
        sa.Column("rotation_next_at", sa.Double),
        sa.Column("on_demand_rotations", sa.Integer, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("policy_ids", sa.JSON, nullable=False),
        sa.Column("multi_region", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("region", "id", name="pk_keys"),
    )
    op.create_index("ix_keys_account_region", "keys", ["account", "region", "id"])
    op.create_index("ix_keys_deletion_at", "keys", ["deletion_at"])
    op.create_index("ix_keys_rotation_next_at", "keys", ["rotation_next_at"])


def parts() -> None:
    op.create_table(
        "key_materials",
        sa.Column("region", REGION, nullable=False),
        sa.Column("key_id", KEY_ID, nullable=False),
        sa.Column("version", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("material_id", sa.String(64), nullable=False),
        sa.Column("token", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.Column("rotation_type", sa.String(16)),
        of_key("key_materials"),
        sa.PrimaryKeyConstraint("region", "key_id", "version", name="pk_key_materials"),
    )
    op.create_index("ix_key_materials_material_id", "key_materials", ["material_id"])
    op.create_table(
        "key_aliases",
        sa.Column("account", ACCOUNT, nullable=False),
        sa.Column("region", REGION, nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("key_id", KEY_ID, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        of_key("key_aliases"),
        sa.PrimaryKeyConstraint("account", "region", "name", name="pk_key_aliases"),
    )
    op.create_index("ix_key_aliases_region_key_id", "key_aliases", ["region", "key_id"])
    op.create_table(
        "key_tags",
        sa.Column("region", REGION, nullable=False),
        sa.Column("key_id", KEY_ID, nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("value", sa.String(256), nullable=False),
        of_key("key_tags"),
        sa.PrimaryKeyConstraint("region", "key_id", "name", name="pk_key_tags"),
    )


def grants() -> None:
    op.create_table(
        "key_grants",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("region", REGION, nullable=False),
        sa.Column("key_id", KEY_ID, nullable=False),
        sa.Column("key_account", ACCOUNT, nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("grantee", ARN, nullable=False),
        sa.Column("grantee_id", sa.String(21), nullable=False),
        sa.Column("retiring", ARN),
        sa.Column("retiring_id", sa.String(21)),
        sa.Column("operations", sa.JSON, nullable=False),
        sa.Column("constraints", sa.JSON, nullable=False),
        sa.Column("source_arn", sa.String(512)),
        sa.Column("issuing_account", ACCOUNT, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("ended_by", sa.String(16)),
        sa.PrimaryKeyConstraint("id", name="pk_key_grants"),
    )
    op.create_index("ix_key_grants_key", "key_grants", ["region", "key_id", "ended_at", "created_at"])
    op.create_index("ix_key_grants_grantee", "key_grants", ["region", "key_id", "grantee_id", "ended_at"])
    op.create_index("ix_key_grants_retiring", "key_grants", ["retiring", "ended_at"])
    op.create_table(
        "key_grant_tokens",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("grant_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_key_grant_tokens"),
    )
    op.create_index("ix_key_grant_tokens_grant_id", "key_grant_tokens", ["grant_id"])


def histories() -> None:
    op.create_table(
        "key_policy_history",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("because", sa.String(64), nullable=False),
        sa.Column("region", REGION, nullable=False),
        sa.Column("key_id", KEY_ID, nullable=False),
        sa.Column("policy", sa.Text),
        sa.Column("policy_ids", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_key_policy_history"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_key_policy_history_key", "key_policy_history", ["region", "key_id", "seq"])
    op.create_table(
        "key_usage",
        sa.Column("key_arn", sa.String(256), nullable=False),
        sa.Column("operation", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("event_id", sa.String(36), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("key_arn", name="pk_key_usage"),
    )
