"""Imported material, which can be away, and multi-Region keys."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0031"


def upgrade() -> None:
    with op.batch_alter_table("key_materials") as materials:
        materials.alter_column("token", existing_type=sa.LargeBinary(), nullable=True)
        materials.add_column(sa.Column("pending", sa.Boolean, nullable=False, server_default=sa.false()))
        materials.add_column(sa.Column("expires_at", sa.Double))
        materials.add_column(sa.Column("description", sa.String(256)))
    op.create_index("ix_key_materials_expires_at", "key_materials", ["expires_at"])
    op.add_column("keys", sa.Column("primary_region", sa.String(32)))
    op.add_column("keys", sa.Column("pending_days", sa.Integer))
    op.create_index("ix_keys_id", "keys", ["id"])
