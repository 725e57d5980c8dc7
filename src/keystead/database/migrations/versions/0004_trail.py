"""The index of the trail: events, their resources, and how far each node's log is indexed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "trail_events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=False, nullable=False),
        sa.Column("node", sa.String, nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("region", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("username", sa.String),
        sa.Column("access_key_id", sa.String),
        sa.Column("read_only", sa.Boolean, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_trail_events"),
    )
    for attribute in ("read_only", "name", "source", "username", "access_key_id"):
        op.create_index(
            f"ix_trail_events_account_region_{attribute}_at_seq",
            "trail_events",
            ["account", "region", attribute, "at", "seq"],
        )
    op.create_index("ix_trail_events_event_id", "trail_events", ["event_id"])
    op.create_table(
        "trail_resources",
        sa.Column("account", sa.String, nullable=False),
        sa.Column("region", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("account", "region", "name", "at", "seq", "type", name="pk_trail_resources"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_trail_resources_account_region_type_at_seq", "trail_resources", ["account", "region", "type", "at", "seq"]
    )
    op.create_table(
        "trail_positions",
        sa.Column("node", sa.String, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("node", name="pk_trail_positions"),
        sa.UniqueConstraint("ordinal", name="uq_trail_positions_ordinal"),
    )
