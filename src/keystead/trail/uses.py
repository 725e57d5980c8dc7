"""What a record tells of the use of keys, secrets and identities; the index adds it up and hands it to whoever keeps it."""

from typing import Final, NamedTuple

from keystead.trail.attributes import Attributes

USES: Final = frozenset(
    {
        "Decrypt", "DeriveSharedSecret", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "ReEncrypt", "Sign",
        "Verify", "VerifyMac", "Encapsulate", "Decapsulate",
    }
)  # fmt: skip  # a list of names
"""Operations that count as use of a key (KMS model, KeyLastUsageData)."""
KMS: Final = "kms.amazonaws.com"
DESCRIBED: Final = "DescribeSecret"
"""Tells its caller which version is current, and no value."""
READS: Final = frozenset({"GetSecretValue", "BatchGetSecretValue", DESCRIBED})
KEY: Final = "AWS::KMS::Key"


class Used(NamedTuple):
    """A successful use of a key. `at` in seconds since the epoch."""

    key_arn: str
    operation: str
    at: float
    event_id: str
    request_id: str


class Acted(NamedTuple):
    """A call, successful or not, of a long-term access key or a role.

    id       the access key's, or the role's unique id
    service  as its DNS name begins: kms
    """

    id: str
    at: float
    service: str
    region: str


class Read(NamedTuple):
    """A successful read of a secret's value, or of which version is current. `at` in seconds since the epoch.

    principal  ARN of the user, or of the role or user behind a session; None for a caller of another account
    username   of a user its name, of a session the session's
    operation  GetSecretValue, BatchGetSecretValue, DescribeSecret
    arn        the caller's own: of a session, with its name; None where `principal` is
    """

    secret_arn: str
    version_id: str
    principal: str | None
    username: str | None
    at: float
    event_id: str
    operation: str
    arn: str | None
    address: str
    agent: str

    @property
    def reader(self) -> tuple[str | None, ...]:
        """What a later read of the same takes the place of."""
        return self.secret_arn, self.version_id, self.username, self.operation, self.arn, self.address, self.agent

    @property
    def instant(self) -> float:
        """`at` to the millisecond, as the event's id has it (trail.event.id_at)."""
        return int(self.event_id[:8] + self.event_id[9:13], 16) / 1000


class Touched(NamedTuple):
    """What a principal did with one material of a key: successful uses, from the first to the last of a batch.

    material_id   "" where the record does not say it
    principal_id  unique id of the user or role; of others what the record has
    principal     its ARN; None for a caller of another account
    """

    key_arn: str
    material_id: str
    operation: str
    principal_id: str
    principal: str | None
    first_at: float
    last_at: float


def note_use(used: dict[str, Used], seen: Attributes) -> None:
    """A call that reached another account's key is recorded in both; the use counts in the log of the key's owner."""
    for resource in seen.resources:
        if resource.type != KEY or resource.accountId != seen.recipient_account_id:
            continue
        known = used.get(resource.ARN)
        if known is None or known.at <= seen.at:
            used[resource.ARN] = Used(resource.ARN, seen.event_name, float(seen.at), seen.event_id, seen.request_id)


def note_touch(touched: dict[tuple[str, ...], Touched], seen: Attributes) -> None:
    """By the log of the key's owner. Of two keys the record has the first one's material (services.kms, ReEncrypt)."""
    who = seen.user_identity
    for number, resource in enumerate(seen.resources):
        if resource.type != KEY or resource.accountId != seen.recipient_account_id or who.unique_id is None:
            continue
        material = seen.material_id if number == 0 else ""
        found = (resource.ARN, material, seen.event_name, who.unique_id)
        at = float(seen.at)
        known = touched.get(found)
        if known is not None and known.first_at <= at <= known.last_at:
            continue
        first, last = (min(known.first_at, at), max(known.last_at, at)) if known is not None else (at, at)
        touched[found] = Touched(*found, who.principal, first, last)


def note_read(reads: dict[tuple[str | None, ...], Read], seen: Attributes) -> None:
    """A read from another account is recorded in both; only the copy of the reader's names the reader, so both are told."""
    secret, who = seen.secret, seen.user_identity
    if secret is None or secret.SecretId is None or secret.SecretVersionId is None:
        return
    read = Read(
        secret.SecretId,
        secret.SecretVersionId,
        who.principal,
        who.username,
        float(seen.at),
        seen.event_id,
        seen.event_name,
        who.arn,
        seen.source_ip_address,
        seen.user_agent,
    )
    known = reads.get(read.reader)
    if known is None or known.at <= read.at:
        reads[read.reader] = read


def note_actor(acted: dict[str, Acted], seen: Attributes) -> None:
    """The copy that another account gets names neither access key nor role, and is not counted twice."""
    actor = seen.user_identity.actor
    known = acted.get(actor) if actor is not None else None
    if actor is not None and (known is None or known.at <= seen.at):
        service = seen.event_source.partition(".")[0]
        acted[actor] = Acted(actor, float(seen.at), service, seen.aws_region)
