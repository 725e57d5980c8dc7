"""Custom key stores, and the keys in them."""

import sqlalchemy as sa
from alembic import op

revision = "0095"
down_revision = "0091"


def upgrade() -> None:
    op.create_table(
        "key_stores",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("error", sa.String(64)),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("secret_token", sa.LargeBinary, nullable=False),
        sa.Column("cluster", sa.String(64)),
        sa.Column("anchor", sa.Text),
        sa.Column("proxy_endpoint", sa.String(128)),
        sa.Column("proxy_path", sa.String(128)),
        sa.Column("proxy_access_key_id", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_key_stores"),
        sa.UniqueConstraint("account", "region", "name", name="uq_key_stores_name"),
        sa.UniqueConstraint("account", "region", "proxy_endpoint", "proxy_path", name="uq_key_stores_proxy"),
    )
    op.create_index("ix_key_stores_state", "key_stores", ["state"])
    op.add_column("keys", sa.Column("store_id", sa.String(64)))
    op.add_column("keys", sa.Column("external_key_id", sa.String(128)))
    op.create_index("ix_keys_store", "keys", ["store_id", "external_key_id"])
