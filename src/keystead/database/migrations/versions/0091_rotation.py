"""Rotation: schedules, runs, overlaps, the read ledger, functions, notices."""

import sqlalchemy as sa
from alembic import op

revision = "0091"
down_revision = "0090"

ARN = sa.String(2048)
VERSION = sa.String(64)
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    schedules()
    runs()
    overlaps()
    reads()
    functions()


def schedules() -> None:
    op.create_table(
        "rotation_schedules",
        sa.Column("secret_id", NUMBER, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("closes_at", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(
            ["secret_id"], ["secrets.id"], name="fk_rotation_schedules_secret_id_secrets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("secret_id", name="pk_rotation_schedules"),
    )
    op.create_index("ix_rotation_schedules_due_at", "rotation_schedules", ["due_at"])


def runs() -> None:
    op.create_table(
        "rotation_runs",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("secret_id", NUMBER, nullable=False),
        sa.Column("secret_arn", ARN, nullable=False),
        sa.Column("token", VERSION, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("step", sa.String(16)),
        sa.Column("function", ARN, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("window", sa.Integer, nullable=False),
        sa.Column("window_closes_at", sa.Double, nullable=False),
        sa.Column("next_at", sa.Double),
        sa.Column("session", sa.String(128)),
        sa.Column("error", sa.String(128)),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_rotation_runs"),
    )
    op.create_index("ix_rotation_runs_next_at", "rotation_runs", ["next_at"])
    op.create_index("ix_rotation_runs_secret_id", "rotation_runs", ["secret_id", "started_at"])


def overlaps() -> None:
    op.create_table(
        "rotation_overlaps",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("secret_id", NUMBER, nullable=False),
        sa.Column("secret_arn", ARN, nullable=False),
        sa.Column("function", ARN, nullable=False),
        sa.Column("old_version", VERSION, nullable=False),
        sa.Column("new_version", VERSION, nullable=False),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("deadline", sa.Double, nullable=False),
        sa.Column("policy", sa.String(16), nullable=False),
        sa.Column("terminate", sa.Boolean, nullable=False),
        sa.Column("limited", sa.Boolean, nullable=False),
        sa.Column("mark", NUMBER),
        sa.Column("next_at", sa.Double),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("blocked_by", sa.JSON),
        sa.Column("looked_at", sa.Double),
        sa.Column("ended_at", sa.Double),
        sa.Column("outcome", sa.String(32)),
        sa.PrimaryKeyConstraint("run_id", name="pk_rotation_overlaps"),
    )
    op.create_index("ix_rotation_overlaps_next_at", "rotation_overlaps", ["next_at"])
    op.create_index("ix_rotation_overlaps_secret_id", "rotation_overlaps", ["secret_id", "began_at"])


def reads() -> None:
    op.create_table(
        "rotation_reads",
        sa.Column("id", sa.LargeBinary(32), nullable=False),
        sa.Column("secret_arn", ARN, nullable=False),
        sa.Column("version", VERSION, nullable=False),
        sa.Column("arn", ARN, nullable=False),
        sa.Column("address", sa.String(256), nullable=False),
        sa.Column("agent", sa.String(1024), nullable=False),
        sa.Column("first_at", sa.Double, nullable=False),
        sa.Column("last_at", sa.Double, nullable=False),
        sa.Column("value_at", sa.Double),
        sa.Column("described_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_rotation_reads"),
    )
    op.create_index("ix_rotation_reads_secret_arn", "rotation_reads", ["secret_arn", "version"])
    op.create_index("ix_rotation_reads_last_at", "rotation_reads", ["last_at"])
    op.create_table(
        "rotation_folded",
        sa.Column("node", sa.String(16), nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("node", name="pk_rotation_folded"),
    )


def functions() -> None:
    op.create_table(
        "rotation_functions",
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("directory", sa.Text),
        sa.Column("handler", sa.String(256)),
        sa.Column("url", sa.Text),
        sa.Column("signing_secret", ARN),
        sa.Column("role", ARN),
        sa.Column("variables", sa.JSON, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("memory", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("account", "name", name="pk_rotation_functions"),
    )
    op.create_table(
        "rotation_notices",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("event", sa.LargeBinary, nullable=False),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_rotation_notices"),
        sqlite_autoincrement=True,
    )
