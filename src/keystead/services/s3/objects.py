"""The operations of S3 on the trail's bucket. Of its objects each account sees its own alone."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

from keystead.identities.authorize import authorize
from keystead.identities.call import Call
from keystead.services.s3 import listing
from keystead.services.s3.errors import ConditionFailed, NoSuchBucket, RangeInvalid, Unchanged
from keystead.services.service import Answer
from keystead.trail.bucket import Entry, ObjectMissing
from keystead.trail.trails import Files

T = TypeVar("T")

OBJECT: Final = "AWS::S3::Object"
BUCKET: Final = "AWS::S3::Bucket"
GZIP: Final = "application/x-gzip"
RANGE: Final = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")
NO_REGION: Final = "us-east-1"
"""Has no location constraint (S3 API reference, GetBucketLocation)."""


async def get_bucket_location(
    room: Files, call: Call, *, bucket: str, expected_bucket_owner: str | None = None
) -> Answer:
    enter(room, call, "s3:GetBucketLocation", bucket, expected_bucket_owner)
    return {} if room.trail.home == NO_REGION else {"LocationConstraint": room.trail.home}


async def head_bucket(room: Files, call: Call, *, bucket: str, expected_bucket_owner: str | None = None) -> Answer:
    enter(room, call, "s3:ListBucket", bucket, expected_bucket_owner)
    return {"BucketRegion": room.trail.home}


async def list_objects(
    room: Files,
    call: Call,
    *,
    bucket: str,
    delimiter: str = "",
    encoding_type: str | None = None,
    marker: str = "",
    max_keys: int = listing.LARGEST,
    prefix: str = "",
    expected_bucket_owner: str | None = None,
) -> Answer:
    limit = enter_listing(room, call, bucket, expected_bucket_owner, prefix, delimiter, max_keys)
    page = await asyncio.to_thread(
        listing.page, room.bucket, room.trail.root(call.account), prefix, delimiter, marker, limit
    )
    shown = Shown(encoding_type)
    answer = shown.page(page, bucket, prefix, delimiter, limit) | {"Marker": shown.text(marker)}
    return answer | {"NextMarker": shown.text(page.last)} if page.truncated and delimiter else answer


async def list_objects_v2(
    room: Files,
    call: Call,
    *,
    bucket: str,
    delimiter: str = "",
    encoding_type: str | None = None,
    max_keys: int = listing.LARGEST,
    prefix: str = "",
    continuation_token: str | None = None,
    fetch_owner: bool = False,
    start_after: str = "",
    expected_bucket_owner: str | None = None,
) -> Answer:
    limit = enter_listing(room, call, bucket, expected_bucket_owner, prefix, delimiter, max_keys)
    after = start_after if continuation_token is None else listing.place_of(continuation_token)
    page = await asyncio.to_thread(
        listing.page, room.bucket, room.trail.root(call.account), prefix, delimiter, after, limit
    )
    shown = Shown(encoding_type, owner=call.account if fetch_owner else None)
    answer = shown.page(page, bucket, prefix, delimiter, limit)
    answer["KeyCount"] = len(page.entries) + len(page.prefixes)
    if start_after:
        answer["StartAfter"] = shown.text(start_after)
    if continuation_token is not None:
        answer["ContinuationToken"] = continuation_token
    if page.truncated:
        answer["NextContinuationToken"] = listing.token_of(page.last)
    return answer


async def get_object(
    room: Files,
    call: Call,
    *,
    bucket: str,
    key: str,
    if_match: str | None = None,
    if_modified_since: float | None = None,
    if_none_match: str | None = None,
    if_unmodified_since: float | None = None,
    range: str | None = None,  # noqa: A002  # AWS's name
    expected_bucket_owner: str | None = None,
    checksum_mode: str | None = None,  # noqa: ARG001  # objects were stored without checksums, and S3 shows none then
) -> Answer:
    found = await enter_object(room, call, bucket, key, expected_bucket_owner, room.bucket.get)
    check(found.entry, if_match, if_none_match, if_modified_since, if_unmodified_since)
    first, end = span(range, len(found.content))
    return described(found.entry, found.metadata, first, end, len(found.content)) | {"Body": found.content[first:end]}


async def head_object(
    room: Files,
    call: Call,
    *,
    bucket: str,
    key: str,
    if_match: str | None = None,
    if_modified_since: float | None = None,
    if_none_match: str | None = None,
    if_unmodified_since: float | None = None,
    range: str | None = None,  # noqa: A002  # AWS's name
    expected_bucket_owner: str | None = None,
    checksum_mode: str | None = None,  # noqa: ARG001  # as above
) -> Answer:
    entry, metadata = await enter_object(room, call, bucket, key, expected_bucket_owner, room.bucket.head)
    check(entry, if_match, if_none_match, if_modified_since, if_unmodified_since)
    first, end = span(range, entry.size)
    return described(entry, metadata, first, end, entry.size)


def enter(
    room: Files,
    call: Call,
    action: str,
    bucket: str,
    owner: str | None,
    extra: Mapping[str, tuple[str, ...]] | None = None,
) -> str:
    """The bucket's ARN. Raises AccessDenied, NoSuchBucket."""
    arn = f"arn:{call.partition}:s3:::{bucket}"
    call.notes.resource(call.account, BUCKET, arn)
    authorize(call, action, arn, extra=extra)
    if bucket != room.trail.bucket or (owner is not None and owner != call.account):
        raise NoSuchBucket
    return arn


