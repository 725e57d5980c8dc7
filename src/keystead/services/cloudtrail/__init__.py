"""AWS CloudTrail: the trail can be read, and nothing through the API can stop it."""

from typing import Final

from keystead.services.cloudtrail.errors import ERRORS, UNFORESEEN
from keystead.services.cloudtrail.operations import lookup_events
from keystead.services.cloudtrail.refused import REFUSED
from keystead.services.service import Function, Service
from keystead.trail.lookup import Lookup

__all__ = ["OPERATIONS", "REFUSED", "service"]

OPERATIONS: Final[tuple[Function, ...]] = (lookup_events,)


def service(lookup: Lookup) -> Service:
    return Service(
        name="cloudtrail",
        room=lookup,
        operations=OPERATIONS,
        errors=ERRORS,
        unforeseen=UNFORESEEN,
        refused=REFUSED,
    )
