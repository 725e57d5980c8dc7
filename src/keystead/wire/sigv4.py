"""Verifies Signature Version 4, in the Authorization header or in the query string.

Steps (AWS General Reference, Signature Version 4; order and texts of refusals as recorded from AWS):

 1 which form            5 time readable           9 what must be signed is
 2 the parts             6 expired or early       10 the body is the one that was signed
 3 the algorithm         7 the scope              11 the canonical request
 4 all parts there       8 date of scope and time 12 the signature (`verify`, with the key from the keyholder)

The canonical request is rebuilt from the raw request, never from a decoded view of it.
"""

import hashlib
import hmac
import re
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from keystead.wire.errors import Refused
from keystead.wire.http import Header, Request

ALGORITHM: Final = "AWS4-HMAC-SHA256"
EMPTY_HASH: Final = hashlib.sha256(b"").hexdigest()
PRESIGNED_LIMIT: Final = 604_800
AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^,\s=]+), ?SignedHeaders=([^,\s=]+), ?Signature=([^,\s=]+)"
)
"""What every SDK sends; anything else takes the slow road through `parts`."""
TIME: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
ALWAYS_SIGNED: Final = frozenset({b"content-type", b"date"})
PARTS: Final = ("Credential", "Signature", "SignedHeaders")

CODES: Final = {
    #  finding            json 1.1, always 400                        query                                 source: signatures.md 7
    "wrong":           {"json": ("InvalidSignatureException", 400), "query": ("SignatureDoesNotMatch", 403)},
    "malformed":       {"json": ("IncompleteSignatureException", 400), "query": ("IncompleteSignature", 400)},
    "missing":         {"json": ("MissingAuthenticationTokenException", 400), "query": ("MissingAuthenticationToken", 403)},
    "unknown_key":     {"json": ("UnrecognizedClientException", 400), "query": ("InvalidClientTokenId", 403)},
    "expired_token":   {"json": ("ExpiredTokenException", 400), "query": ("ExpiredToken", 403)},
    "wrong_signature": {"json": ("InvalidSignatureException", 400), "query": ("SignatureDoesNotMatch", 403)},
}  # fmt: skip  # a table
TEXTS: Final = {
    "missing": "Request is missing Authentication Token",
    "unknown_key": "The security token included in the request is invalid.",
    "expired_token": "The security token included in the request is expired",
    "wrong_signature": "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details.",
}


def refusal(finding: str, protocol: str, text: str | None = None) -> Refused:
    """What to answer for a finding of the table, in the names of the protocol."""
    code, status = CODES[finding][protocol]
    return Refused(code, text or TEXTS.get(finding), status)


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature is in order but for the signature itself.

    date       yyyymmdd of the scope
    signed_at  seconds since the epoch
    """

    access_key_id: str
    token: str | None = field(repr=False)
    date: str
    region: str
    service: str
    signed_at: float
    presigned: bool
    string_to_sign: bytes = field(repr=False)
    signature: str = field(repr=False)


def verify(signed: Signed, signing_key: bytes) -> bool:
    """Step 12, in constant time."""
    expected = hmac.digest(signing_key, signed.string_to_sign, "sha256").hex()
    return hmac.compare_digest(expected, signed.signature)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the signature says of itself."""

    credential: str
    signed_headers: str
    signature: str
    time: str
    token: str | None
    expires: int | None = None


def read(
    request: Request, *, now: float, service: str, protocol: str, window: float, regions: Container[str]
) -> Signed:
    """Steps 1 to 11.

    now      seconds since the epoch
    service  the signing name of the service that is called
    window   seconds that the signer's clock may be off
    Raises Refused.
    """
    claim = claimed(request, protocol)
    signed_at = time_of(claim.time, protocol)
    check_time(claim, signed_at, now, window, protocol)
    scope = claim.credential.split("/")
    check_scope(claim, scope, service, protocol, regions)
    names = claim.signed_headers.split(";")
    values = signed_values(request.headers, names, protocol, presigned=claim.expires is not None)
    payload = payload_hash(request, protocol)
    canonical = "\n".join(
        (
            request.method,
            canonical_path(request.raw_path),
            canonical_query(request.query),
            *(f"{name}:{value}" for name, value in zip(names, values, strict=True)),
            "",
            claim.signed_headers,
            payload,
        )
    )
    digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    return Signed(
        access_key_id=scope[0],
        token=claim.token,
        date=scope[1],
        region=scope[2],
        service=scope[3],
        signed_at=signed_at,
        presigned=claim.expires is not None,
        string_to_sign=f"{ALGORITHM}\n{claim.time}\n{'/'.join(scope[1:])}\n{digest}".encode(),
        signature=claim.signature,
    )


