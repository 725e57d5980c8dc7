"""The index of the trail says who and which error too. What is indexed is forgotten, and made again from the logs."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("trail_events", sa.Column("principal", sa.String))
    op.add_column("trail_events", sa.Column("error", sa.String))
    for table in ("trail_resources", "trail_events"):
        op.execute(f"DELETE FROM {table}")  # noqa: S608  # the names above
    op.execute("UPDATE trail_positions SET last = -1")
    for name in ("principal", "error"):
        there = sa.text(f"{name} IS NOT NULL")
        columns = ["account", "region", name, "at", "seq"]
        op.create_index(f"ix_trail_events_{name}", "trail_events", columns, sqlite_where=there, postgresql_where=there)
