"""Who used which material of a key. The index of the trail is forgotten, and made again from the logs with it."""

import sqlalchemy as sa
from alembic import op

revision = "0096"
down_revision = "0095"


def upgrade() -> None:
    op.create_table(
        "key_users",
        sa.Column("key_arn", sa.String(2048), nullable=False),
        sa.Column("material_id", sa.String(64), nullable=False),
        sa.Column("operation", sa.String(64), nullable=False),
        sa.Column("principal_id", sa.String(256), nullable=False),
        sa.Column("principal", sa.String(2048)),
        sa.Column("first_at", sa.Double, nullable=False),
        sa.Column("last_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("key_arn", "material_id", "operation", "principal_id", name="pk_key_users"),
    )
    for table in ("trail_resources", "trail_events"):
        op.execute(f"DELETE FROM {table}")  # noqa: S608  # the names above
    op.execute("UPDATE trail_positions SET last = -1")
