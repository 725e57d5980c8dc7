"""The one trail, as it is shown. It covers every account, Region and call, and nothing here can change that."""

import re
from collections.abc import Sequence
from time import gmtime, strftime
from typing import Any, Final

from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.services.cloudtrail.errors import (
    ArnInvalid,
    CannotBeSwitchedOff,
    NameInvalid,
    TokenReserved,
    TrailNotFound,
)
from keystead.services.cloudtrail.room import Room
from keystead.services.service import Answer
from keystead.trail import delivered
from keystead.trail.delivered import Attempt
from keystead.trail.digests import KIND as DIGESTS
from keystead.trail.log_files import KIND as FILES
from keystead.trail.lookup import TimeRangeInvalid
from keystead.trail.trails import NAME

ARN: Final = "arn:"
ARN_FORM: Final = re.compile(r"arn:[a-z-]+:cloudtrail:[a-z0-9-]+:[0-9]{12}:trail/[A-Za-z0-9._-]{3,128}")
NAME_FORM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]")


async def describe_trails(
    room: Room, call: Call, *, trail_name_list: Sequence[str] = (), include_shadow_trails: bool = True
) -> Answer:
    """A trail is shown in every Region, in all but its home one as a shadow."""
    authorize(call, "cloudtrail:DescribeTrails")
    shown = include_shadow_trails or call.region == room.files.trail.home
    asked = not trail_name_list or any(means(room, call, name) for name in trail_name_list)
    return {"trailList": [trail(room, call)] if shown and asked else []}


async def get_trail(room: Room, call: Call, *, name: str) -> Answer:
    find(room, call, name)
    return {"Trail": trail(room, call)}


async def list_trails(room: Room, call: Call, *, next_token: str | None = None) -> Answer:
    authorize(call, "cloudtrail:ListTrails")
    if next_token is not None:
        raise TokenReserved
    home = room.files.trail.home
    return {"Trails": [{"TrailARN": arn(room, call), "Name": NAME, "HomeRegion": home}]}


async def get_trail_status(room: Room, call: Call, *, name: str) -> Answer:
    find(room, call, name)
    async with room.database.read() as connection:
        file_at, digest_at = await delivered.latest(connection, call.account)
        attempts = await delivered.noted(connection)
    tried = [attempt.at for attempt in attempts if attempt.kind == FILES]
    status = {
        "IsLogging": True,
        "StartLoggingTime": room.since,
        "TimeLoggingStarted": said(room.since),
        "LatestDeliveryError": worst(attempts, FILES),
        "LatestDigestDeliveryError": worst(attempts, DIGESTS),
        "LatestDeliveryTime": file_at,
        "LatestDeliveryAttemptTime": said(max(tried)) if tried else "",
        "LatestDeliveryAttemptSucceeded": said(file_at) if file_at else "",
        "LatestDigestDeliveryTime": digest_at,
    }
    return {member: value for member, value in status.items() if value is not None}


async def get_event_selectors(room: Room, call: Call, *, trail_name: str) -> Answer:
    find(room, call, trail_name)
    everything = {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
    }
    return {"TrailARN": arn(room, call), "EventSelectors": [everything]}


async def list_tags(
    room: Room, call: Call, *, resource_id_list: Sequence[str], next_token: str | None = None
) -> Answer:
    """A trail has none, since none can be added. Who names no trail asks nothing, and must be allowed to all the same."""
    if not resource_id_list:
        authorize(call, "cloudtrail:ListTags", arn(room, call))
    for named in resource_id_list:
        authorize(call, "cloudtrail:ListTags", named)
        if not named.startswith(ARN):
            raise ArnInvalid
        if named != arn(room, call):
            raise TrailNotFound(named)
    if next_token is not None:
        raise TokenReserved
    return {"ResourceTagList": [{"ResourceId": named, "TagsList": []} for named in resource_id_list]}


async def list_public_keys(
    room: Room,
    call: Call,
    *,
    start_time: float | None = None,
    end_time: float | None = None,
    next_token: str | None = None,
) -> Answer:
    """Those that may have signed a digest in that time; without a time, those of now."""
    authorize(call, "cloudtrail:ListPublicKeys")
    if next_token is not None:
        raise TokenReserved
    start, end = call.at if start_time is None else start_time, call.at if end_time is None else end_time
    if start > end:
        raise TimeRangeInvalid
    async with room.database.read() as connection:
        known = await delivered.keys(connection)
    return {
        "PublicKeyList": [
            {
                "Value": key.public,
                "ValidityStartTime": key.since,
                "ValidityEndTime": key.until,
                "Fingerprint": key.fingerprint,
            }
            for key in known
            if key.since <= end and key.until >= start
        ]
    }


async def start_logging(room: Room, call: Call, *, name: str) -> Answer:
    """It is logging already, and always."""
    find(room, call, name)
    return {}


async def stop_logging(room: Room, call: Call, *, name: str) -> Answer:
    find(room, call, name)
    raise CannotBeSwitchedOff


async def delete_trail(room: Room, call: Call, *, name: str) -> Answer:
    find(room, call, name)
    raise CannotBeSwitchedOff


def find(room: Room, call: Call, named: str) -> None:
    """Raises AccessDenied, NameInvalid, ArnInvalid, TrailNotFound."""
    authorize(call, f"cloudtrail:{call.action}", named if named.startswith(ARN) else arn(room, call, named))
    if not means(room, call, named):
        raise TrailNotFound(named)


def means(room: Room, call: Call, named: str) -> bool:
    """Whether that is the trail's name or ARN. Raises NameInvalid, ArnInvalid."""
    if named.startswith(ARN):
        if not ARN_FORM.fullmatch(named):
            raise ArnInvalid
        return named == arn(room, call)
    if not NAME_FORM.fullmatch(named):
        raise NameInvalid
    return named == NAME


def arn(room: Room, call: Call, name: str = NAME) -> str:
    return f"{room.files.trail.arn(call.account, call.partition).removesuffix(NAME)}{name}"


def trail(room: Room, call: Call) -> dict[str, Any]:
    about = room.files.trail
    shown = {
        "Name": NAME,
        "S3BucketName": about.bucket,
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True,
        "HomeRegion": about.home,
        "TrailARN": arn(room, call),
        "LogFileValidationEnabled": True,
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
        "IsOrganizationTrail": False,
    }
    return shown | {"S3KeyPrefix": about.prefix} if about.prefix else shown


def worst(attempts: Sequence[Attempt], kind: str) -> str | None:
    """Of any node: one that cannot deliver leaves files out."""
    return next((attempt.error for attempt in attempts if attempt.kind == kind and attempt.error), None)


def said(at: float) -> str:
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(at))
