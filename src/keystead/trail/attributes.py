"""What a record can be looked up by, read from the record itself: the index holds nothing that the log does not say.

Resources are those the record lists; IAM and STS list few, so for them names in the request and its answer count too, as they
do in AWS (recorded from LookupEvents).
"""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

NAME_LIMIT: Final = 2000
"""Bytes of a resource's name. A longer one is in the record but cannot be asked for: AttributeValue has at most 2000 characters."""

LONGEST: Final = 4
"""Bytes of a character in UTF-8 at most."""


class Issuer(Struct, gc=False, frozen=True):
    """Whose session it is."""

    arn: str | None = None


class Context(Struct, rename="camel", gc=False, frozen=True):
    """Of a session."""

    session_issuer: Issuer = Issuer()


class Identity(Struct, rename="camel", gc=False):
    """The part of userIdentity that says who."""

    type: str = ""
    principal_id: str | None = None
    arn: str | None = None
    session_context: Context = Context()
    user_name: str | None = None
    access_key_id: str | None = None

    @property
    def username(self) -> str | None:
        """As LookupEvents shows it: of a session its name."""
        if self.type in {"AssumedRole", "FederatedUser"}:
            return (self.principal_id or "").partition(":")[2] or None
        if self.type == "Root":
            return "root"
        return self.user_name

    @property
    def principal(self) -> str | None:
        """The ARN of the user, or of the role or user behind a session; None for services and for other accounts' callers."""
        return self.session_context.session_issuer.arn or self.arn

    @property
    def unique_id(self) -> str | None:
        """Of the user, or of the role behind a session; of others what the record has."""
        if self.type in {"AssumedRole", "AWSAccount"}:
            return (self.principal_id or "").partition(":")[0] or None
        return self.principal_id

    @property
    def actor(self) -> str | None:
        """The long-term access key, or the role behind a session, by its id; None for everybody else."""
        if self.type == "AssumedRole":
            return (self.principal_id or "").partition(":")[0] or None
        return self.access_key_id if (self.access_key_id or "").startswith("AKIA") else None


class Listed(Struct, gc=False):
    """One of `resources`."""

    ARN: str
    type: str = ""
    accountId: str = ""  # noqa: N815  # AWS's name


class Additional(Struct, gc=False, frozen=True):
    """Of additionalEventData: the secret that a call was about (trail.notes), or the material of a key that it used."""

    keyMaterialId: str = ""  # noqa: N815  # AWS's name
    SecretId: str | None = None
    SecretVersionId: str | None = None


class Attributes(Struct, rename="camel", gc=False):
    """A record as the index sees it."""

    event_time: str
    event_source: str
    event_name: str
    aws_region: str
    recipient_account_id: str
    event_id: str = msgspec.field(name="eventID")
    source_ip_address: str = msgspec.field(name="sourceIPAddress", default="")
    user_agent: str = ""
    user_identity: Identity = msgspec.field(default_factory=Identity)
    read_only: bool = False
    request_id: str = msgspec.field(name="requestID", default="")
    event_type: str = ""
    error_code: str | None = None
    resources: tuple[Listed, ...] = ()
    additional_event_data: Raw = Raw(b"null")
    request_parameters: Raw = Raw(b"null")
    response_elements: Raw = Raw(b"null")

    @property
    def at(self) -> int:
        """Seconds since the epoch: the record's own time, to the second."""
        return seconds(self.event_time)

    @property
    def secret(self) -> Additional | None:
        """Of Secrets Manager's events, which list no resources."""
        return self.additional if self.event_source == SECRETS else None

    @property
    def material_id(self) -> str:
        """Of the key that was used; empty where the record does not say it."""
        found = self.additional
        return found.keyMaterialId if found is not None else ""

    @property
    def additional(self) -> Additional | None:
        try:
            found: Additional | None = ADDITIONAL.decode(self.additional_event_data)
        except msgspec.ValidationError:
            return None
        return found

    def named(self) -> list[tuple[str, str]]:
        """(type, name) of every resource, each once."""
        found = [(listed.type, listed.ARN) for listed in self.resources]
        if (secret := self.secret) is not None and secret.SecretId:
            found.append((SECRET, secret.SecretId))
        if self.event_source in NAMES_COUNT:
            found += names(REQUEST, self.request_parameters)
            found += names(ANSWER, self.response_elements)
        return [pair for pair in dict.fromkeys(found) if indexable(pair[1])]


