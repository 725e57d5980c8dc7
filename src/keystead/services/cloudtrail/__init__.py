"""AWS CloudTrail: the trail can be read, and nothing through the API can stop it."""

from typing import Final

from keystead.services.cloudtrail import trails
from keystead.services.cloudtrail.errors import ERRORS, UNFORESEEN
from keystead.services.cloudtrail.operations import lookup_events
from keystead.services.cloudtrail.refused import REFUSED
from keystead.services.cloudtrail.room import Room
from keystead.services.service import Function, Service

__all__ = ["OPERATIONS", "REFUSED", "Room", "service"]

OPERATIONS: Final[tuple[Function, ...]] = (
    lookup_events,
    trails.describe_trails,
    trails.get_trail,
    trails.list_trails,
    trails.get_trail_status,
    trails.get_event_selectors,
    trails.list_tags,
    trails.list_public_keys,
    trails.start_logging,
    trails.stop_logging,
    trails.delete_trail,
)


def service(room: Room) -> Service:
    return Service(
        name="cloudtrail",
        room=room,
        operations=OPERATIONS,
        errors=ERRORS,
        unforeseen=UNFORESEEN,
        refused=REFUSED,
    )
