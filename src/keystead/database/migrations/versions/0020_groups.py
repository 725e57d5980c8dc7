"""Groups of users."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.String(21), nullable=False),
        sa.Column("user_id", sa.String(21), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["entities.id"], name="fk_group_members_group_id_entities"),
        sa.ForeignKeyConstraint(["user_id"], ["entities.id"], name="fk_group_members_user_id_entities"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name="pk_group_members"),
    )
    op.create_index("ix_group_members_user_id", "group_members", ["user_id"])
