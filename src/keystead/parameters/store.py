"""Where parameters lie: records, versions, labels, tags, policies that fall due, settings, and resource policies with their history.

    parameter ─┬─ version          100 of them at most, each with its value: plain, or sealed under a key of KMS
               ├─ label            on one version
               ├─ tag
               └─ enforced policy  with the moment it acts next
    setting                        of an account in a Region
    resource policy history        append only

A value of type String or StringList lies here as it is, as its reader would see it: what is secret is a SecureString, and
nothing without the keyholder.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
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
    UniqueConstraint,
)

from keystead.database.tables import ACCOUNT, REGION, SEQUENCE, metadata

KIND: Final = "parameter"
"""In the change feed; the id is the row's. Versions, labels, tags and policies change their parameter."""
SETTING: Final = "parameter_setting"
"""Likewise; the id is ACCOUNT:REGION."""

NAME: Final = String(1024)
KEY: Final = String(2048)
SHORT: Final = String(32)


def of_parameter() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["parameter_id"], ["parameters.id"], ondelete="CASCADE")


parameters = Table(
    "parameters",
    metadata,
    Column("id", SEQUENCE, nullable=False),
    Column("account", ACCOUNT, nullable=False),
    Column("region", REGION, nullable=False),
    Column("name", NAME, nullable=False),  # a path
    Column("parent", NAME, nullable=False),  # the path that it lies in; empty: the root
    Column("slashed", Boolean, nullable=False),  # created with the slash
    Column("latest", BigInteger, nullable=False),  # number of the newest version
    Column("tier", SHORT, nullable=False),  # of the newest version
    Column("created_at", Double, nullable=False),
    Column("policy", Text),
    Column("policy_id", String(64)),
    Column("policy_ids", JSON, nullable=False),
    PrimaryKeyConstraint("id", name="pk_parameters"),
    UniqueConstraint("account", "region", "name", name="uq_parameters_account_region_name"),
    Index("ix_parameters_parent", "account", "region", "parent", "name"),
    Index("ix_parameters_tier", "account", "region", "tier"),
    Index("ix_parameters_policy_id", "policy_id"),
    sqlite_autoincrement=True,  # an id is never used twice: caches know parameters by it
)

versions = Table(
    "parameter_versions",
    metadata,
    Column("parameter_id", SEQUENCE, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("by", KEY, nullable=False),
    Column("type", SHORT, nullable=False),
    Column("tier", SHORT, nullable=False),
    Column("data_type", String(128), nullable=False),
    Column("encoding", String(8), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("key", KEY),  # as the caller named it
    Column("key_arn", KEY),
    Column("description", Text),
    Column("pattern", Text),
    Column("policies", JSON, nullable=False),
    of_parameter(),
    PrimaryKeyConstraint("parameter_id", "number", name="pk_parameter_versions"),
)

labels = Table(
    "parameter_labels",
    metadata,
    Column("parameter_id", SEQUENCE, nullable=False),
    Column("label", String(128), nullable=False),
    Column("number", BigInteger, nullable=False),
    ForeignKeyConstraint(["parameter_id", "number"], ["parameter_versions.parameter_id", "parameter_versions.number"]),
    of_parameter(),
    PrimaryKeyConstraint("parameter_id", "label", name="pk_parameter_labels"),
)

tags = Table(
    "parameter_tags",
    metadata,
    Column("parameter_id", SEQUENCE, nullable=False),
    Column("name", String(128), nullable=False),
    Column("value", String(256), nullable=False),
    Column("place", Integer, nullable=False),  # in the order of first putting
    of_parameter(),
    PrimaryKeyConstraint("parameter_id", "name", name="pk_parameter_tags"),
    Index("ix_parameter_tags_name", "name", "value", "parameter_id"),
)

enforced = Table(
    "parameter_policies",
    metadata,
    Column("parameter_id", SEQUENCE, nullable=False),
    Column("place", Integer, nullable=False),
    Column("type", SHORT, nullable=False),
    Column("text", Text, nullable=False),
    Column("status", SHORT, nullable=False),
    Column("due_at", Double),  # NULL: never again
    of_parameter(),
    PrimaryKeyConstraint("parameter_id", "place", name="pk_parameter_policies"),
    Index("ix_parameter_policies_due_at", "due_at"),
)

settings = Table(
    "parameter_settings",
    metadata,
    Column("account", ACCOUNT, nullable=False),
    Column("region", REGION, nullable=False),
    Column("name", String(128), nullable=False),
    Column("value", String(128), nullable=False),
    Column("at", Double, nullable=False),
    Column("by", KEY, nullable=False),
    PrimaryKeyConstraint("account", "region", "name", name="pk_parameter_settings"),
)

policy_history = Table(
    "parameter_policy_history",
    metadata,
    Column("seq", SEQUENCE, nullable=False),
    Column("at", Double, nullable=False),
    Column("because", String(64), nullable=False),
    Column("parameter_arn", NAME, nullable=False),
    Column("policy", Text),  # NULL: there is none any more
    Column("policy_ids", JSON, nullable=False),
    PrimaryKeyConstraint("seq", name="pk_parameter_policy_history"),
    Index("ix_parameter_policy_history_parameter", "parameter_arn", "seq"),
    sqlite_autoincrement=True,
)