def claimed(request: Request, protocol: str) -> Claim:
    """Steps 1 to 4."""
    headers = [value for name, value in request.headers if name == b"authorization"]
    in_query = b"X-Amz-Algorithm=" in request.query
    if (headers and in_query) or len(headers) > 1:
        raise refusal("wrong", protocol)
    if in_query:
        return claimed_in_query(request, protocol)
    if not headers:
        raise refusal("missing", protocol)
    return claimed_in_header(request, headers[0].decode("latin-1"), protocol)


def claimed_in_header(request: Request, header: str, protocol: str) -> Claim:
    found = AUTHORIZATION.fullmatch(header)
    credential, names, signature = found.groups() if found else parts(header, request, protocol)
    time = once(request, b"x-amz-date", protocol) or once(request, b"date", protocol)
    if time is None:
        text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        raise refusal("malformed", protocol, f"{text} Authorization={ALGORITHM}")
    return Claim(credential, names, signature, time, once(request, b"x-amz-security-token", protocol))


def once(request: Request, name: bytes, protocol: str) -> str | None:
    """A header that may stand there once. A second one is an attempt to be read differently by two readers."""
    found = [value for known, value in request.headers if known == name]
    if len(found) > 1:
        raise refusal("wrong", protocol)
    return found[0].decode("latin-1").strip() if found else None


def parts(header: str, request: Request, protocol: str) -> tuple[str, str, str]:
    """The slow road: say exactly what is wrong with the header, or accept its unusual spelling."""
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise refusal("malformed", protocol, f"Unsupported AWS 'algorithm': '{algorithm[:64]}'.")
    found: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in rest.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            text = f"'{part[:64]}' not a valid key=value pair (missing equal-sign) in Authorization header"
            raise refusal("malformed", protocol, f"{text}: '{algorithm}'.")
        if name in found:
            raise refusal("malformed", protocol, f"'{name[:64]}' is given twice in Authorization header.")
        found[name] = value
    missing = [f"Authorization header requires '{name}' parameter." for name in PARTS if name not in found]
    if missing:
        if request.header(b"x-amz-date") is None and request.header(b"date") is None:
            missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
        raise refusal("malformed", protocol, f"{' '.join(missing)} Authorization={algorithm}")
    return found["Credential"], found["SignedHeaders"], found["Signature"]


def claimed_in_query(request: Request, protocol: str) -> Claim:
    """Presigned requests. JSON services carry their parameters in the body, which such a request has not."""
    if protocol == "json":
        raise refusal("missing", protocol)
    given: dict[str, str] = {}
    for name, value in pairs(request.query):
        if name.startswith("X-Amz-"):
            if name in given:
                raise refusal("malformed", protocol, f"AWS query-string parameter '{name[:64]}' is given twice.")
            given[name] = value
    if given.get("X-Amz-Algorithm") != ALGORITHM:
        raise refusal("malformed", protocol, f"Unsupported AWS 'algorithm': '{given.get('X-Amz-Algorithm', '')[:64]}'.")
    needed = ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
    missing = [f"AWS query-string parameters must include '{name}'." for name in needed if name not in given]
    if missing:
        raise refusal("malformed", protocol, f"{' '.join(missing)} Re-examine the query-string parameters.")
    expires = given.get("X-Amz-Expires", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 6 and 1 <= int(expires) <= PRESIGNED_LIMIT):
        text = f"X-Amz-Expires must be a number of seconds from 1 to {PRESIGNED_LIMIT}."
        raise refusal("malformed", protocol, text)
    return Claim(
        given["X-Amz-Credential"],
        given["X-Amz-SignedHeaders"],
        given["X-Amz-Signature"],
        given["X-Amz-Date"],
        given.get("X-Amz-Security-Token"),
        int(expires),
    )


def time_of(text: str, protocol: str) -> float:
    """Step 5."""
    if TIME.fullmatch(text):
        try:
            return datetime(
                int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[9:11]), int(text[11:13]), int(text[13:15]),
                tzinfo=UTC,
            ).timestamp()  # fmt: skip  # one moment
        except ValueError:
            pass
    raise refusal("malformed", protocol, f"Date must be in ISO-8601 'basic format'. Got '{text[:64]}'.")


