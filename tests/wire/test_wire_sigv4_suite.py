"""The signing cases of aws-c-auth, in header and in query form: string to sign and signature."""

import hashlib
import hmac
import json
from datetime import datetime
from pathlib import Path

import pytest

from keystead.wire import sigv4
from keystead.wire.http import Request

CASES = (
    "get-header-value-multiline", "get-header-value-order", "get-relative-normalized",
    "get-relative-relative-normalized", "get-relative-relative-unnormalized", "get-relative-unnormalized",
    "get-slash-dot-slash-unnormalized", "get-slash-normalized", "get-slash-pointless-dot-normalized",
    "get-slash-pointless-dot-unnormalized", "get-slash-unnormalized", "get-slashes-normalized",
    "get-slashes-unnormalized", "get-space-unnormalized", "get-unreserved", "get-vanilla",
    "get-vanilla-empty-query-key", "get-vanilla-query", "get-vanilla-query-order-key-case",
    "get-vanilla-query-unreserved", "get-vanilla-utf8-query", "post-header-key-case", "post-header-key-sort",
    "post-header-value-case", "post-vanilla", "post-vanilla-empty-query-value", "post-vanilla-query",
    "post-x-www-form-urlencoded",
)  # fmt: skip  # a list of names
NOT_OURS = {
    "get-relative-relative-unnormalized": "only S3 takes paths as they are sent",
    "get-relative-unnormalized": "only S3 takes paths as they are sent",
    "get-slash-dot-slash-unnormalized": "only S3 takes paths as they are sent",
    "get-slash-pointless-dot-unnormalized": "only S3 takes paths as they are sent",
    "get-slash-unnormalized": "only S3 takes paths as they are sent",
    "get-slashes-unnormalized": "only S3 takes paths as they are sent",
    "get-header-value-multiline": "the server refuses folded headers (RFC 9112, 5.2)",
}
served = pytest.mark.parametrize("case", [case for case in CASES if case not in NOT_OURS])
form = pytest.mark.parametrize("form", ["header", "query"])


def load(folder: Path, form: str) -> tuple[Request, dict]:
    head, _, body = (folder / f"{form}-signed-request.txt").read_bytes().partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, rest = first.split(b" ", 1)
    path, _, query = rest.removesuffix(b" HTTP/1.1").partition(b"?")
    headers = tuple((name.lower(), value) for name, _, value in (line.partition(b":") for line in lines))
    body = body.strip(b"\n")
    return Request(method.decode(), path, query, headers, body), json.loads((folder / "context.json").read_text())


def read(request: Request, context: dict) -> sigv4.Signed:
    at = datetime.fromisoformat(context["timestamp"]).timestamp()
    return sigv4.read(
        request, now=at, service=context["service"], protocol="query", window=0, regions={context["region"]}
    )


def key(context: dict) -> bytes:
    derived = f"AWS4{context['credentials']['secret_access_key']}".encode()
    date = datetime.fromisoformat(context["timestamp"]).strftime("%Y%m%d")
    for part in (date, context["region"], context["service"], "aws4_request"):
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    return derived


def test_the_suite_is_complete(vectors):
    assert sorted(folder.name for folder in (vectors / "sigv4").iterdir()) == sorted(CASES)


@served
@form
def test_the_string_to_sign_is_the_suites(vectors, case, form):
    request, context = load(vectors / "sigv4" / case, form)

    signed = read(request, context)

    assert signed.string_to_sign == (vectors / "sigv4" / case / f"{form}-string-to-sign.txt").read_bytes().strip(b"\n")


@served
@form
def test_the_signature_verifies(vectors, case, form):
    request, context = load(vectors / "sigv4" / case, form)

    signed = read(request, context)

    assert sigv4.verify(signed, key(context))
    assert signed.signature == (vectors / "sigv4" / case / f"{form}-signature.txt").read_bytes().strip()


@pytest.mark.parametrize("case", [case for case in NOT_OURS if case.startswith("get-slash") or "relative" in case])
@form
def test_a_path_signed_as_s3_would_is_not_accepted(vectors, case, form):
    request, context = load(vectors / "sigv4" / case, form)

    signed = read(request, context)

    assert not sigv4.verify(signed, key(context))
