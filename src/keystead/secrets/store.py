"""Where secrets lie: records, versions, labels, tags, replicas, words to find them by, and policies with their history.

    secret ─┬─ version   a sealed value with its wrapped data key; empty while a rotation is at work
            ├─ label     on at most one version
            ├─ tag
            ├─ word      what filters look for, one row each
            ├─ replica   of a primary: one per Region. The copy itself is a secret of its own, with `primary_id`
            ├─ link      with a secret of another account, one at most: columns of both
            └─ policy history, append only

Nothing here is secret without the keyholder. When a secret goes, its data keys go in the same transaction.
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

KIND: Final = "secret"
"""In the change feed; the id is the row's. Versions, labels, tags and replicas change their secret."""

PRIMARY: Final = "primary"
REPLICA: Final = "replica"

NAME: Final = String(512)
VERSION: Final = String(64)
LABEL: Final = String(256)
KEY: Final = String(2048)
WORD: Final = String(256)


def of_secret() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["secret_id"], ["secrets.id"], ondelete="CASCADE")


secrets = Table(
    "secrets",
    metadata,
    Column("id", SEQUENCE, nullable=False),
    Column("account", ACCOUNT, nullable=False),
    Column("region", REGION, nullable=False),
    Column("name", NAME, nullable=False),
    Column("suffix", String(6), nullable=False),
    Column("description", Text),
    Column("key", KEY),  # as its owner named it; NULL: the default key
    Column("type", String(256)),
    Column("policy", Text),
    Column("policy_ids", JSON, nullable=False),
    Column("tagged", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("accessed_on", Double, nullable=False),  # start of a UTC day; 0: never
    Column("deleted_at", Double),
    Column("deletion_at", Double),
    Column("primary_region", REGION),  # of a replica; of a primary with replicas, its own
    Column("primary_id", BigInteger().with_variant(Integer, "sqlite")),  # of a replica
    Column("rotation_enabled", Boolean),
    Column("rotation_function", KEY),
    Column("rotation_rules", JSON),
    Column("rotated_at", Double),
    Column("rotation_next_at", Double),
    Column("rotation_external", JSON),
    Column("rotation_external_role", KEY),
    Column(
        "linked_as", String(8)
    ),  # what this is to the secret of another account: primary, replica; NULL: there is none
    Column("linked_arn", KEY),  # of that secret
    Column("linked_id", BigInteger().with_variant(Integer, "sqlite")),  # likewise; NULL: not associated
    Column("linked_role", KEY),  # of a primary: who replicates; NULL: whoever writes
    Column("link_status", String(16)),
    Column("link_message", String(2048)),
    PrimaryKeyConstraint("id", name="pk_secrets"),
    UniqueConstraint("account", "region", "name", name="uq_secrets_account_region_name"),
    Index("ix_secrets_created_at", "account", "region", "created_at", "id"),
    Index("ix_secrets_changed_at", "account", "region", "changed_at", "id"),
    Index("ix_secrets_accessed_on", "account", "region", "accessed_on", "id"),
    Index("ix_secrets_deletion_at", "deletion_at"),
    Index("ix_secrets_primary_id", "primary_id"),
    sqlite_autoincrement=True,  # an id is never used twice: caches know secrets by it
)

versions = Table(
    "secret_versions",
    metadata,
    Column("secret_id", SEQUENCE, nullable=False),
    Column("id", VERSION, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("kind", String(8)),  # string, binary; NULL: no value yet
    Column("sealed", LargeBinary),
    Column("data_key", LargeBinary),
    Column("key_arn", KEY),
    Column("default_key", Boolean),
    Column("accessed_on", Double),
    of_secret(),
    PrimaryKeyConstraint("secret_id", "id", name="pk_secret_versions"),
    Index("ix_secret_versions_created_at", "secret_id", "created_at", "id"),
)

labels = Table(
    "secret_labels",
    metadata,
    Column("secret_id", SEQUENCE, nullable=False),
    Column("label", LABEL, nullable=False),
    Column("version_id", VERSION, nullable=False),
    ForeignKeyConstraint(["secret_id", "version_id"], ["secret_versions.secret_id", "secret_versions.id"]),
    of_secret(),
    PrimaryKeyConstraint("secret_id", "label", name="pk_secret_labels"),
)

tags = Table(
    "secret_tags",
    metadata,
    Column("secret_id", SEQUENCE, nullable=False),
    Column("name", String(128), nullable=False),
    Column("value", String(256), nullable=False),
    Column("place", Integer, nullable=False),  # in the order of first putting
    of_secret(),
    PrimaryKeyConstraint("secret_id", "name", name="pk_secret_tags"),
)

words = Table(
    "secret_words",
    metadata,
    Column("account", ACCOUNT, nullable=False),
    Column("region", REGION, nullable=False),
    Column("field", String(16), nullable=False),
    Column("word", WORD, nullable=False),
    Column("secret_id", SEQUENCE, nullable=False),
    of_secret(),
    PrimaryKeyConstraint("account", "region", "field", "word", "secret_id", name="pk_secret_words"),
    Index("ix_secret_words_secret_id", "secret_id"),
)

replicas = Table(
    "secret_replicas",
    metadata,
    Column("secret_id", SEQUENCE, nullable=False),  # of the primary
    Column("region", REGION, nullable=False),
    Column("key", KEY),
    Column("status", String(16), nullable=False),
    Column("message", String(2048)),
    Column("replica_id", BigInteger().with_variant(Integer, "sqlite")),
    of_secret(),
    PrimaryKeyConstraint("secret_id", "region", name="pk_secret_replicas"),
)

policy_history = Table(
    "secret_policy_history",
    metadata,
    Column("seq", SEQUENCE, nullable=False),
    Column("at", Double, nullable=False),
    Column("because", String(64), nullable=False),
    Column("secret_arn", String(1024), nullable=False),
    Column("policy", Text),  # NULL: there is none any more
    Column("policy_ids", JSON, nullable=False),
    PrimaryKeyConstraint("seq", name="pk_secret_policy_history"),
    Index("ix_secret_policy_history_secret", "secret_arn", "seq"),
    sqlite_autoincrement=True,
)
