"""Webhook and OpenTelemetry: what is posted, checked by others' code; what is no success is a failure."""

import base64
import hmac
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from keystead.sinks.configuration import OpenTelemetrySink as OpenTelemetrySettings
from keystead.sinks.configuration import WebhookSink as WebhookSettings
from keystead.sinks.http import OpenTelemetrySink, WebhookSink, headers_in
from keystead.sinks.promise import SinkFailed
from keystead.trail.segments import Record
from keystead.webhooks import KeyUnusable

from .conftest import numbers

KEY = b"0123456789abcdef0123456789abcdef"


@contextmanager
def receiver(status=200, answer=b""):
    """Takes what is posted, and answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.posted.append((dict(self.headers), body))
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.posted = []
    server.url = f"http://127.0.0.1:{server.server_address[1]}/v1/logs"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key"
    path.write_text(f"whsec_{base64.b64encode(KEY).decode()}\n")
    return str(path)


async def posted(made, *batches):
    try:
        for batch in batches:
            await made.deliver(batch)
    finally:
        await made.close()


async def test_a_webhook_is_signed_as_standard_webhooks_says(records, key_file):
    with receiver() as server:
        await posted(WebhookSink(WebhookSettings(url=server.url, key_file=key_file), "node0"), records(2, first=5))

    ((headers, body),) = server.posted
    headers = {name.lower(): value for name, value in headers.items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == "node0-5-6"
    told = json.loads(body)["records"]
    assert [(one["node"], one["index"]) for one in told] == [("node0", 5), ("node0", 6)]
    assert [one["event"]["serviceEventDetails"]["number"] for one in told] == [5, 6]


async def test_a_record_that_is_no_json_is_text(key_file):
    with receiver() as server:
        settings = WebhookSettings(url=server.url, key_file=key_file)
        await posted(WebhookSink(settings, "n"), [Record(0, 1.0, b'{"broken'), Record(1, 1.0, b"{}")])

    told = json.loads(server.posted[0][1])["records"]
    assert [one["event"] for one in told] == ['{"broken', {}]


async def test_opentelemetry_s_own_messages_take_what_is_posted(records, tmp_path):
    headers = tmp_path / "headers"
    headers.write_text("Authorization: Bearer a-token\n\nX-Tenant: one\n")
    failed = Record(9, 1_750_000_000.25, b'{"eventID":"e","eventName":"Decrypt","errorCode":"AccessDenied"}')
    with receiver(answer=b'{"partialSuccess":{}}') as server:
        settings = OpenTelemetrySettings(url=server.url, headers_file=str(headers))
        await posted(OpenTelemetrySink(settings, "node0"), [*records(2), failed])

    ((sent, body),) = server.posted
    request = json_format.Parse(body, ExportLogsServiceRequest())
    (resource,) = request.resource_logs
    (scope,) = resource.scope_logs
    assert sent["authorization"] == "Bearer a-token"
    assert {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"] == "keystead"
    assert numbers(one.body.string_value for one in scope.log_records[:2]) == [0, 1]
    last = scope.log_records[2]
    attributes = {one.key: one.value for one in last.attributes}
    assert (last.time_unix_nano, last.severity_number, last.severity_text) == (1_750_000_000_250_000_000, 13, "WARN")
    assert attributes["log.record.uid"].string_value == "e"
    assert attributes["event.name"].string_value == "Decrypt"
    assert attributes["keystead.index"].int_value == 9


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 429, 500, 503])
async def test_what_is_no_success_is_a_failure(records, key_file, status):
    with receiver(status) as server:
        for sink in (
            WebhookSink(WebhookSettings(url=server.url, key_file=key_file), "n"),
            OpenTelemetrySink(OpenTelemetrySettings(url=server.url), "n"),
        ):
            with pytest.raises(SinkFailed, match=str(status)):
                await posted(sink, records(1))

    assert len(server.posted) == 2


async def test_records_that_were_rejected_were_not_taken(records):
    answer = b'{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"no"}}'
    with receiver(answer=answer) as server, pytest.raises(SinkFailed, match="2 records"):
        await posted(OpenTelemetrySink(OpenTelemetrySettings(url=server.url), "n"), records(3))


async def test_nobody_there_is_a_failure(records, key_file):
    sink = WebhookSink(WebhookSettings(url="http://127.0.0.1:1/", key_file=key_file), "n")

    with pytest.raises(SinkFailed, match="ConnectError"):
        await posted(sink, records(1))


def test_a_key_that_is_none_is_said_without_a_word_of_it(tmp_path):
    path = tmp_path / "key"
    for text in ("whsec_###secret###", "whsec_c2hvcnQ=", ""):
        path.write_text(text)

        with pytest.raises(KeyUnusable) as raised:
            WebhookSink(WebhookSettings(url="http://127.0.0.1/", key_file=str(path)), "n")

        assert "secret" not in str(raised.value)


def test_a_line_that_is_no_header_is_refused(tmp_path):
    path = tmp_path / "headers"
    path.write_text("Authorization Bearer x")

    with pytest.raises(ValueError, match="NAME: VALUE"):
        headers_in(str(path))
