"""Who used which material of a key for what: folded in from the trail, and made again with its index.

One row for each key, material, operation and principal, with the first and the last time. It reaches as far back as the log does,
where the index of events reaches 90 days.
"""

from sqlalchemy import Column, Double, PrimaryKeyConstraint, String, Table

from keystead.database.tables import ARN, metadata

key_users = Table(
    "key_users",
    metadata,
    Column("key_arn", ARN, nullable=False),
    Column("material_id", String(64), nullable=False),  # empty where the record does not say it
    Column("operation", String(64), nullable=False),
    Column("principal_id", String(256), nullable=False),  # unique id of the user or role
    Column("principal", ARN),  # its ARN then; none for a caller of another account
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    PrimaryKeyConstraint("key_arn", "material_id", "operation", "principal_id", name="pk_key_users"),
)
