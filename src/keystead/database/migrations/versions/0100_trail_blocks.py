"""The index of the trail in blocks of records and postings. What is indexed is forgotten, and made again from the logs."""

import sqlalchemy as sa
from alembic import op

revision = "0100"
down_revision = "0099"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    if on_sqlite:  # events hold no secrets, and there may be gigabytes of them to overwrite
        op.execute("PRAGMA secure_delete = OFF")
    op.drop_table("trail_resources")
    op.drop_table("trail_events")
    if on_sqlite:
        op.execute("PRAGMA secure_delete = ON")
    op.create_table(
        "trail_blocks",
        sa.Column("seq", NUMBER, autoincrement=False, nullable=False),
        sa.Column("newest", sa.BigInteger, nullable=False),
        sa.Column("oldest", sa.BigInteger, nullable=False),
        sa.Column("records", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_trail_blocks"),
    )
    op.create_table(
        "trail_postings",
        sa.Column("term", sa.BigInteger, nullable=False),
        sa.Column("newest", sa.BigInteger, nullable=False),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("span", sa.SmallInteger, nullable=False),
        sa.Column("positions", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("term", "newest", "block", name="pk_trail_postings"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trail_places",
        sa.Column("account", sa.String, nullable=False),
        sa.Column("region", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("account", "region", name="pk_trail_places"),
    )
    op.execute("UPDATE trail_positions SET last = -1")
