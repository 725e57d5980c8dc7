"""Secrets with their versions, labels, tags, words, replicas and policy history."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

ACCOUNT = sa.String(12)
REGION = sa.String(32)
VERSION = sa.String(64)
KEY = sa.String(2048)
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def of_secret(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_secret_id_secrets"
    return sa.ForeignKeyConstraint(["secret_id"], ["secrets.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    secrets()
    versions()
    tags()
    replicas()


def secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("account", ACCOUNT, nullable=False),
        sa.Column("region", REGION, nullable=False),
        sa.Column("name", sa.String(512), nullable=False),
        sa.Column("suffix", sa.String(6), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("key", KEY),
        sa.Column("type", sa.String(256)),
        sa.Column("policy", sa.Text),
        sa.Column("policy_ids", sa.JSON, nullable=False),
        sa.Column("tagged", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.Column("accessed_on", sa.Double, nullable=False),
        sa.Column("deleted_at", sa.Double),
        sa.Column("deletion_at", sa.Double),
        sa.Column("primary_region", REGION),
        sa.Column("primary_id", NUMBER),
        sa.Column("rotation_enabled", sa.Boolean),
        sa.Column("rotation_function", KEY),
        sa.Column("rotation_rules", sa.JSON),
        sa.Column("rotated_at", sa.Double),
        sa.Column("rotation_next_at", sa.Double),
        sa.Column("rotation_external", sa.JSON),
        sa.Column("rotation_external_role", KEY),
        sa.PrimaryKeyConstraint("id", name="pk_secrets"),
        sa.UniqueConstraint("account", "region", "name", name="uq_secrets_account_region_name"),
        sqlite_autoincrement=True,
    )
    for column in ("created_at", "changed_at", "accessed_on"):
        op.create_index(f"ix_secrets_{column}", "secrets", ["account", "region", column, "id"])
    op.create_index("ix_secrets_deletion_at", "secrets", ["deletion_at"])
    op.create_index("ix_secrets_primary_id", "secrets", ["primary_id"])
    op.create_table(
        "secret_policy_history",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("because", sa.String(64), nullable=False),
        sa.Column("secret_arn", sa.String(1024), nullable=False),
        sa.Column("policy", sa.Text),
        sa.Column("policy_ids", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_secret_policy_history"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_secret_policy_history_secret", "secret_policy_history", ["secret_arn", "seq"])


def versions() -> None:
    op.create_table(
        "secret_versions",
        sa.Column("secret_id", NUMBER, nullable=False),
        sa.Column("id", VERSION, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("kind", sa.String(8)),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("data_key", sa.LargeBinary),
        sa.Column("key_arn", KEY),
        sa.Column("default_key", sa.Boolean),
        sa.Column("accessed_on", sa.Double),
        of_secret("secret_versions"),
        sa.PrimaryKeyConstraint("secret_id", "id", name="pk_secret_versions"),
    )
    op.create_index("ix_secret_versions_created_at", "secret_versions", ["secret_id", "created_at", "id"])
    op.create_table(
        "secret_labels",
        sa.Column("secret_id", NUMBER, nullable=False),
        sa.Column("label", sa.String(256), nullable=False),
        sa.Column("version_id", VERSION, nullable=False),
        sa.ForeignKeyConstraint(
            ["secret_id", "version_id"],
            ["secret_versions.secret_id", "secret_versions.id"],
            name="fk_secret_labels_secret_id_version_id_secret_versions",
        ),
        of_secret("secret_labels"),
        sa.PrimaryKeyConstraint("secret_id", "label", name="pk_secret_labels"),
    )


def tags() -> None:
    op.create_table(
        "secret_tags",
        sa.Column("secret_id", NUMBER, nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("value", sa.String(256), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        of_secret("secret_tags"),
        sa.PrimaryKeyConstraint("secret_id", "name", name="pk_secret_tags"),
    )
    op.create_table(
        "secret_words",
        sa.Column("account", ACCOUNT, nullable=False),
        sa.Column("region", REGION, nullable=False),
        sa.Column("field", sa.String(16), nullable=False),
        sa.Column("word", sa.String(256), nullable=False),
        sa.Column("secret_id", NUMBER, nullable=False),
        of_secret("secret_words"),
        sa.PrimaryKeyConstraint("account", "region", "field", "word", "secret_id", name="pk_secret_words"),
    )
    op.create_index("ix_secret_words_secret_id", "secret_words", ["secret_id"])


def replicas() -> None:
    op.create_table(
        "secret_replicas",
        sa.Column("secret_id", NUMBER, nullable=False),
        sa.Column("region", REGION, nullable=False),
        sa.Column("key", KEY),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("message", sa.String(2048)),
        sa.Column("replica_id", NUMBER),
        of_secret("secret_replicas"),
        sa.PrimaryKeyConstraint("secret_id", "region", name="pk_secret_replicas"),
    )
