"""The wire with botocore on the other side, and no socket between them."""

from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from keystead.wire import binding, model, sigv4
from keystead.wire.codecs import CODECS
from keystead.wire.http import Request, Response

from .samples import bound

KEY_ID, SECRET = "AKIDEXAMPLEEXAMPLE00", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION = "us-east-1"


class Raw:
    """The body as urllib3 hands it to botocore."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.body


def request_of(prepared: Any) -> Request:
    """What arrives of what botocore sends."""
    parts = urlsplit(prepared.url)
    headers = [(name.lower().encode(), as_bytes(value)) for name, value in prepared.headers.items()]
    if all(name != b"host" for name, _ in headers):
        headers.append((b"host", parts.netloc.encode()))
    body = prepared.body or b""
    return Request(
        prepared.method,
        (parts.path or "/").encode("latin-1"),
        parts.query.encode("latin-1"),
        tuple(headers),
        body.encode() if isinstance(body, str) else bytes(body),
    )


def as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


class Wire:
    """A boto3 client whose requests are parsed, and whose answers are rendered, by the code under test."""

    def __init__(self, service: str) -> None:
        self.model = model.load(service)
        self.bound: binding.Bound = bound(service)
        self.codec = CODECS[self.model.protocol]
        self.requests: list[Request] = []
        self.respond: Callable[[Request], Response] = lambda _: Response(500, ())
        self.client = boto3.client(
            service,
            endpoint_url="http://keystead.invalid",
            region_name=REGION,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.client.meta.events.register("before-send", self._send)

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        self.requests.append(request_of(request))
        response = self.respond(self.requests[-1])
        headers = {name.decode(): value.decode() for name, value in response.headers}
        return AWSResponse(request.url, response.status, headers, Raw(response.body))

    def call(self, operation: str, arguments: dict[str, Any], respond: Callable[[Request], Response]) -> Any:
        self.respond = respond
        return getattr(self.client, self.model.operations[operation].python_name)(**arguments)


@cache
def wire_of(service: str) -> Wire:
    return Wire(service)


@pytest.fixture
def wires() -> Callable[[str], Wire]:
    """Wires by service, made once."""
    return wire_of


@pytest.fixture(scope="session")
def signing_key() -> Callable[[str, str, str], bytes]:
    """The key that fits the test credentials, derived here step by step (AWS General Reference, Signature Version 4)."""
    import hashlib
    import hmac

    def derive(date: str, region: str, service: str) -> bytes:
        key = f"AWS4{SECRET}".encode()
        for part in (date, region, service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key

    return derive


@pytest.fixture
def read() -> Callable[..., sigv4.Signed]:
    """sigv4.read for one Region; `now` and the rest as the test says."""

    def call(request: Request, **named: Any) -> sigv4.Signed:
        asked = {"service": "kms", "protocol": "json", "window": 300.0, "regions": frozenset({REGION}), **named}
        return sigv4.read(request, **asked)

    return call
