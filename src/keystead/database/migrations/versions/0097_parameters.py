"""Parameters with their versions, labels, tags, policies, settings and the history of resource policies."""

import sqlalchemy as sa
from alembic import op

revision = "0097"
down_revision = "0096"

ACCOUNT = sa.String(12)
REGION = sa.String(32)
NAME = sa.String(1024)
KEY = sa.String(2048)
SHORT = sa.String(32)
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def of_parameter(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_parameter_id_parameters"
    return sa.ForeignKeyConstraint(["parameter_id"], ["parameters.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    parameters()
    versions()
    tags()
    policies()
    settings()


def parameters() -> None:
    op.create_table(
        "parameters",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("account", ACCOUNT, nullable=False),
        sa.Column("region", REGION, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("parent", NAME, nullable=False),
        sa.Column("slashed", sa.Boolean, nullable=False),
        sa.Column("latest", sa.BigInteger, nullable=False),
        sa.Column("tier", SHORT, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("policy", sa.Text),
        sa.Column("policy_id", sa.String(64)),
        sa.Column("policy_ids", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_parameters"),
        sa.UniqueConstraint("account", "region", "name", name="uq_parameters_account_region_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_parameters_parent", "parameters", ["account", "region", "parent", "name"])
    op.create_index("ix_parameters_tier", "parameters", ["account", "region", "tier"])
    op.create_index("ix_parameters_policy_id", "parameters", ["policy_id"])


def versions() -> None:
    op.create_table(
        "parameter_versions",
        sa.Column("parameter_id", NUMBER, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("by", KEY, nullable=False),
        sa.Column("type", SHORT, nullable=False),
        sa.Column("tier", SHORT, nullable=False),
        sa.Column("data_type", sa.String(128), nullable=False),
        sa.Column("encoding", sa.String(8), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("key", KEY),
        sa.Column("key_arn", KEY),
        sa.Column("description", sa.Text),
        sa.Column("pattern", sa.Text),
        sa.Column("policies", sa.JSON, nullable=False),
        of_parameter("parameter_versions"),
        sa.PrimaryKeyConstraint("parameter_id", "number", name="pk_parameter_versions"),
    )
    op.create_table(
        "parameter_labels",
        sa.Column("parameter_id", NUMBER, nullable=False),
        sa.Column("label", sa.String(128), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["parameter_id", "number"],
            ["parameter_versions.parameter_id", "parameter_versions.number"],
            name="fk_parameter_labels_parameter_id_number_parameter_versions",
        ),
        of_parameter("parameter_labels"),
        sa.PrimaryKeyConstraint("parameter_id", "label", name="pk_parameter_labels"),
    )


def tags() -> None:
    op.create_table(
        "parameter_tags",
        sa.Column("parameter_id", NUMBER, nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("value", sa.String(256), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        of_parameter("parameter_tags"),
        sa.PrimaryKeyConstraint("parameter_id", "name", name="pk_parameter_tags"),
    )
    op.create_index("ix_parameter_tags_name", "parameter_tags", ["name", "value", "parameter_id"])


def policies() -> None:
    op.create_table(
        "parameter_policies",
        sa.Column("parameter_id", NUMBER, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("type", SHORT, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("status", SHORT, nullable=False),
        sa.Column("due_at", sa.Double),
        of_parameter("parameter_policies"),
        sa.PrimaryKeyConstraint("parameter_id", "place", name="pk_parameter_policies"),
    )
    op.create_index("ix_parameter_policies_due_at", "parameter_policies", ["due_at"])
    op.create_table(
        "parameter_policy_history",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("because", sa.String(64), nullable=False),
        sa.Column("parameter_arn", NAME, nullable=False),
        sa.Column("policy", sa.Text),
        sa.Column("policy_ids", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_parameter_policy_history"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_parameter_policy_history_parameter", "parameter_policy_history", ["parameter_arn", "seq"])


def settings() -> None:
    op.create_table(
        "parameter_settings",
        sa.Column("account", ACCOUNT, nullable=False),
        sa.Column("region", REGION, nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("value", sa.String(128), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("by", KEY, nullable=False),
        sa.PrimaryKeyConstraint("account", "region", "name", name="pk_parameter_settings"),
    )
