"""Events that wait for the recorder come with a proof of who made them. What waits already has none (trail.waiting_before)."""

import sqlalchemy as sa
from alembic import op

revision = "0101"
down_revision = "0100"


def upgrade() -> None:
    op.add_column("trail_outbox", sa.Column("proof", sa.LargeBinary))
    op.add_column("trail_outbox", sa.Column("refused_at", sa.Double))