def enter_listing(
    room: Files, call: Call, bucket: str, owner: str | None, prefix: str, delimiter: str, max_keys: int
) -> int:
    """How many to list at most. Raises AccessDenied, NoSuchBucket."""
    keys = {"s3:prefix": (prefix,), "s3:delimiter": (delimiter,), "s3:max-keys": (str(max_keys),)}
    enter(room, call, "s3:ListBucket", bucket, owner, keys)
    return max(0, min(max_keys, listing.LARGEST))


async def enter_object(room: Files, call: Call, bucket: str, key: str, owner: str | None, ask: Callable[[str], T]) -> T:
    """What `ask` says of the object. Raises AccessDenied, NoSuchBucket, ObjectMissing.

    Who may not list is not told that something is missing (S3 API reference, GetObject, permissions).
    """
    arn = f"arn:{call.partition}:s3:::{bucket}"
    call.notes.resource(call.account, OBJECT, f"{arn}/{key}")
    call.notes.resource(call.account, BUCKET, arn)
    authorize(call, "s3:GetObject", f"{arn}/{key}")
    if bucket != room.trail.bucket or (owner is not None and owner != call.account):
        raise NoSuchBucket
    try:
        if not key.startswith(room.trail.root(call.account)):
            raise ObjectMissing  # noqa: TRY301  # whichever way it is missing, the answer is the same
        return await asyncio.to_thread(ask, key)
    except ObjectMissing:
        authorize(call, "s3:ListBucket", arn)
        raise


def check(entry: Entry, match: str | None, none_match: str | None, since: float | None, until: float | None) -> None:
    """Raises ConditionFailed, Unchanged (RFC 9110 13.2.2, whose order S3 keeps)."""
    if match is not None:
        if not tagged(match, entry.tag):
            raise ConditionFailed
    elif until is not None and int(entry.modified) > until:
        raise ConditionFailed
    if none_match is not None:
        if tagged(none_match, entry.tag):
            raise Unchanged
    elif since is not None and int(entry.modified) <= since:
        raise Unchanged


def tagged(listed: str, tag: str) -> bool:
    return listed.strip() == "*" or tag in {one.strip().removeprefix("W/").strip('"') for one in listed.split(",")}


def span(asked: str | None, size: int) -> tuple[int, int]:
    """First byte and the one after the last. What is not a single range of bytes is no range (RFC 9110 14.2).

    Raises RangeInvalid.
    """
    found = RANGE.fullmatch(asked) if asked else None
    if found is None or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        first, end = max(0, size - int(found[2])), size
    else:
        first, end = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
    if first >= end:
        raise RangeInvalid
    return first, end


def described(entry: Entry, metadata: Mapping[str, str], first: int, end: int, size: int) -> dict[str, Any]:
    said: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "LastModified": entry.modified,
        "ContentLength": end - first,
        "ETag": f'"{entry.tag}"',
        "ContentType": GZIP,
        "Metadata": metadata,
    }
    return said if end - first == size else said | {"ContentRange": f"bytes {first}-{end - 1}/{size}"}


class Shown:
    """How a listing writes names: as they are, or with what XML cannot carry escaped."""

    def __init__(self, encoding: str | None, owner: str | None = None) -> None:
        self._encoding = encoding
        self._owner = owner

    def text(self, name: str) -> str:
        return quote(name, safe="/") if self._encoding else name

    def page(self, page: listing.Page, bucket: str, prefix: str, delimiter: str, limit: int) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "Name": bucket,
            "Prefix": self.text(prefix),
            "MaxKeys": limit,
            "IsTruncated": page.truncated,
            "Contents": [self._entry(entry) for entry in page.entries],
            "CommonPrefixes": [{"Prefix": self.text(together)} for together in page.prefixes],
        }
        if delimiter:
            answer["Delimiter"] = self.text(delimiter)
        return answer | {"EncodingType": self._encoding} if self._encoding else answer

    def _entry(self, entry: Entry) -> dict[str, Any]:
        said = {
            "Key": self.text(entry.key),
            "LastModified": entry.modified,
            "ETag": f'"{entry.tag}"',
            "Size": entry.size,
            "StorageClass": "STANDARD",
        }
        return said | {"Owner": {"ID": self._owner}} if self._owner else said
