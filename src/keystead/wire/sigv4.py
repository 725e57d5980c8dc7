"""Verifies Signature Version 4, in the Authorization header or in the query string.

Steps (AWS General Reference, Signature Version 4; order and texts of refusals as recorded from AWS):

 1 path and query readable     6 time readable                11 what must be signed is
 2 which form                  7 expired or early             12 the body is the one that was signed
 3 the algorithm               8 the scope has five parts     13 the canonical request
 4 all parts there             9 the scope is right           14 the signature (`verify`, with the key
 5 host is signed             10 no header is ambiguous          that the keyholder derived)

The canonical request is rebuilt from the raw request, never from a decoded view of it.
"""

import hashlib
import hmac
from collections.abc import Container
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from keystead.wire.canonical import canonical_headers, canonical_path, canonical_query, literal_path
from keystead.wire.claim import ALGORITHM, ECHO, Claim, claimed
from keystead.wire.errors import Refused
from keystead.wire.findings import refusal
from keystead.wire.http import Request

EMPTY_HASH: Final = hashlib.sha256(b"").hexdigest().encode()
UNSIGNED: Final = b"UNSIGNED-PAYLOAD"
TERM: Final = "aws4_request"
PATHS: Final = {"rest-xml": literal_path}
"""S3 signs paths as they are: two keys that differ by a dot segment are two keys."""
HOST: Final = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
SINGLE: Final = frozenset((b"host", b"date", b"content-type", b"authorization"))
"""Besides x-amz-*: a second one is an attempt to be read differently by two readers."""


class Signed(msgspec.Struct, frozen=True):
    """A request whose signature is in order but for the signature itself.

    date       yyyymmdd of the scope
    signed_at  seconds since the epoch
    """

    access_key_id: str
    token: str | None
    date: str
    region: str
    service: str
    signed_at: float
    presigned: bool
    string_to_sign: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"Signed({self.access_key_id!r}, {self.date!r}, {self.region!r}, {self.service!r})"


def verify(signed: Signed, signing_key: bytes) -> bool:
    """Step 14, in constant time."""
    expected = hmac.digest(signing_key, signed.string_to_sign, "sha256").hex().encode()
    return hmac.compare_digest(expected, signed.signature)


def read(
    request: Request, *, now: float, service: str, protocol: str, window: float, regions: Container[str]
) -> Signed:
    """Steps 1 to 13.

    now      seconds since the epoch
    service  the signing name of the service that is called
    window   seconds that the signer's clock may be off
    Raises Refused.
    """
    path = PATHS.get(protocol, canonical_path)(request.raw_path)
    query = canonical_query(request.query)
    claim = claimed(request, protocol)
    names = signed_names(claim.signed_headers)
    if b"host" not in names.listed:
        raise refusal("wrong", protocol, HOST)
    signed_at = time_of(claim.time, protocol)
    check_time(claim, signed_at, now, window, protocol)
    scope = claim.credential.split("/")
    check_scope(claim, scope, service, protocol, regions)
    check_headers(request, names, protocol)
    canonical = b"\n".join(
        (
            request.method.encode("latin-1"),
            path,
            query,
            canonical_headers(request, names.ordered),
            b"",
            claim.signed_headers,
            s3_payload(request, presigned=claim.presigned)
            if protocol == "rest-xml"
            else payload_hash(request, protocol),
        )
    )
    digest = hashlib.sha256(canonical).hexdigest()
    access_key_id, date, region, named, _ = scope
    return Signed(
        access_key_id,
        claim.token,
        date,
        region,
        named,
        signed_at,
        claim.presigned,
        f"{ALGORITHM}\n{claim.time}\n{date}/{region}/{named}/{TERM}\n{digest}".encode("latin-1"),
        claim.signature,
    )


class Names(msgspec.Struct, frozen=True):
    """The signed headers. canonical: lower case, sorted, each named once."""

    ordered: tuple[bytes, ...]
    listed: frozenset[bytes]
    canonical: bool


def signed_names(signed_headers: bytes) -> Names:
    """An SDK sends the same list with every call; what is longer than any SDK's is not worth remembering."""
    return remembered_names(signed_headers) if len(signed_headers) <= ECHO else split_names(signed_headers)


def split_names(signed_headers: bytes) -> Names:
    ordered = tuple(signed_headers.split(b";"))
    listed = frozenset(ordered)
    canonical = list(ordered) == sorted(listed) and signed_headers == signed_headers.lower()
    return Names(ordered, listed, canonical)


remembered_names: Final = lru_cache(256)(split_names)


def time_of(text: str, protocol: str) -> float:
    """Step 6."""
    at = moment(text) if len(text) == 16 else None
    if at is None:
        raise refusal("malformed", protocol, f"Date must be in ISO-8601 'basic format'. Got '{text[:ECHO]}'.")
    return at


