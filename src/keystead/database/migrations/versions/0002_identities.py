"""Accounts, users, roles, their policies and credentials, and the history of policies."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(12), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )
    op.create_table(
        "policy_history",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("because", sa.String(64), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("subject", sa.String(21), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(2048), nullable=False),
        sa.Column("value", sa.Text),
        sa.PrimaryKeyConstraint("seq", name="pk_policy_history"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_policy_history_subject_seq", "policy_history", ["subject", "seq"])
    op.create_table(
        "entities",
        sa.Column("id", sa.String(21), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("folded", sa.String(128), nullable=False),
        sa.Column("path", sa.String(512), nullable=False),
        sa.Column("boundary", sa.String(2048)),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("trust", sa.Text),
        sa.Column("trust_ids", sa.JSON),
        sa.Column("max_session", sa.Integer),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_entities_account_accounts"),
        sa.PrimaryKeyConstraint("id", name="pk_entities"),
        sa.UniqueConstraint("account", "kind", "folded", name="uq_entities_account_kind_folded"),
    )
    op.create_table(
        "policies",
        sa.Column("id", sa.String(21), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("folded", sa.String(128), nullable=False),
        sa.Column("path", sa.String(512), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("default_version", sa.Integer, nullable=False),
        sa.Column("next_version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_policies_account_accounts"),
        sa.PrimaryKeyConstraint("id", name="pk_policies"),
        sa.UniqueConstraint("account", "folded", name="uq_policies_account_folded"),
    )
    op.create_table(
        "access_keys",
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("user_id", sa.String(21), nullable=False),
        sa.Column("secret_token", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["entities.id"], name="fk_access_keys_user_id_entities"),
        sa.PrimaryKeyConstraint("id", name="pk_access_keys"),
    )
    op.create_index("ix_access_keys_user_id", "access_keys", ["user_id"])
    op.create_table(
        "attachments",
        sa.Column("entity_id", sa.String(21), nullable=False),
        sa.Column("policy_arn", sa.String(2048), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name="fk_attachments_entity_id_entities"),
        sa.PrimaryKeyConstraint("entity_id", "policy_arn", name="pk_attachments"),
    )
    op.create_index("ix_attachments_policy_arn", "attachments", ["policy_arn"])
    op.create_table(
        "identity_tags",
        sa.Column("subject", sa.String(21), nullable=False),
        sa.Column("folded", sa.String(384), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("value", sa.String(256), nullable=False),
        sa.PrimaryKeyConstraint("subject", "folded", name="pk_identity_tags"),
    )
    op.create_table(
        "inline_policies",
        sa.Column("entity_id", sa.String(21), nullable=False),
        sa.Column("folded", sa.String(128), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], name="fk_inline_policies_entity_id_entities"),
        sa.PrimaryKeyConstraint("entity_id", "folded", name="pk_inline_policies"),
    )
    op.create_table(
        "policy_versions",
        sa.Column("policy_id", sa.String(21), nullable=False),
        sa.Column("version", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policies.id"], name="fk_policy_versions_policy_id_policies", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("policy_id", "version", name="pk_policy_versions"),
    )
    op.create_table(
        "sessions",
        sa.Column("access_key_id", sa.String(20), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("entity_id", sa.String(21), nullable=False),
        sa.Column("name", sa.String(64)),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("secret_token", sa.LargeBinary, nullable=False),
        sa.Column("issued_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("policy", sa.Text),
        sa.Column("policy_arns", sa.JSON, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("transitive", sa.JSON, nullable=False),
        sa.Column("source_identity", sa.String(64)),
        sa.Column("chained", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_sessions_account_accounts"),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name="fk_sessions_entity_id_entities", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("access_key_id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_entity_id", "sessions", ["entity_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
