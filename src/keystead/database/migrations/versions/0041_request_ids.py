"""The index of the trail is searched by request id too. What is indexed is forgotten, and made again from the logs."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.add_column("trail_events", sa.Column("request_id", sa.String))
    for table in ("trail_resources", "trail_events"):
        op.execute(f"DELETE FROM {table}")  # noqa: S608  # the names above
    op.execute("UPDATE trail_positions SET last = -1")
    op.create_index("ix_trail_events_request_id", "trail_events", ["request_id"])
