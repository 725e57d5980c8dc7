"""Where rotations lie: when each secret is due, the runs, their overlaps, who read what, and registered functions.

schedule   one row per secret with rules
run        one row per rotation; at most one per secret that has not ended. No secret material, ever
overlap    one row per credential that outlives its rotation
read       the ledger: one row per reader and version, folded in from the trail
function   what a Lambda ARN stands for, besides Keystead's own
glance     who is connected with the current credential, since somebody asked
notice     events on their way to a webhook
"""

from typing import Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from keystead.database.tables import ACCOUNT, ARN, SEQUENCE, metadata

FUNCTION_KIND: Final = "function"
"""In the change feed; the id is ACCOUNT/NAME."""

VERSION: Final = String(64)
LIVE: Final = "ended_at IS NULL"

schedules = Table(
    "rotation_schedules",
    metadata,
    Column("secret_id", SEQUENCE, nullable=False),
    Column("since", Double, nullable=False),  # when the rules were set
    Column("due_at", Double, nullable=False),
    Column("closes_at", Double, nullable=False),
    ForeignKeyConstraint(["secret_id"], ["secrets.id"], ondelete="CASCADE"),
    PrimaryKeyConstraint("secret_id", name="pk_rotation_schedules"),
    Index("ix_rotation_schedules_due_at", "due_at"),
)

runs = Table(
    "rotation_runs",
    metadata,
    Column("id", String(36), nullable=False),
    Column("secret_id", SEQUENCE, nullable=False),
    Column("secret_arn", ARN, nullable=False),
    Column("token", VERSION, nullable=False),  # the new version's id
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", String(16)),
    Column("function", ARN, nullable=False),
    Column("attempt", Integer, nullable=False),  # of this window
    Column("window", Integer, nullable=False),  # 0, 1, …
    Column("window_closes_at", Double, nullable=False),
    Column("next_at", Double),  # NULL: there is nothing to do about it
    Column("session", String(128)),  # access key id of the session that works on the step
    Column("error", String(128)),  # a kind, never a text
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    PrimaryKeyConstraint("id", name="pk_rotation_runs"),
    Index("ix_rotation_runs_next_at", "next_at"),
    Index("ix_rotation_runs_secret_id", "secret_id", "started_at"),
)

overlaps = Table(
    "rotation_overlaps",
    metadata,
    Column("run_id", String(36), nullable=False),
    Column("secret_id", SEQUENCE, nullable=False),
    Column("secret_arn", ARN, nullable=False),
    Column("function", ARN, nullable=False),
    Column("old_version", VERSION, nullable=False),
    Column("new_version", VERSION, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("deadline", Double, nullable=False),
    Column("policy", String(16), nullable=False),
    Column("terminate", Boolean, nullable=False),  # at once, whoever holds it
    Column("limited", Boolean, nullable=False),  # the server knows the deadline
    Column("mark", SEQUENCE),  # engines.promise.mark
    Column("next_at", Double),
    Column("attempt", Integer, nullable=False),
    Column("blocked_by", JSON),  # what was found when it was last looked at
    Column("looked_at", Double),
    Column("ended_at", Double),
    Column("outcome", String(32)),
    PrimaryKeyConstraint("run_id", name="pk_rotation_overlaps"),
    Index("ix_rotation_overlaps_next_at", "next_at"),
    Index("ix_rotation_overlaps_secret_id", "secret_id", "began_at"),
)

reads = Table(
    "rotation_reads",
    metadata,
    Column("id", LargeBinary(32), nullable=False),  # SHA-256 of the five that follow: some are too long for an index
    Column("secret_arn", ARN, nullable=False),
    Column("version", VERSION, nullable=False),
    Column("arn", ARN, nullable=False),
    Column("address", String(256), nullable=False),
    Column("agent", String(1024), nullable=False),
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("value_at", Double),  # GetSecretValue, the last time
    Column("described_at", Double),  # DescribeSecret, likewise
    PrimaryKeyConstraint("id", name="pk_rotation_reads"),
    Index("ix_rotation_reads_secret_arn", "secret_arn", "version"),
    Index("ix_rotation_reads_last_at", "last_at"),
)

folded = Table(
    "rotation_folded",
    metadata,
    Column("node", String(16), nullable=False),
    Column("until", Double, nullable=False),  # every read that this node had answered by then is in the ledger
    PrimaryKeyConstraint("node", name="pk_rotation_folded"),
)

functions = Table(
    "rotation_functions",
    metadata,
    Column("account", ACCOUNT, nullable=False),
    Column("name", String(64), nullable=False),
    Column("directory", Text),
    Column("handler", String(256)),
    Column("url", Text),
    Column("signing_secret", ARN),  # where the key lies that its URL's requests are signed with
    Column("role", ARN),
    Column("variables", JSON, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("memory", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    PrimaryKeyConstraint("account", "name", name="pk_rotation_functions"),
)

glances = Table(
    "rotation_glances",
    metadata,
    Column("secret_id", SEQUENCE, nullable=False),
    Column("wanted_at", Double),  # NULL: nobody waits
    Column("version", VERSION),
    Column("looked_at", Double),
    Column("sessions", JSON),
    Column("error", String(128)),  # a kind, never a text
    ForeignKeyConstraint(["secret_id"], ["secrets.id"], ondelete="CASCADE"),
    PrimaryKeyConstraint("secret_id", name="pk_rotation_glances"),
    Index("ix_rotation_glances_wanted_at", "wanted_at"),
)

notices = Table(
    "rotation_notices",
    metadata,
    Column("seq", SEQUENCE, nullable=False),
    Column("event", LargeBinary, nullable=False),
    Column("made_at", Double, nullable=False),
    PrimaryKeyConstraint("seq", name="pk_rotation_notices"),
    sqlite_autoincrement=True,
)
