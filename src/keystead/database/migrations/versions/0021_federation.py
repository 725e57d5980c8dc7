"""OIDC providers, and sessions that came of their tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "oidc_providers",
        sa.Column("id", sa.String(21), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("client_ids", sa.JSON, nullable=False),
        sa.Column("thumbprints", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_oidc_providers_account_accounts"),
        sa.PrimaryKeyConstraint("id", name="pk_oidc_providers"),
        sa.UniqueConstraint("account", "issuer", name="uq_oidc_providers_account_issuer"),
    )
    op.add_column("sessions", sa.Column("provider", sa.String(2048)))
