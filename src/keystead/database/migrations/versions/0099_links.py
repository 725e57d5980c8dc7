"""Secrets that are linked with one of another account."""

import sqlalchemy as sa
from alembic import op

revision = "0099"
down_revision = "0098"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("secrets", sa.Column("linked_as", sa.String(8)))
    op.add_column("secrets", sa.Column("linked_arn", sa.String(2048)))
    op.add_column("secrets", sa.Column("linked_id", NUMBER))
    op.add_column("secrets", sa.Column("linked_role", sa.String(2048)))
    op.add_column("secrets", sa.Column("link_status", sa.String(16)))
    op.add_column("secrets", sa.Column("link_message", sa.String(2048)))
