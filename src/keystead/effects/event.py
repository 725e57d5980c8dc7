"""A record as the replay needs it. Of most, nothing but the name is looked at."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from keystead.trail.event import SERVICE_EVENT

NAME: Final = b'"eventName":"'
"""As the encoder of event.py writes it. Within a JSON text its quotation marks would be escaped."""

decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


def name_of(event: bytes) -> bytes:
    begin = event.find(NAME) + len(NAME)
    return event[begin : event.find(b'"', begin)] if begin >= len(NAME) else b""


class Event:
    """A record of something that was done: `parameters`, `response`, `additional`, `details` are empty where it has none.

    repeatable  eventID of what the service itself did, which may be in the log twice (trail.outbox); else None
    """

    __slots__ = ("account", "additional", "details", "forwarded", "name", "parameters", "region", "repeatable", "resources",
                 "response", "source", "who")  # fmt: skip  # a list of names

    def __init__(self, read: Mapping[str, Any]) -> None:
        """Raises KeyError where it is no CloudTrail record."""
        self.source: str = read["eventSource"].partition(".")[0]
        self.name: str = read["eventName"]
        self.account: str = read["recipientAccountId"]
        self.region: str = read["awsRegion"]
        self.parameters: Mapping[str, Any] = read.get("requestParameters") or {}
        self.response: Mapping[str, Any] = read.get("responseElements") or {}
        self.additional: Mapping[str, Any] = read.get("additionalEventData") or {}
        self.details: Mapping[str, Any] = read.get("serviceEventDetails") or {}
        self.who: Mapping[str, Any] = read.get("userIdentity") or {}
        self.repeatable: str | None = read.get("eventID") if read.get("eventType") == SERVICE_EVENT else None
        self.forwarded = "originRequestID" in self.additional
        self.resources: list[str] = [one.get("ARN", "") for one in read.get("resources") or ()]

    def text(self, name: str) -> str | None:
        """One of requestParameters; None where they were too large to be recorded."""
        if self.parameters.get("omitted") is True:
            return None
        found: str | None = self.parameters.get(name)
        return found


def read(event: bytes) -> Event | None:
    """None for a call that failed, and so did nothing, and for what is no CloudTrail record."""
    try:
        found = decode(event)
        return None if "errorCode" in found else Event(found)
    except (msgspec.MsgspecError, KeyError, AttributeError):
        return None
