"""What an account says of itself: aliases, reports, instance profiles, and when keys and roles were last used."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "account_aliases",
        sa.Column("alias", sa.String(63), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_account_aliases_account_accounts"),
        sa.PrimaryKeyConstraint("alias", name="pk_account_aliases"),
        sa.UniqueConstraint("account", name="uq_account_aliases_account"),
    )
    op.create_table(
        "credential_reports",
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_credential_reports_account_accounts"),
        sa.PrimaryKeyConstraint("account", name="pk_credential_reports"),
    )
    op.create_table(
        "instance_profiles",
        sa.Column("id", sa.String(21), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("folded", sa.String(128), nullable=False),
        sa.Column("path", sa.String(512), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("role_id", sa.String(21)),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_instance_profiles_account_accounts"),
        sa.ForeignKeyConstraint(["role_id"], ["entities.id"], name="fk_instance_profiles_role_id_entities"),
        sa.PrimaryKeyConstraint("id", name="pk_instance_profiles"),
        sa.UniqueConstraint("account", "folded", name="uq_instance_profiles_account_folded"),
    )
    op.create_index("ix_instance_profiles_role_id", "instance_profiles", ["role_id"])
    op.create_table(
        "identity_usage",
        sa.Column("id", sa.String(21), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity_usage"),
    )
