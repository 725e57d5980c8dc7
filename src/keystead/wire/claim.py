"""What a signature says of itself: the parts of the Authorization header, or of a presigned query string."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from keystead.wire.canonical import raw_pairs
from keystead.wire.errors import Refused
from keystead.wire.findings import refusal
from keystead.wire.http import Request

ALGORITHM: Final = "AWS4-HMAC-SHA256"
PRESIGNED: Final = frozenset({"query", "rest-xml"})
"""Protocols whose requests may be presigned."""
PRESIGNED_LIMIT: Final = 604_800
"""Seconds; a week (IAM user guide, presigned requests)."""
ECHO: Final = 512
"""How much of what was sent is repeated in a refusal."""
BEFORE_SIGNATURE: Final = re.compile(rb"AWS4-HMAC-SHA256 Credential=([^,\s=]+), ?SignedHeaders=([^,\s=]+)")
"""What every SDK sends; anything else takes the slow road through `parts`."""
IN_QUERY: Final = re.compile(rb"(?:^|&)X-Amz-Algorithm(?:[=&]|$)")
PARTS: Final = ("Credential", "Signature", "SignedHeaders")
QUERY_PARTS: Final = ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
NO_DATE: Final = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."


class Claim(msgspec.Struct, frozen=True):
    """expires  seconds that a presigned request lives; None for the header form"""

    credential: str
    signed_headers: bytes
    signature: bytes
    time: str
    token: str | None
    expires: int | None = None

    def __repr__(self) -> str:
        return f"Claim({self.credential!r})"

    @property
    def presigned(self) -> bool:
        return self.expires is not None


def claimed(request: Request, protocol: str) -> Claim:
    """Raises Refused where the parts do not make a signature."""
    header = request.named.get(b"authorization")
    in_query = IN_QUERY.search(request.query) is not None if request.query else False
    if header is not None and (in_query or b"authorization" in request.repeated):
        raise refusal("wrong", protocol)
    if in_query:
        return in_query_string(request, protocol)
    if header is None:
        raise refusal("missing", protocol)
    return in_header(request, header, protocol)


def in_header(request: Request, header: bytes, protocol: str) -> Claim:
    named = request.named
    time = named.get(b"x-amz-date") or named.get(b"date")
    credential, names, signature = usual(header) or parts(header, protocol, dated=time is not None)
    if time is None:
        raise incomplete([NO_DATE], header, protocol)
    token = named.get(b"x-amz-security-token")
    return Claim(
        credential,
        names,
        signature,
        time.decode("latin-1"),
        None if token is None else token.decode("latin-1"),
    )


def usual(header: bytes) -> tuple[str, bytes, bytes] | None:
    """The parts of a header as every SDK writes it. All but the signature is the same in a day's calls of one caller."""
    if len(header) > ECHO:  # longer than any SDK's, and not worth remembering
        return None
    before, _, signature = header.rpartition(b", Signature=")
    found = before_signature(before) if signature.isalnum() else None
    return None if found is None else (*found, signature)


@lru_cache(256)
def before_signature(before: bytes) -> tuple[str, bytes] | None:
    found = BEFORE_SIGNATURE.fullmatch(before)
    return None if found is None else (found[1].decode("latin-1"), found[2])


def parts(header: bytes, protocol: str, *, dated: bool) -> tuple[str, bytes, bytes]:
    """The slow road: say exactly what is wrong with the header, or accept its unusual spelling."""
    algorithm, _, rest = header.decode("latin-1").strip().partition(" ")
    if algorithm != ALGORITHM:
        raise refusal("malformed", protocol, f"Unsupported AWS 'algorithm': '{algorithm[:ECHO]}'.")
    found: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in rest.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            text = f"'{part[:ECHO]}' not a valid key=value pair (missing equal-sign) in Authorization header"
            raise refusal("malformed", protocol, f"{text}: '{shown(header)}'")
        if name in found:
            # AWS takes the last; no SDK repeats one, and two readers might take two
            raise refusal("malformed", protocol, f"'{name[:ECHO]}' is given more than once in Authorization header.")
        found[name] = value
    missing = [f"Authorization header requires '{name}' parameter." for name in PARTS if name not in found]
    if missing:
        raise incomplete(missing if dated else [*missing, NO_DATE], header, protocol)
    credential, signature, names = (found[name] for name in PARTS)
    return credential, names.encode("latin-1"), signature.encode("latin-1")


def incomplete(missing: list[str], header: bytes, protocol: str) -> Refused:
    return refusal("malformed", protocol, f"{' '.join(missing)} Authorization={shown(header)}")


def shown(header: bytes) -> str:
    return header[:ECHO].decode("latin-1")


def in_query_string(request: Request, protocol: str) -> Claim:
    """Presigned requests. JSON services carry their parameters in the body, which such a request has not."""
    if protocol not in PRESIGNED:
        raise refusal("missing", protocol)
    given = parameters(request, protocol)
    algorithm = given.get("X-Amz-Algorithm", "")
    if algorithm != ALGORITHM:
        raise refusal("malformed", protocol, f"Unsupported AWS 'algorithm': '{algorithm[:ECHO]}'.")
    missing = [f"AWS query-string parameters must include '{name}'." for name in QUERY_PARTS if name not in given]
    if missing:
        raise refusal("malformed", protocol, f"{' '.join(missing)} Re-examine the query-string parameters.")
    if b"x-amz-security-token" in request.named:
        raise refusal("malformed", protocol, "'X-Amz-Security-Token' belongs into the query string.")  # ours
    credential, signature, names, time = (given[name] for name in QUERY_PARTS)
    return Claim(
        credential,
        names.encode("latin-1"),
        signature.encode("latin-1"),
        time,
        given.get("X-Amz-Security-Token"),
        lifetime(given.get("X-Amz-Expires", ""), protocol),
    )


def parameters(request: Request, protocol: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for raw, value in raw_pairs(request.query):
        name = raw.decode("latin-1")
        if name in given:
            # AWS takes the first; no SDK repeats one, and two readers might take two
            text = f"AWS query-string parameter '{name[:ECHO]}' is given more than once."
            raise refusal("malformed", protocol, text)
        if name.startswith("X-Amz-"):
            given[name] = value.decode("latin-1")
    return given


def lifetime(expires: str, protocol: str) -> int:
    if expires.isascii() and expires.isdigit() and len(expires) <= 6 and 1 <= int(expires) <= PRESIGNED_LIMIT:
        return int(expires)
    text = f"X-Amz-Expires must be a number of seconds from 1 to {PRESIGNED_LIMIT}."
    raise refusal("malformed", protocol, text)
