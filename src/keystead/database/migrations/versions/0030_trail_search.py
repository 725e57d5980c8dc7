"""The index of the trail says who and which error too. What is indexed is forgotten, and made again from the logs."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0023"

ERRORS = sa.text("error IS NOT NULL")


def upgrade() -> None:
    op.add_column("trail_events", sa.Column("principal", sa.String))
    op.add_column("trail_events", sa.Column("error", sa.String))
    for table in ("trail_resources", "trail_events"):
        op.execute(f"DELETE FROM {table}")  # noqa: S608  # the names above
    op.execute("UPDATE trail_positions SET last = -1")
    op.create_index(
        "ix_trail_events_account_region_principal_at_seq",
        "trail_events",
        ["account", "region", "principal", "at", "seq"],
    )
    op.create_index(
        "ix_trail_events_errors",
        "trail_events",
        ["account", "region", "error", "at", "seq"],
        sqlite_where=ERRORS,
        postgresql_where=ERRORS,
    )