def check_time(claim: Claim, signed_at: float, now: float, window: float, protocol: str) -> None:
    """Step 6. A presigned request lives as long as it says, counted from its date."""
    minutes = f"{window / 60:.0f} min."
    if signed_at > now + window:
        text = f"Signature not yet current: {claim.time} is still later than {basic(now + window)}"
        raise refusal("wrong", protocol, f"{text} ({basic(now)} + {minutes})")
    if claim.expires is None and signed_at < now - window:
        text = f"Signature expired: {claim.time} is now earlier than {basic(now - window)}"
        raise refusal("wrong", protocol, f"{text} ({basic(now)} - {minutes})")
    if claim.expires is not None and signed_at + claim.expires < now:
        text = f"Signature expired: {claim.time} is now earlier than {basic(now - claim.expires)}"
        raise refusal("wrong", protocol, f"{text} ({basic(now)} - {claim.expires} s)")


def basic(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")


def check_scope(claim: Claim, scope: list[str], service: str, protocol: str, regions: Container[str]) -> None:
    """Steps 7 and 8."""
    if len(scope) != 5:
        text = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got"
        raise refusal("malformed", protocol, f"{text} '{claim.credential[:200]}'")
    _, date, region, named, term = scope
    found = []
    if region not in regions:
        found.append(f"Credential should be scoped to a valid region, not '{region[:64]}'. ")
    if named != service:
        found.append(f"Credential should be scoped to correct service: '{service}'. ")
    if term != "aws4_request":
        found.append(f"Credential should be scoped with a valid terminator: 'aws4_request', not '{term[:64]}'. ")
    if date != claim.time[:8]:
        text = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"
        found.append(f"{text}: '{date[:64]}' != '{claim.time[:8]}', from '{claim.time}'.")
    if found:
        raise refusal("wrong", protocol, "".join(found))


def signed_values(headers: tuple[Header, ...], names: list[str], protocol: str, *, presigned: bool) -> list[str]:
    """Step 9: the canonical values of the signed headers, once everything that must be signed is."""
    encoded = [name.encode("latin-1", "replace") for name in names]
    listed = frozenset(encoded)
    if b"host" not in listed:
        text = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        raise refusal("wrong", protocol, text)
    if names != sorted(listed_names := set(names)) or any(name != name.lower() for name in listed_names):
        raise refusal("wrong", protocol, "SignedHeaders must be lower case, sorted, and each named once.")
    by_name: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in listed:
            by_name[name] = by_name[name] + b"," + collapsed(value) if name in by_name else collapsed(value)
        elif name.startswith(b"x-amz-") or (name == b"content-type" and not presigned):
            # unsigned, these would let whoever relays the request change what it means
            text = f"'{name.decode('latin-1')}' must be a 'SignedHeader' in the AWS Authorization."
            raise refusal("wrong", protocol, text)
    if len(by_name) != len(listed):
        raise refusal("wrong", protocol, "A 'SignedHeader' is absent from the request.")
    return [by_name[name].decode("latin-1") for name in encoded]


def collapsed(value: bytes) -> bytes:
    """Outer blanks removed, inner runs one blank."""
    return value if b"  " not in value and value == value.strip() else b" ".join(value.split())


def payload_hash(request: Request, protocol: str) -> str:
    """Step 10: always of the body that was read; a claimed hash must be that one."""
    found = hashlib.sha256(request.body).hexdigest() if request.body else EMPTY_HASH
    claim = request.header(b"x-amz-content-sha256")
    if claim is not None and claim.decode("latin-1") != found:
        text = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise refusal("wrong", protocol, text)
    return found


def canonical_path(raw: bytes) -> str:
    """Without dot segments and repeated slashes, encoded once more than sent."""
    if raw == b"/":
        return "/"
    kept: list[str] = []
    segments = raw.decode("latin-1").split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    trailing = "/" if kept and segments[-1] in {"", ".", ".."} else ""
    return quote("/" + "/".join(kept) + trailing, safe="/-_.~", encoding="latin-1")


def canonical_query(raw: bytes) -> str:
    if not raw:
        return ""
    encoded = sorted((encode(name), encode(value)) for name, value in raw_pairs(raw) if name != b"X-Amz-Signature")
    return "&".join(f"{name}={value}" for name, value in encoded)


def raw_pairs(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values with their escapes undone; `+` is a plus sign here."""
    split = (part.partition(b"=") for part in raw.split(b"&") if part)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in split]


def pairs(raw: bytes) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw_pairs(raw)]


def encode(value: bytes) -> str:
    return quote(value, safe="-_.~")
