"""Who is connected with a secret's current credential, as somebody has asked to know."""

import sqlalchemy as sa
from alembic import op

revision = "0098"
down_revision = "0097"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "rotation_glances",
        sa.Column("secret_id", NUMBER, nullable=False),
        sa.Column("wanted_at", sa.Double),
        sa.Column("version", sa.String(64)),
        sa.Column("looked_at", sa.Double),
        sa.Column("sessions", sa.JSON),
        sa.Column("error", sa.String(128)),
        sa.ForeignKeyConstraint(
            ["secret_id"], ["secrets.id"], name="fk_rotation_glances_secret_id_secrets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("secret_id", name="pk_rotation_glances"),
    )
    op.create_index("ix_rotation_glances_wanted_at", "rotation_glances", ["wanted_at"])
