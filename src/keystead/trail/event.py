"""Makes the record of one call: a finished CloudTrail record, version 1.11, as JSON.

    who       userIdentity, sourceIPAddress, userAgent, tlsDetails
    what      eventSource, eventName, awsRegion, requestParameters, responseElements, resources, additionalEventData
    outcome   errorCode, errorMessage: only of a call that failed
    which     eventTime, eventID, requestID, sharedEventID, recipientAccountId

A member without a value is left out, but requestParameters and responseElements are null then, as in AWS's records.
What is shown of a request and its answer is decided in `redaction`; here it is only bounded in size.
(CloudTrail user guide, record contents, userIdentity element.)
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from time import gmtime, strftime
from typing import Any, Final, Protocol

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from keystead.trail.notes import Notes, Resource

VERSION: Final = "1.11"
API_CALL: Final = "AwsApiCall"
SERVICE_EVENT: Final = "AwsServiceEvent"
INTERNAL: Final = "keystead.internal"
"""Source of events that AWS does not have: seals, operators, failed signatures."""
AWS_INTERNAL: Final = "AWS Internal"

ALWAYS_LISTED: Final = frozenset({"kms.amazonaws.com"})
"""Services whose records have `resources` even when there are none."""
DENIALS: Final = {"AccessDeniedException": "AccessDenied", "AccessDenied": "AccessDenied"}
"""How a denial is recorded, by the code the caller got. Its requestParameters are null."""

TEXT_LIMIT: Final = 1024
"""Bytes of errorMessage and of userAgent; the rest is cut off."""
LIMITS: Final = (
    #  content                  as AWS names it         bytes of JSON   source: CloudTrail user guide, record contents
    ("request_parameters",     "requestParameters",     100 * 1024),
    ("response_elements",      "responseElements",      100 * 1024),
    ("additional_event_data",  "additionalEventData",    28 * 1024),
    ("service_event_details",  "serviceEventDetails",   100 * 1024),
)  # fmt: skip  # a table
SMALL: Final = min(limit for _, _, limit in LIMITS)

encode: Final = msgspec.json.Encoder().encode


class Record(Struct, kw_only=True, rename="camel", gc=False):
    """In AWS's order. Members without a default are always written."""

    event_version: str = VERSION
    user_identity: Mapping[str, object]
    event_time: str
    event_source: str
    event_name: str
    aws_region: str
    source_ip_address: str = field(name="sourceIPAddress")
    user_agent: str
    error_code: str | UnsetType = UNSET
    error_message: str | UnsetType = UNSET
    request_parameters: Mapping[str, Any] | None
    response_elements: Mapping[str, Any] | None
    additional_event_data: Mapping[str, object] | UnsetType = UNSET
    request_id: str | UnsetType = field(name="requestID", default=UNSET)
    event_id: str = field(name="eventID")
    read_only: bool
    resources: list[dict[str, str]] | UnsetType = UNSET
    event_type: str = API_CALL
    management_event: bool = True
    recipient_account_id: str
    shared_event_id: str | UnsetType = field(name="sharedEventID", default=UNSET)
    service_event_details: Mapping[str, object] | UnsetType = UNSET
    event_category: str = "Management"
    tls_details: Mapping[str, str] | UnsetType = UNSET


