"""Trust anchors, profiles and revocation lists of IAM Roles Anywhere."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "anywhere",
        sa.Column("id", sa.String(21), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_anywhere_account_accounts"),
        sa.PrimaryKeyConstraint("id", name="pk_anywhere"),
        sa.UniqueConstraint("account", "region", "kind", "uuid", name="uq_anywhere_account_region_kind_uuid"),
    )
