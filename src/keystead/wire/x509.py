"""Reads a request that is signed with the key of a certificate: AWS4-X509-RSA-SHA256 and AWS4-X509-ECDSA-SHA256.

    Authorization: AWS4-X509-RSA-SHA256 Credential=<serial, decimal>/date/region/rolesanywhere/aws4_request, SignedHeaders=…, Signature=<hex>
    X-Amz-Date: 20150830T123600Z
    X-Amz-X509: <base64 DER of the certificate>
    X-Amz-X509-Chain: <base64 DERs of intermediate ones, joined by commas>

The canonical request is that of Signature Version 4, and what is signed of it is as in sigv4. Whether the certificate is to be
believed, and whether its key made the signature, is not decided here. Source: IAM Roles Anywhere user guide, signing process.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Container
from typing import Final

import msgspec

from keystead.wire import sigv4
from keystead.wire.canonical import canonical_headers, canonical_path, canonical_query
from keystead.wire.claim import Claim
from keystead.wire.findings import refusal
from keystead.wire.http import Request

PREFIX: Final = b"AWS4-X509-"
AUTHORIZATION: Final = re.compile(
    rb"(AWS4-X509-(?:RSA|ECDSA)-SHA256) Credential=([^,\s=]+), ?SignedHeaders=([^,\s=]+), ?Signature=([0-9a-f]{2,4096})"
)
CERTIFICATES: Final = 5
"""Of a chain, with the leaf (IAM Roles Anywhere user guide, trust model)."""
CERTIFICATE_BYTES: Final = 16_384
"""Of the base64 of one; headers together are bounded anyway."""
NEEDED: Final = (b"host", b"x-amz-date", b"x-amz-x509")


class Signed(msgspec.Struct, frozen=True):
    """serial        as the credential says, decimal
    certificates  DER, the leaf first
    """

    algorithm: str
    serial: str
    region: str
    certificates: tuple[bytes, ...]
    string_to_sign: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"Signed({self.algorithm!r}, {self.serial!r})"


def is_certified(request: Request) -> bool:
    return request.named.get(b"authorization", b"").startswith(PREFIX)


def read(
    request: Request, *, now: float, service: str, protocol: str, window: float, regions: Container[str]
) -> Signed:
    """The arguments are those of sigv4.read, and so are the steps. Raises Refused."""
    path, query = canonical_path(request.raw_path), canonical_query(request.query)
    found = AUTHORIZATION.fullmatch(request.named.get(b"authorization", b""))
    time = request.named.get(b"x-amz-date")
    if found is None or time is None or len(found[4]) % 2:
        raise refusal("malformed", protocol)
    algorithm = found[1].decode()
    claim = Claim(found[2].decode("latin-1"), found[3], found[4], time.decode("latin-1"), None)
    names = sigv4.signed_names(claim.signed_headers)
    if not names.listed.issuperset(NEEDED):
        raise refusal("wrong", protocol, sigv4.HOST)
    sigv4.check_time(claim, sigv4.time_of(claim.time, protocol), now, window, protocol)
    scope = claim.credential.split("/")
    sigv4.check_scope(claim, scope, service, protocol, regions)
    sigv4.check_headers(request, names, protocol)
    lines = (
        request.method.encode("latin-1"),
        path,
        query,
        canonical_headers(request, names.ordered),
        b"",
        claim.signed_headers,
        sigv4.payload_hash(request, protocol),
    )
    digest = hashlib.sha256(b"\n".join(lines)).hexdigest()
    serial, date, region, named, term = scope
    string_to_sign = f"{algorithm}\n{claim.time}\n{date}/{region}/{named}/{term}\n{digest}".encode("latin-1")
    signature = bytes.fromhex(found[4].decode())
    return Signed(algorithm, serial, region, certificates(request, protocol), string_to_sign, signature)


def certificates(request: Request, protocol: str) -> tuple[bytes, ...]:
    given = [request.named.get(b"x-amz-x509", b"")]
    chain = request.named.get(b"x-amz-x509-chain")
    given += chain.split(b",") if chain else []
    if len(given) > CERTIFICATES or any(len(one) > CERTIFICATE_BYTES for one in given):
        raise refusal("malformed", protocol)
    try:
        return tuple(base64.b64decode(one.strip(), validate=True) for one in given)
    except (ValueError, binascii.Error):
        raise refusal("malformed", protocol) from None