class Place(Struct, rename="camel", gc=False):
    """Whose log a record is in, where, and when."""

    event_time: str
    aws_region: str
    recipient_account_id: str

    @property
    def at(self) -> int:
        """Seconds since the epoch."""
        return seconds(self.event_time)


ACCOUNT: Final = re.compile(r"[0-9]{12}")
REGION: Final = re.compile(r"[a-z0-9-]{1,32}")
PLACES: Final = msgspec.json.Decoder(Place)


@lru_cache(maxsize=1024)
def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def indexable(name: str) -> bool:
    """What every database takes for an indexed text: it may come from the caller, and must never stop the index."""
    if len(name) * LONGEST > NAME_LIMIT and len(name.encode()) > NAME_LIMIT:
        return False
    return name != "" and "\0" not in name


NAMES_COUNT: Final = frozenset({"iam.amazonaws.com", "sts.amazonaws.com"})

SECRETS: Final = "secretsmanager.amazonaws.com"
SECRET: Final = "AWS::SecretsManager::Secret"  # noqa: S105  # a resource's type
USER: Final = "AWS::IAM::User"
ROLE: Final = "AWS::IAM::Role"
GROUP: Final = "AWS::IAM::Group"
POLICY: Final = "AWS::IAM::Policy"
ACCESS_KEY: Final = "AWS::IAM::AccessKey"
SESSION: Final = "AWS::STS::AssumedRole"


class Request(Struct, rename="camel", gc=False):
    """Of requestParameters: what IAM's operations call their objects."""

    user_name: str | None = None
    new_user_name: str | None = None
    role_name: str | None = None
    group_name: str | None = None
    policy_arn: str | None = None
    permissions_boundary: str | None = None
    access_key_id: str | None = None

    def names(self) -> Iterator[tuple[str, str | None]]:
        yield USER, self.user_name
        yield USER, self.new_user_name
        yield ROLE, self.role_name
        yield GROUP, self.group_name
        yield POLICY, self.policy_arn
        yield POLICY, self.permissions_boundary
        yield ACCESS_KEY, self.access_key_id


class Made(Struct, rename="camel", gc=False, frozen=True):
    """Something that the answer says was made."""

    arn: str | None = None
    access_key_id: str | None = None


NOTHING: Final = Made()


class Answer(Struct, rename="camel", gc=False):
    """Of responseElements."""

    policy: Made = NOTHING
    access_key: Made = NOTHING
    credentials: Made = NOTHING
    assumed_role_user: Made = NOTHING

    def names(self) -> Iterator[tuple[str, str | None]]:
        yield POLICY, self.policy.arn
        yield ACCESS_KEY, self.access_key.access_key_id
        yield ACCESS_KEY, self.credentials.access_key_id
        yield SESSION, self.assumed_role_user.arn


REQUEST: Final = msgspec.json.Decoder(Request | None)
ANSWER: Final = msgspec.json.Decoder(Answer | None)
ADDITIONAL: Final = msgspec.json.Decoder(Additional | None)
ATTRIBUTES: Final = msgspec.json.Decoder(Attributes)


def read(record: str | bytes) -> Attributes | None:
    """None for what is no CloudTrail record: it stays in the log, and cannot be looked up."""
    try:
        return ATTRIBUTES.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def place(record: bytes) -> Place | None:
    """None for what is no CloudTrail record, or says that it is of nowhere."""
    try:
        found = PLACES.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    somewhere = ACCOUNT.fullmatch(found.recipient_account_id) and REGION.fullmatch(found.aws_region)
    return found if somewhere else None


def names(decoder: Any, content: Raw) -> list[tuple[str, str]]:
    try:
        known = decoder.decode(content)
    except msgspec.ValidationError:  # another operation gives the same name to something else
        return []
    return [(type_, name) for type_, name in known.names() if name] if known else []
