"""Requests signed by botocore, as they arrive."""

from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from keystead.wire.http import Request

from .conftest import KEY_ID, REGION, SECRET, as_bytes

URL = "http://keystead.invalid"


def signed(
    method: str = "POST",
    target: str = "/",
    headers: dict[str, str] | None = None,
    body: bytes = b"{}",
    service: str = "kms",
    region: str = REGION,
    token: str | None = None,
) -> Request:
    request = AWSRequest(method, URL + target, headers={"Host": urlsplit(URL).netloc, **(headers or {})}, data=body)
    SigV4Auth(Credentials(KEY_ID, SECRET, token), service, region).add_auth(request)
    return arrived(request, body)


def presigned(
    target: str = "/?Action=GetCallerIdentity&Version=2011-06-15",
    headers: dict[str, str] | None = None,
    service: str = "sts",
    expires: int = 60,
    token: str | None = None,
) -> Request:
    request = AWSRequest("GET", URL + target, headers=headers or {})
    SigV4QueryAuth(Credentials(KEY_ID, SECRET, token), service, REGION, expires=expires).add_auth(request)
    request.headers["Host"] = urlsplit(URL).netloc
    return arrived(request, b"")


def arrived(request: Any, body: bytes) -> Request:
    parts = urlsplit(request.url)
    headers = tuple((name.lower().encode(), as_bytes(value)) for name, value in request.headers.items())
    return Request(request.method, parts.path.encode(), parts.query.encode(), headers, body)


def changed(request: Request, **parts: Any) -> Request:
    """The same request but for some of its parts; `without` and `headers` change single headers."""
    headers = [(name, value) for name, value in request.headers if name not in parts.get("without", ())]
    given = parts.get("headers", {})
    headers = [(name, given.pop(name, value)) for name, value in headers] + list(given.items())
    return Request(
        parts.get("method", request.method),
        parts.get("raw_path", request.raw_path),
        parts.get("query", request.query),
        tuple(headers),
        parts.get("body", request.body),
    )
