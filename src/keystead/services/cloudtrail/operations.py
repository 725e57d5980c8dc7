"""The operations of CloudTrail: who did what, and when."""

from collections.abc import Mapping, Sequence
from typing import Any

from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.services.cloudtrail.room import Room
from keystead.services.service import Answer
from keystead.trail.lookup import PAGE, AttributeInvalid, Event, Query


async def lookup_events(
    room: Room,
    call: Call,
    *,
    lookup_attributes: Sequence[Mapping[str, str]] = (),
    start_time: float | None = None,
    end_time: float | None = None,
    max_results: int = PAGE,
    next_token: str | None = None,
) -> Answer:
    """Of the caller's own account and Region. Calls to IAM, which has no Regions, are found in us-east-1."""
    authorize(call, "cloudtrail:LookupEvents")
    if len(lookup_attributes) > 1:
        raise AttributeInvalid
    attribute = next(((given["AttributeKey"], given["AttributeValue"]) for given in lookup_attributes), None)
    query = Query(call.account, call.region, attribute, start_time, end_time)
    events, token = await room.lookup.find(query, limit=max_results, token=next_token)
    answer: dict[str, Any] = {"Events": [shown(event) for event in events]}
    if token is not None:
        answer["NextToken"] = token
    return answer


def shown(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {
        "EventId": event.id,
        "EventName": event.name,
        "ReadOnly": "true" if event.read_only else "false",
        "EventTime": event.at,
        "EventSource": event.source,
        "Resources": [resource(type_, name) for type_, name in event.resources],
        "CloudTrailEvent": event.record,
    }
    if event.access_key_id is not None:
        found["AccessKeyId"] = event.access_key_id
    if event.username is not None:
        found["Username"] = event.username
    return found


def resource(type_: str, name: str) -> dict[str, str]:
    return {"ResourceType": type_, "ResourceName": name} if type_ else {"ResourceName": name}
