"""Parameter policies: what a parameter is to expire by, and what is said about it before (Systems Manager user guide, parameter policies).

    [{"Type": "Expiration",             "Version": "1.0", "Attributes": {"Timestamp": "2030-01-01T00:00:00.000Z"}},
     {"Type": "ExpirationNotification", "Version": "1.0", "Attributes": {"Before": "15", "Unit": "Days"}},
     {"Type": "NoChangeNotification",   "Version": "1.0", "Attributes": {"After": "20", "Unit": "Days"}}]

A new set takes the place of the whole old one; `[{}]` is the empty set. Changing the value moves NoChangeNotification alone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from keystead.parameters.errors import (
    PoliciesIncompatible,
    PolicyAttributeWrong,
    PolicyTypeUnknown,
    TooManyPolicies,
)
from keystead.parameters.parameter import DAY, Enforced

EXPIRATION: Final = "Expiration"
BEFORE_EXPIRY: Final = "ExpirationNotification"
NO_CHANGE: Final = "NoChangeNotification"

PENDING: Final = "Pending"
FINISHED: Final = "Finished"

LIMIT: Final = 10
"""Of one parameter (SSM API reference, PoliciesLimitExceededException)."""
HOUR: Final = 3600.0
UNITS: Final = {"Days": DAY, "Hours": HOUR}
LONGEST: Final = 100 * 365 * DAY
ATTRIBUTES: Final = {
    #  Type           its attributes        source: Systems Manager user guide, assigning parameter policies
    EXPIRATION:      {"Timestamp"},
    BEFORE_EXPIRY:   {"Before", "Unit"},
    NO_CHANGE:       {"After", "Unit"},
}  # fmt: skip  # a table

Kept = tuple[Enforced, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One policy. `seconds`: of Expiration the moment since the epoch, of the others how long before or after."""

    type: str
    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Policies:
    """A set that has been checked."""

    wanted: tuple[Wanted, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(one.text for one in self.wanted)

    def enforced(self, changed_at: float) -> Kept:
        """With the moments they are due, of a parameter that is changed now."""
        expiry = next((one.seconds for one in self.wanted if one.type == EXPIRATION), 0.0)
        return tuple(Enforced(one.type, one.text, PENDING, due(one, expiry, changed_at)) for one in self.wanted)


def due(one: Wanted, expiry: float, changed_at: float) -> float:
    if one.type == EXPIRATION:
        return one.seconds
    return expiry - one.seconds if one.type == BEFORE_EXPIRY else changed_at + one.seconds


def after_change(kept: Kept, changed_at: float) -> Kept:
    """The value was changed: what waits for there to be no change waits anew."""
    return tuple(
        replace(one, status=PENDING, due_at=changed_at + parsed(json.loads(one.text)).seconds)
        if one.type == NO_CHANGE
        else one
        for one in kept
    )


def read(document: str, now: float) -> Policies:
    """Of a document that is put at that moment: nobody lets a parameter expire before it is there.

    Raises TooManyPolicies, PolicyTypeUnknown, PolicyAttributeWrong, PoliciesIncompatible.
    """
    listed = listed_in(document)
    if len(listed) > LIMIT:
        raise TooManyPolicies(f"A parameter can have at most {LIMIT} policies.")
    found = tuple(parsed(one) for one in listed)
    kinds = [one.type for one in found]
    if any(one.type == EXPIRATION and one.seconds <= now for one in found):
        raise PolicyAttributeWrong("The Timestamp of an Expiration policy lies in the past.")
    if kinds.count(EXPIRATION) > 1:
        raise PoliciesIncompatible("A parameter can have one Expiration policy only.")
    if BEFORE_EXPIRY in kinds and EXPIRATION not in kinds:
        raise PoliciesIncompatible("An ExpirationNotification policy needs an Expiration policy.")
    return Policies(found)


def listed_in(document: str) -> Sequence[Any]:
    """`[{}]` and `[]` are the empty set. Raises PolicyAttributeWrong."""
    try:
        listed = json.loads(document)
    except (ValueError, RecursionError):
        raise PolicyAttributeWrong("Policies are a JSON array of objects.") from None
    if not isinstance(listed, list):
        raise PolicyAttributeWrong("Policies are a JSON array of objects.")
    return [] if listed == [{}] else listed


def parsed(one: Any) -> Wanted:
    """Raises PolicyTypeUnknown, PolicyAttributeWrong."""
    if not isinstance(one, Mapping) or one.get("Type") not in ATTRIBUTES:
        raise PolicyTypeUnknown("The policy type is not supported. Parameter Store supports the following policy types: "
                                "Expiration, ExpirationNotification, and NoChangeNotification.")  # fmt: skip
    kind, given = one["Type"], one.get("Attributes")
    if one.get("Version") != "1.0" or not set(one) <= {"Type", "Version", "Attributes"}:
        raise PolicyAttributeWrong(f"A policy of type {kind} has Type, Version 1.0 and Attributes.")
    if not isinstance(given, Mapping) or set(given) != ATTRIBUTES[kind]:
        raise PolicyAttributeWrong(f"A policy of type {kind} has the attributes {', '.join(sorted(ATTRIBUTES[kind]))}.")
    seconds = moment(given["Timestamp"]) if kind == EXPIRATION else span(given)
    return Wanted(kind, json.dumps(one, separators=(",", ":")), seconds)


def moment(text: Any) -> float:
    """Seconds since the epoch of an ISO 8601 instant; without an offset, of UTC. Raises PolicyAttributeWrong."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise PolicyAttributeWrong("Timestamp is an instant in ISO 8601, such as 2030-01-01T00:00:00.000Z.") from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def span(given: Mapping[str, Any]) -> float:
    """Raises PolicyAttributeWrong."""
    number, unit = given.get("Before", given.get("After")), given["Unit"]
    if not isinstance(number, str) or not number.isdecimal() or not number.isascii() or unit not in UNITS:
        raise PolicyAttributeWrong("Before and After are a whole number as a string, and Unit is Days or Hours.")
    seconds = float(number) * UNITS[unit]
    if not 0 < seconds <= LONGEST:
        raise PolicyAttributeWrong("Before and After are at least 1, and at most 100 years.")
    return seconds


def kind_of(text: str) -> str:
    """The type of a policy that was taken."""
    return str(json.loads(text)["Type"])
