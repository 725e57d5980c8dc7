"""Traces of a whole node, as a collector receives them."""

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from components import package
from installation import Node, install

package("opentelemetry.proto")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: E402  # after the skip

pytestmark = pytest.mark.whole

MARK = "hush-91d0"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
"""The example of W3C Trace Context, section 3.2."""


class Collector(ThreadingHTTPServer):
    """Keeps what is exported to /v1/traces."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Answering)

    def spans(self) -> list[Any]:
        exported = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span
            for one in exported
            for resource in one.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class Answering(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """What it holds after a few calls to a node that has stopped."""
    kept = Collector()
    threading.Thread(target=kept.serve_forever, daemon=True).start()
    data = tmp_path_factory.mktemp("traced") / "data"
    node = Node(data, install(data))
    node.settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{kept.server_port}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    }
    node.start()
    calls(node)
    node.stop()
    kept.shutdown()
    yield kept
    kept.server_close()


def calls(node: Node) -> None:
    kms = node.client("kms")
    key = kms.create_key(Description=MARK)["KeyMetadata"]["KeyId"]
    kms.meta.events.register("before-send.kms.Encrypt", follow)
    kms.encrypt(KeyId=key, Plaintext=MARK, EncryptionContext={MARK: MARK})
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId=f"alias/{MARK}")
    asked = http.client.HTTPConnection(urlsplit(node.url).netloc, timeout=5)
    headers = {"X-Amz-Target": f"TrentService.{MARK}", "traceparent": MARK, "tracestate": f"{MARK}={MARK}"}
    asked.request("POST", f"/{MARK}", body=MARK, headers=headers)
    asked.getresponse().read()
    asked.close()


def follow(request: Any, **_: object) -> None:
    request.headers["traceparent"] = f"00-{TRACE}-{CALLER}-01"
    request.headers["tracestate"] = f"vendor={MARK}"


def test_a_call_continues_the_trace_of_its_caller_and_has_its_parts_beneath_it(collector):
    (call,) = [span for span in collector.spans() if span.name == "kms/Encrypt"]

    parts = [span.name for span in collector.spans() if span.parent_span_id == call.span_id]
    assert (call.trace_id.hex(), call.parent_span_id.hex()) == (TRACE, CALLER)
    first = [part for part in parts if part != "keyholder forget"]  # of the key that was made just before
    assert first == ["authenticate", "keyholder encrypt", "record"]


def test_a_refusal_is_told_by_its_code(collector):
    (call,) = [span for span in collector.spans() if span.name == "kms/DescribeKey"]

    told = {attribute.key: attribute.value.string_value for attribute in call.attributes}
    assert told["error.type"] == "NotFoundException"


def test_what_is_no_call_is_a_request_and_nothing_more(collector):
    (refused,) = [span for span in collector.spans() if span.name == "request"]

    assert not refused.parent_span_id


def test_nothing_that_a_caller_sent_and_no_secret_is_exported(collector):
    exported = b"".join(collector.bodies)

    assert b"Encrypt" in exported
    for planted in (MARK.encode(), b"arn:aws", b"AKIA"):
        assert planted not in exported
