"""What the index needs of a record, by what it has in common with others: most records of a load differ in nothing but their
time, their ids and their parameters.

    outline   what must be read of each record, and the rest of what counts, as it stands
    shape     what all records are found by whose rest is the same
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from keystead.trail import attributes
from keystead.trail.attributes import NAMES_COUNT, SECRETS, Attributes, seconds
from keystead.trail.event import SERVICE_EVENT
from keystead.trail.terms import id_terms, lasting_terms
from keystead.trail.uses import KMS, READS, USES

KNOWN: Final = 4096
"""Shapes that are remembered: some 2 KB each."""

Key = tuple[str | bool | bytes | None, ...]


class Outline(Struct, rename="camel", gc=False):
    """A record as far as it is read for itself."""

    event_time: str
    event_source: str
    event_name: str
    aws_region: str
    recipient_account_id: str
    event_id: str = msgspec.field(name="eventID")
    user_identity: Raw = Raw(b"{}")
    read_only: bool = False
    request_id: str = msgspec.field(name="requestID", default="")
    event_type: str = ""
    error_code: str | None = None
    resources: Raw = Raw(b"[]")
    additional_event_data: Raw = Raw(b"null")

    @property
    def at(self) -> int:
        """Seconds since the epoch."""
        return seconds(self.event_time)

    @property
    def key(self) -> Key:
        return (
            self.event_source,
            self.event_name,
            self.read_only,
            self.error_code,
            self.recipient_account_id,
            self.aws_region,
            self.event_type,
            bytes(self.user_identity),
            bytes(self.resources),
            bytes(self.additional_event_data),
        )


class Shape:
    """Compared by identity.

    service  the service itself did it
    terms    of all its records, without those of their ids
    use      it counts as a use of a key; read: as a read of a secret
    """

    __slots__ = ("_seen", "place", "read", "service", "terms", "use")

    def __init__(self, seen: Attributes) -> None:
        self._seen = seen
        self.place = (seen.recipient_account_id, seen.aws_region)
        self.service = seen.event_type == SERVICE_EVENT
        self.terms = lasting_terms(seen)
        self.use = seen.event_source == KMS and seen.event_name in USES and seen.error_code is None
        self.read = seen.event_source == SECRETS and seen.event_name in READS and seen.error_code is None

    def seen_as(self, outline: Outline) -> Attributes:
        """A record of it, but for what its caller sent and where that came from."""
        return replace(
            self._seen, event_time=outline.event_time, event_id=outline.event_id, request_id=outline.request_id
        )

    def terms_of(self, outline: Outline, at: int) -> tuple[int, ...]:
        return self.terms + id_terms(self.place, at, self.service, outline.event_id, outline.request_id)


class Shapes:
    """Those that have been met lately."""

    def __init__(self) -> None:
        self._known: dict[Key, Shape] = {}

    def of(self, outline: Outline, record: bytes) -> Shape | None:
        """None for what is no CloudTrail record."""
        key = outline.key
        found = self._known.get(key)
        if found is not None:
            return found
        seen = attributes.read(record)
        if seen is None:
            return None
        made = Shape(seen)
        if outline.event_source in NAMES_COUNT:  # its parameters count too
            return made
        if len(self._known) >= KNOWN:
            self._known.clear()
        self._known[key] = made
        return made


OUTLINE: Final = msgspec.json.Decoder(Outline)


def outlined(record: bytes) -> Outline | None:
    """None for what is no CloudTrail record."""
    try:
        return OUTLINE.decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