@lru_cache(256)
def moment(text: str) -> float | None:
    """`20150830T123600Z` as seconds since the epoch."""
    if not (text.isascii() and text[:8].isdigit() and text[8] == "T" and text[9:15].isdigit() and text[15] == "Z"):
        return None
    try:
        return datetime(
            int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[9:11]), int(text[11:13]), int(text[13:15]),
            tzinfo=UTC,
        ).timestamp()  # fmt: skip  # one moment
    except ValueError:
        return None


def check_time(claim: Claim, signed_at: float, now: float, window: float, protocol: str) -> None:
    """Step 7. A presigned request lives as long as it says, counted from its date."""
    lifetime = window if claim.expires is None else claim.expires
    if signed_at > now + window:
        text = f"Signature not yet current: {claim.time} is still later than {basic(now + window)}"
        raise refusal("skewed", protocol, f"{text} ({basic(now)} + {said(window)})")
    if signed_at < now - lifetime:
        text = f"Signature expired: {claim.time} is now earlier than {basic(now - lifetime)}"
        raise refusal("skewed", protocol, f"{text} ({basic(now)} - {said(lifetime)})")


def said(seconds: float) -> str:
    return f"{seconds / 60:.0f} min." if seconds % 60 == 0 else f"{seconds:.0f} sec."


def basic(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")


def check_scope(claim: Claim, scope: list[str], service: str, protocol: str, regions: Container[str]) -> None:
    """Steps 8 and 9: all that is wrong with it in one text."""
    if len(scope) != 5:
        text = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got"
        raise refusal("malformed", protocol, f"{text} '{claim.credential[:ECHO]}'")
    _, date, region, named, term = scope
    found = []
    if region not in regions:
        found.append(f"Credential should be scoped to a valid region, not '{region[:ECHO]}'. ")
    if named != service:
        found.append(f"Credential should be scoped to correct service: '{service}'. ")
    if term != TERM:
        found.append(f"Credential should be scoped with a valid terminator: '{TERM}', not '{term[:ECHO]}'. ")
    if date != claim.time[:8]:
        text = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"
        found.append(f"{text}: '{date[:ECHO]}' != '{claim.time[:8]}', from '{claim.time}'.")
    if found:
        raise refusal("wrong", protocol, "".join(found))


def check_headers(request: Request, names: Names, protocol: str) -> None:
    """Steps 10 and 11. What they ask for is our reading of AWS's rule "host and all x-amz-*"; the texts are ours."""
    for name in request.repeated:
        if name in SINGLE or name.startswith(b"x-amz-"):
            raise refusal("malformed", protocol, f"'{named(name)}' is given more than once.")
    if not names.canonical:
        raise refusal("wrong", protocol, "SignedHeaders must be lower case, sorted, and each named once.")
    unlisted = request.named.keys() - names.listed
    for name in unlisted:
        if name.startswith(b"x-amz-") or name == b"content-type" or (name == b"date" and dates(request)):
            # unsigned, these would let whoever relays the request change what it means
            raise refusal("wrong", protocol, f"'{named(name)}' must be a 'SignedHeader' in the AWS Authorization.")
    if len(request.named) - len(unlisted) != len(names.listed):
        raise refusal("wrong", protocol, "A 'SignedHeader' is absent from the request.")


def dates(request: Request) -> bool:
    """Whether it is the Date header that dates the request."""
    return b"x-amz-date" not in request.named and b"authorization" in request.named


def named(name: bytes) -> str:
    return name[:ECHO].decode("latin-1")


def payload_hash(request: Request, protocol: str) -> bytes:
    """Step 12: always of the body that was read; a claimed hash must be that one."""
    found = hashlib.sha256(request.body).hexdigest().encode() if request.body else EMPTY_HASH
    claim = request.named.get(b"x-amz-content-sha256")
    if claim is not None and claim != found:
        text = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise refusal("wrong", protocol, text)
    return found


def s3_payload(request: Request, *, presigned: bool) -> bytes:
    """Step 12 of S3: the header says whether the body is signed at all (S3 API reference, SigV4 authentication)."""
    claim = request.named.get(b"x-amz-content-sha256")
    if claim == UNSIGNED or (claim is None and presigned):
        return UNSIGNED
    if claim is None:
        raise Refused("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    if claim.startswith(b"STREAMING-"):
        raise Refused("NotImplemented", "Bodies signed in chunks are not taken here.")
    found = hashlib.sha256(request.body).hexdigest().encode() if request.body else EMPTY_HASH
    if claim != found:
        text = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise Refused("XAmzContentSHA256Mismatch", text)
    return found
