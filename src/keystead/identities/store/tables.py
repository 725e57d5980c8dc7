"""The tables of identities: users, groups, roles, their policies and credentials, and the history of what was allowed.

    account ─┬─ user ──┬─ access key      entity: a user (AIDA…), a role (AROA…) or a group (AGPA…)
             ├─ role ──┴─ session         entity ─┬─ inline policy
             ├─ group ─── member                  └─ attachment (an ARN, also of policies shipped with Keystead)
             └─ policy ── version
    oidc provider    of an account
    tag              of a user, role, policy or provider
    policy_history   append only: what each policy, attachment, boundary and trust was, from when

Names are kept as given and compared folded. Secrets are wrapped by the keyholder; of session tokens a hash is kept.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from keystead.database.tables import ACCOUNT, ARN, REGION, SEQUENCE, metadata

KIND: Final = "identity"
"""In the change feed. The id is that of the smallest thing that changed and may be cached with a caller: an access key,
a user, role or group, or an account, since its managed policies may concern all who are in it."""

UNIQUE_ID: Final = String(21)
ACCESS_KEY_ID: Final = String(20)
NAME: Final = String(128)
FOLDED_KEY: Final = String(384)
"""Of a tag: one character may fold to three."""
PATH: Final = String(512)

accounts = Table(
    "accounts",
    metadata,
    Column("id", ACCOUNT, primary_key=True),
    Column("created_at", Double, nullable=False),
)

entities = Table(
    "entities",
    metadata,
    Column("id", UNIQUE_ID, primary_key=True),
    Column("account", ACCOUNT, ForeignKey("accounts.id"), nullable=False),
    Column("kind", String(8), nullable=False),  # user, role, group
    Column("name", NAME, nullable=False),
    Column("folded", NAME, nullable=False),
    Column("path", PATH, nullable=False),
    Column("boundary", ARN),
    Column("created_at", Double, nullable=False),
    # roles only
    Column("description", Text),
    Column("trust", Text),
    Column("trust_ids", JSON(none_as_null=True)),  # user and role ARNs of the trust policy to their unique ids
    Column("max_session", Integer),  # seconds
    UniqueConstraint("account", "kind", "folded"),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("id", ACCESS_KEY_ID, primary_key=True),
    Column("user_id", UNIQUE_ID, ForeignKey("entities.id"), nullable=False, index=True),
    Column("secret_token", LargeBinary, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", Double, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("access_key_id", ACCESS_KEY_ID, primary_key=True),
    Column("account", ACCOUNT, ForeignKey("accounts.id"), nullable=False),
    Column("entity_id", UNIQUE_ID, ForeignKey("entities.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(64)),  # of a role session, or of a federated user
    Column("token_hash", LargeBinary, nullable=False),
    Column("secret_token", LargeBinary, nullable=False),
    Column("issued_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("policy", Text),
    Column("policy_arns", JSON, nullable=False),
    Column("tags", JSON, nullable=False),  # {key: value}, inherited ones included
    Column("transitive", JSON, nullable=False),  # [key]
    Column("source_identity", String(64)),
    Column("chained", Boolean, nullable=False),  # the role was assumed by a session of a role
    Column("provider", ARN),  # OIDC provider whose token it came of
)

policies = Table(
    "policies",
    metadata,
    Column("id", UNIQUE_ID, primary_key=True),
    Column("account", ACCOUNT, ForeignKey("accounts.id"), nullable=False),
    Column("name", NAME, nullable=False),
    Column("folded", NAME, nullable=False),
    Column("path", PATH, nullable=False),
    Column("description", Text),
    Column("default_version", Integer, nullable=False),
    Column("next_version", Integer, nullable=False),  # numbers are not used twice
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("account", "folded"),
)

policy_versions = Table(
    "policy_versions",
    metadata,
    Column("policy_id", UNIQUE_ID, ForeignKey("policies.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

inline_policies = Table(
    "inline_policies",
    metadata,
    Column("entity_id", UNIQUE_ID, ForeignKey("entities.id"), primary_key=True),
    Column("folded", NAME, primary_key=True),
    Column("name", NAME, nullable=False),
    Column("text", Text, nullable=False),
)

attachments = Table(
    "attachments",
    metadata,
    Column("entity_id", UNIQUE_ID, ForeignKey("entities.id"), primary_key=True),
    Column("policy_arn", ARN, primary_key=True),
    Index(None, "policy_arn"),
)

group_members = Table(
    "group_members",
    metadata,
    Column("group_id", UNIQUE_ID, ForeignKey("entities.id"), primary_key=True),
    Column("user_id", UNIQUE_ID, ForeignKey("entities.id"), primary_key=True, index=True),
)

oidc_providers = Table(
    "oidc_providers",
    metadata,
    Column("id", UNIQUE_ID, primary_key=True),
    Column("account", ACCOUNT, ForeignKey("accounts.id"), nullable=False),
    Column("issuer", String(255), nullable=False),  # without https://
    Column("client_ids", JSON, nullable=False),  # [text]
    Column("thumbprints", JSON, nullable=False),  # [40 hex]
    Column("created_at", Double, nullable=False),
    UniqueConstraint("account", "issuer"),
)

account_aliases = Table(
    "account_aliases",
    metadata,
    Column("alias", String(63), primary_key=True),
    Column("account", ACCOUNT, ForeignKey("accounts.id"), nullable=False, unique=True),
)

credential_reports = Table(
    "credential_reports",
    metadata,
    Column("account", ACCOUNT, ForeignKey("accounts.id"), primary_key=True),
    Column("made_at", Double, nullable=False),
    Column("content", Text, nullable=False),
)

instance_profiles = Table(
    "instance_profiles",
    metadata,
    Column("id", UNIQUE_ID, primary_key=True),
    Column("account", ACCOUNT, ForeignKey("accounts.id"), nullable=False),
    Column("name", NAME, nullable=False),
    Column("folded", NAME, nullable=False),
    Column("path", PATH, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("role_id", UNIQUE_ID, ForeignKey("entities.id"), index=True),
    UniqueConstraint("account", "folded"),
)

identity_usage = Table(
    "identity_usage",  # of the trail's index: it can be made again from the log
    metadata,
    Column("id", UNIQUE_ID, primary_key=True),  # an access key's, or a role's
    Column("at", Double, nullable=False),
    Column("service", String(64), nullable=False),
    Column("region", REGION, nullable=False),
)

anywhere = Table(
    "anywhere",
    metadata,
    Column("id", UNIQUE_ID, primary_key=True),
    Column("uuid", String(36), nullable=False),
    Column("kind", String(16), nullable=False),  # trust-anchor, profile, crl
    Column("account", ACCOUNT, ForeignKey("accounts.id"), nullable=False),
    Column("region", REGION, nullable=False),
    Column("name", String(255), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("content", JSON, nullable=False),  # by kind: see anywhere.py
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("account", "region", "kind", "uuid"),
)

tags = Table(
    "identity_tags",
    metadata,
    Column(
        "subject", UNIQUE_ID, primary_key=True
    ),  # the user, role, managed policy or provider, which takes them with it
    Column("folded", FOLDED_KEY, primary_key=True),
    Column("key", NAME, nullable=False),
    Column("value", String(256), nullable=False),
)

policy_history = Table(
    "policy_history",
    metadata,
    Column("seq", SEQUENCE, primary_key=True),
    Column("at", Double, nullable=False),
    Column("because", String(64), nullable=False),
    Column("account", ACCOUNT, nullable=False),
    Column("subject", UNIQUE_ID, nullable=False),  # the user, role or managed policy
    Column(
        "kind", String(16), nullable=False
    ),  # entity, inline, attached, boundary, trust, trust-ids, group, version, default
    Column("name", ARN, nullable=False),  # which one of its kind; empty where there is only one
    Column("value", Text),  # a policy's text, an ARN, a version; none: gone from here on
    Index(None, "subject", "seq"),
    sqlite_autoincrement=True,
)
