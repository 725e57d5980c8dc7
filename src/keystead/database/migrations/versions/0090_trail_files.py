"""What has been made of the logs: cuts, log files, digests, the keys that sign them, and the bucket they are in."""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0041"


def upgrade() -> None:
    op.create_table(
        "trail_bucket",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_trail_bucket"),
    )
    op.create_table(
        "trail_cuts",
        sa.Column("node", sa.String(32), nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("delivered", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("node", "first", name="pk_trail_cuts"),
    )
    op.create_table(
        "trail_files",
        sa.Column("key", sa.String(1024), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.Column("node", sa.String(32), nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("oldest", sa.BigInteger, nullable=False),
        sa.Column("newest", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("digest", sa.BigInteger),
        sa.PrimaryKeyConstraint("key", name="pk_trail_files"),
    )
    op.create_index("ix_trail_files_account_region_digest", "trail_files", ["account", "region", "digest"])
    op.create_index("ix_trail_files_at", "trail_files", ["at"])
    op.create_table(
        "trail_digests",
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("end", sa.BigInteger, nullable=False),
        sa.Column("bucket", sa.String(63), nullable=False),
        sa.Column("key", sa.String(1024), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("signature", sa.String(2048), nullable=False),
        sa.Column("content", sa.Text),
        sa.Column("delivered_at", sa.Double),
        sa.PrimaryKeyConstraint("account", "region", "number", name="pk_trail_digests"),
    )
    op.create_index("ix_trail_digests_end", "trail_digests", ["end"])
    op.create_table(
        "trail_digest_keys",
        sa.Column("version", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("public", sa.LargeBinary, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_trail_digest_keys"),
    )
    op.create_table(
        "trail_attempts",
        sa.Column("node", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("error", sa.String(256)),
        sa.PrimaryKeyConstraint("node", "kind", name="pk_trail_attempts"),
    )