class Happened(Protocol):
    """Something that was done to a key because it fell due."""

    @property
    def account(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def key_id(self) -> str: ...
    @property
    def key_arn(self) -> str: ...
    @property
    def material_id(self) -> str: ...


def event(
    *,
    request_id: str,
    at: float,
    source: str,
    name: str,
    region: str,
    identity: Mapping[str, object],
    invoked_by: str | None,
    source_ip: str,
    user_agent: str,
    error: tuple[str, str | None] | None,
    parameters: Mapping[str, Any] | None,
    response: Mapping[str, Any] | None,
    notes: Notes,
    read_only: bool,
    recipient_account: str,
    tls: Mapping[str, str] | None,
    shared_id: str | None,
) -> bytes:
    """The record of one call in the log of `recipient_account`, with an eventID of its own.

    at          when the call was completed, seconds since the epoch
    invoked_by  DNS name of the service that forwarded the call
    error       code and text that the caller was given; a text has passed redaction already
    parameters, response  as `redaction` shows them
    """
    if identity.get("accountId", recipient_account) != recipient_account:  # a token's bearer is of no account
        identity = seen_from_elsewhere(identity)
    record = Record(
        user_identity=identity if invoked_by is None else {**identity, "invokedBy": invoked_by},
        event_time=instant(int(at)),
        event_source=source,
        event_name=name,
        aws_region=region,
        source_ip_address=source_ip,
        user_agent=cut(user_agent),
        request_parameters=parameters or None,
        response_elements=response or None,
        additional_event_data=additional(notes, f"{source.partition('.')[0]}:{name}", recipient_account) or UNSET,
        request_id=request_id,
        event_id=id_at(at),
        read_only=read_only,
        recipient_account_id=recipient_account,
        shared_event_id=shared_id or UNSET,
        tls_details=tls if tls and invoked_by is None else UNSET,
    )
    if notes.resources or source in ALWAYS_LISTED:
        record.resources = [entry(resource) for resource in notes.resources]
    if error is not None:
        fail(record, *error)
    return bounded(record)


def additional(notes: Notes, operation: str, recipient: str) -> Mapping[str, object]:
    if not notes.decisions:
        return notes.additional
    told = [decided.written(recipient, operation, notes.resources) for decided in notes.decisions]
    return {**notes.additional, "decisions": told}


def fail(record: Record, code: str, text: str | None) -> None:
    record.error_code = DENIALS.get(code, code)
    if text is not None:
        record.error_message = cut(text)
    if code in DENIALS:
        record.request_parameters = None


def entry(resource: Resource) -> dict[str, str]:
    """SSM's resources have no type."""
    if not resource.type:
        return {"accountId": resource.account, "ARN": resource.arn}
    return {"accountId": resource.account, "type": resource.type, "ARN": resource.arn}


def seen_from_elsewhere(identity: Mapping[str, object]) -> dict[str, object]:
    """A caller as an account that is not its own is told of it: no names, no access key."""
    return {
        "type": "AWSAccount",
        "principalId": identity.get("principalId"),
        "accountId": identity.get("accountId"),
    }


def service_event(name: str, happened: Happened, *, at: float) -> bytes:
    """The record of what the service itself did to a key: RotateKey, DeleteKey."""
    details = {"keyId": happened.key_id}
    if happened.material_id:
        details["keyMaterialId"] = happened.material_id
    return bounded(
        Record(
            user_identity={"accountId": happened.account, "invokedBy": AWS_INTERNAL},
            event_time=instant(int(at)),
            event_source="kms.amazonaws.com",
            event_name=name,
            aws_region=happened.region,
            source_ip_address=AWS_INTERNAL,
            user_agent=AWS_INTERNAL,
            request_parameters=None,
            response_elements=None,
            event_id=id_at(at),
            read_only=False,
            resources=[entry(Resource(happened.account, "AWS::KMS::Key", happened.key_arn))],
            event_type=SERVICE_EVENT,
            recipient_account_id=happened.account,
            service_event_details=details,
        )
    )


def secret_event(
    name: str,
    arn: str,
    *,
    at: float,
    error: str | None = None,
    details: Mapping[str, object],
    own: bool = False,
    run: str | None = None,
) -> bytes:
    """The record of what the service itself did to a secret: RotationStarted and the like; `own`: AWS has no such event;
    `run`: the id of the rotation it belongs to.

    Shape: Secrets Manager user guide, CloudTrail entries for non-API events. The account and the Region are those of the ARN.
    """
    region, account = arn.split(":")[3:5]
    record = Record(
        user_identity={"accountId": account, "invokedBy": "secretsmanager.amazonaws.com"},
        event_time=instant(int(at)),
        event_source=INTERNAL if own else "secretsmanager.amazonaws.com",
        event_name=name,
        aws_region=region,
        source_ip_address="secretsmanager.amazonaws.com",
        user_agent="secretsmanager.amazonaws.com",
        request_parameters=None,
        response_elements=None,
        additional_event_data={"SecretId": arn},
        event_id=id_at(at),
        read_only=False,
        event_type=SERVICE_EVENT,
        recipient_account_id=account,
        service_event_details=details or UNSET,
    )
    if run is not None:
        record.request_id = f"Rotation-{arn}-{run}"
    if error is not None:
        record.error_message = cut(error)
    return bounded(record)


def parameter_event(name: str, arn: str, *, at: float, details: Mapping[str, object]) -> bytes:
    """The record of what was done or said because of a parameter policy, of which AWS tells in EventBridge only.

    The account and the Region are those of the ARN. Never put a value into `details`.
    """
    region, account = arn.split(":")[3:5]
    return bounded(
        Record(
            user_identity={"accountId": account, "invokedBy": "ssm.amazonaws.com"},
            event_time=instant(int(at)),
            event_source=INTERNAL,
            event_name=name,
            aws_region=region,
            source_ip_address="ssm.amazonaws.com",
            user_agent="ssm.amazonaws.com",
            request_parameters=None,
            response_elements=None,
            event_id=id_at(at),
            read_only=False,
            resources=[entry(Resource(account, "", arn))],
            event_type=SERVICE_EVENT,
            recipient_account_id=account,
            service_event_details=details,
        )
    )


def internal_event(name: str, *, account: str, region: str, at: float, details: Mapping[str, object]) -> bytes:
    """The record of something that AWS's trail has no event for. Never put a secret into `details`."""
    return bounded(
        Record(
            user_identity={"accountId": account, "invokedBy": INTERNAL},
            event_time=instant(int(at)),
            event_source=INTERNAL,
            event_name=name,
            aws_region=region,
            source_ip_address=INTERNAL,
            user_agent=INTERNAL,
            request_parameters=None,
            response_elements=None,
            event_id=id_at(at),
            read_only=False,
            event_type=SERVICE_EVENT,
            recipient_account_id=account,
            service_event_details=details or UNSET,
        )
    )


def bounded(record: Record) -> bytes:
    """What is too large gives way to a note that says so."""
    encoded = encode(record)
    if len(encoded) <= SMALL:
        return encoded
    for name, shown, limit in LIMITS:
        content = getattr(record, name)
        if content and (size := len(encode(content))) > limit:
            setattr(record, name, {"omitted": True, "originalSize": size, "reason": f"{shown} too large"})
    return encode(record)


def cut(text: str) -> str:
    if len(text) <= TEXT_LIMIT // 4:  # UTF-8 needs four bytes at most
        return text
    return text.encode()[:TEXT_LIMIT].decode(errors="ignore")


@lru_cache(maxsize=16)
def instant(second: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(second))


class Randomness:
    """Hexadecimal digits from the system's generator, fetched in blocks: a call for each id would cost more than the id."""

    BLOCK: Final = 4096

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._digits, self._at = "", 0
        self._tails: list[str] = []

    def tail(self) -> str:
        """What follows the time and the version in a UUID of version 7: 74 bits, in their form, and the variant between."""
        while True:
            try:
                return self._tails.pop()
            except IndexError:  # used up, by this thread or another
                self._tails = tails(os.urandom(self.BLOCK).hex())

    def take(self, count: int) -> str:
        start = self._at
        end = start + count
        if end > len(self._digits):
            self._digits = os.urandom(self.BLOCK).hex()
            start, end = 0, count
        self._at = end
        return self._digits[start:end]


VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
TAIL: Final = 19
"""Digits of a UUID after its version."""
randomness: Final = Randomness()


def tails(digits: str) -> list[str]:
    return [
        f"{digits[at : at + 3]}-{VARIANT[digits[at + 3]]}{digits[at + 4 : at + 7]}-{digits[at + 7 : at + TAIL]}"
        for at in range(0, len(digits) - TAIL + 1, TAIL)
    ]


def id_at(at: float) -> str:
    """A UUID of version 7 (RFC 9562, 5.7) for a call or an event: AWS's are random, but ids in order of time keep their
    index compact, and its end in memory.
    """
    return before(int(at * 1000)) + randomness.tail()


@lru_cache(maxsize=16)
def before(millisecond: int) -> str:
    digits = f"{millisecond & 0xFFFF_FFFF_FFFF:012x}"
    return f"{digits[:8]}-{digits[8:]}-7"


def new_id() -> str:
    """A random UUID (RFC 9562, version 4), as uuid.uuid4 makes it and at a fraction of its cost."""
    digits = randomness.take(32)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"
