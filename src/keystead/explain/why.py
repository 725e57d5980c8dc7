"""Why a call was allowed or refused, statement by statement, from the record of the call and from nothing else.

What a record holds of a decision is written by identities.reasons and trail.notes:

    decisions    [decision]             in additionalEventData, in the order they were made
    decision     action, resource       where they are not the record's own operation and only resource
                 denied                 "explicit" or "implicit"; absent from what allowed
                 by, failure, others    of a denial: the kind of policy, what raised, statements about other actions
                 grant                  of an allowance: the grant that it took
                 statements             each with policy and statement; of a denial with step, effect, outcome, given
"""

from typing import Final

import msgspec
from msgspec import Struct

from keystead.explain.errors import RequestUnknown
from keystead.explain.room import Explain
from keystead.trail.attributes import Identity, Listed, seconds

ALLOWED: Final = "allowed"
MATCHES: Final = "matches"


class Statement(Struct, frozen=True):
    """As recorded. What allowed has neither step nor outcome: it matched."""

    policy: str
    statement: str
    step: int | None = None
    effect: str = "Allow"
    outcome: str = MATCHES
    given: tuple[str, ...] | None = None


class Decided(Struct, frozen=True):
    """As recorded."""

    action: str | None = None
    resource: str | None = None
    denied: str | None = None
    by: str | None = None
    failure: str | None = None
    grant: str | None = None
    others: int = 0
    statements: tuple[Statement, ...] = ()


class Additional(Struct, frozen=True):
    """Of additionalEventData."""

    decisions: tuple[Decided, ...] = ()


class Record(Struct, rename="camel", frozen=True):
    """A record, as far as it tells of a decision."""

    event_time: str
    event_source: str
    event_name: str
    aws_region: str
    event_id: str = msgspec.field(name="eventID")
    source_ip_address: str = msgspec.field(name="sourceIPAddress", default="")
    user_identity: Identity = msgspec.field(default_factory=Identity)
    error_code: str | None = None
    error_message: str | None = None
    resources: tuple[Listed, ...] = ()
    additional_event_data: Additional | None = None

    @property
    def at(self) -> int:
        """Seconds since the epoch."""
        return seconds(self.event_time)

    @property
    def decisions(self) -> tuple[Decided, ...]:
        """With what the record says itself filled in."""
        if self.additional_event_data is None:
            return ()
        operation = f"{self.event_source.partition('.')[0]}:{self.event_name}"
        resource = self.resources[0].ARN if len(self.resources) == 1 else "*"
        return tuple(
            msgspec.structs.replace(one, action=one.action or operation, resource=one.resource or resource)
            for one in self.additional_event_data.decisions
        )


DECODER: Final = msgspec.json.Decoder(Record)


async def why(room: Explain, account: str, request_id: str) -> list[Record]:
    """The records of a request: one, but for calls that were made on its behalf under its id. Raises RequestUnknown, IndexBehind."""
    found = await room.lookup.of_request(account, request_id)
    if not found:
        raise RequestUnknown(request_id)
    return [DECODER.decode(event.record) for event in found]
