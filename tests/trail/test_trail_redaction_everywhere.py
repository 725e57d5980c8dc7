"""Values planted in every sensitive member of every operation that is served, and then looked for wherever a record goes."""

import asyncio
import base64
import gzip
import json
import re
import time
import zlib

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from keystead.catalogue import SERVICES
from keystead.sinks.configuration import FileSink as FileSettings
from keystead.sinks.configuration import OpenTelemetrySink as OpenTelemetrySettings
from keystead.sinks.configuration import SyslogSink as SyslogSettings
from keystead.sinks.configuration import WebhookSink as WebhookSettings
from keystead.sinks.file import FileSink
from keystead.sinks.http import OpenTelemetrySink, WebhookSink
from keystead.sinks.syslog import SyslogSink
from keystead.testing import running
from keystead.trail.segments import Reader
from keystead.wire import model

from ..wire.samples import NoMatch, Sampler  # noqa: TID252  # rings of tests are no packages

pytestmark = pytest.mark.slow

SHORTEST = 12
"""Characters of a value that can be looked for: a shorter one is found by chance."""
TOO_LONG = 70_000
"""Characters beyond which no limit of a sensitive member is tried."""
EXTRA = {"GrantToken", "GrantTokens", "SessionToken", "ImportToken", "TokenCode"}
"""Not marked by the model, and not shown all the same (facts of the trail, redaction rules)."""


class Planter(Sampler):
    """Valid values; those of sensitive members are remembered. `broken`: they are too long."""

    def __init__(self, seed, broken):
        super().__init__(seed)
        self.broken = broken
        self.planted = []

    def _any(self, shape, depth, valid):
        if not shape.sensitive or shape.type not in {"string", "blob"}:
            return super()._any(shape, depth, valid)
        return self._plant(shape)

    def _plant(self, shape):
        most = int(shape.max if shape.max is not None else 10**9)
        length = most + 1 if self.broken and most < TOO_LONG else max(int(shape.min or 0), min(most, 40))
        text = f"pLaNtEd{self.random.getrandbits(256):064x}"
        text = (text * (length // len(text) + 1))[:length]
        if shape.type == "string" and shape.pattern and not self.broken:
            text = self.matching(shape.pattern, int(shape.min or 0), most)
        value = text.encode() if shape.type == "blob" else text
        if len(value) >= SHORTEST:
            self.planted.append(value if isinstance(value, bytes) else value.encode())
        return value

    def _structure(self, shape, depth, valid):
        """Every member that is secret, or leads to a secret."""
        found = super()._structure(shape, depth, valid)
        for name, held in shape.members.items():
            if name not in found and name not in EXTRA and leads_to_secret(held):
                found[name] = self._any(held, depth + 1, valid)
        return found


def leads_to_secret(shape, path=()):
    if shape.sensitive:
        return True
    if shape.name in path:
        return False
    inner = (*path, shape.name)
    if shape.type == "structure":
        return any(leads_to_secret(held, inner) for held in shape.members.values())
    return shape.type == "list" and leads_to_secret(shape.member, inner)


def served():
    for service, module in SERVICES.items():
        by_name = {found.python_name: found for found in model.load(service).operations.values()}
        for function in module.OPERATIONS:
            operation = by_name[function.__name__.rstrip("_")]
            if operation.input is not None and leads_to_secret(operation.input) and not operation.certified:
                yield service, operation


def forms(value):
    """As it may stand in a file: as it is, in JSON, in base64, in hexadecimal."""
    raw = value.decode(errors="replace")
    escaped = json.dumps(raw)[1:-1].encode()
    whole = base64.b64encode(value[: len(value) // 3 * 3])
    return {value[:200], escaped[:200], whole[:200], value.hex().encode()[:200]}


@pytest.fixture(scope="module")
def house():
    with running("eu-west-1", trail_log_seconds=0.2, trail_digest_seconds=1) as keystead:
        yield keystead


@pytest.fixture(scope="module")
def planted(house):
    """Every planted value, with the operation it went to; and every error that was answered."""
    values, errors = [], []
    clients = {}
    for service, operation in served():
        for seed in range(4):
            planter = Planter(zlib.crc32(f"{service}.{operation.name}.{seed}".encode()), broken=seed % 2 == 1)
            try:
                given = planter.valid(operation.input)
            except NoMatch:
                continue
            client = clients.setdefault(service, made(house, service))
            try:
                getattr(client, operation.python_name)(**given)
            except ClientError as error:
                errors.append((operation.name, json.dumps(error.response, default=str).encode()))
            except BotoCoreError:
                continue
            values += [(f"{service}.{operation.name}", value) for value in planter.planted]
    return values, errors


def made(house, service):
    """A client that checks nothing itself."""
    return house.client(service, config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))


def found_in(values, content):
    return {name for name, value in values if any(form in content for form in forms(value))}


def test_enough_was_planted_in_enough_operations(planted):
    values, errors = planted

    assert len({name for name, _ in values}) >= 12
    assert len(values) > 60
    assert len(errors) > 20


def test_no_planted_value_is_in_an_error(planted):
    values, errors = planted

    assert found_in(values, b"\n".join(text for _, text in errors)) == set()


async def test_no_planted_value_is_in_the_log_its_files_or_a_sink(house, planted, tmp_path):
    values, _ = planted
    sink = FileSink(FileSettings(path=str(tmp_path / "sink.json")))
    reader = Reader(house.data / "trail")
    records = reader.after(-1, 1_000_000)
    reader.close()
    await sink.deliver(records)
    await sink.close()
    segments = b"".join(path.read_bytes() for path in (house.data / "trail" / "segments").iterdir())
    files = delivered(house.data, json.loads(records[-1].event)["eventID"])
    others = b"".join(path.read_bytes() for path in (house.data / "trail").iterdir() if path.is_file())

    assert b"CreateUser" in segments or b"CreateSecret" in segments or b"Encrypt" in segments
    for content in (segments, files, others, (tmp_path / "sink.json").read_bytes()):
        assert found_in(values, content) == set()


def delivered(data, event_id):
    """All that is in the log files, once an event is among it."""
    deadline = time.monotonic() + 60
    while True:
        paths = (data / "bucket" / "AWSLogs").rglob("*.gz")
        files = b"".join(gzip.decompress(path.read_bytes()) for path in paths)
        if event_id.encode() in files:
            return files
        assert time.monotonic() < deadline
        time.sleep(0.1)  # the house delivers by itself


class Listener:
    """Keeps what the one client that comes sends; `answer` to a request over HTTP, none to a stream."""

    def __init__(self, answer=b""):
        self.heard = b""
        self.answer = answer
        self.ended = asyncio.Event()

    async def start(self):
        server = await asyncio.start_server(self._hear, "127.0.0.1")
        return server, server.sockets[0].getsockname()[1]

    async def _hear(self, reader, writer):
        if self.answer:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(re.search(rb"content-length: (\d+)", head.lower())[1])
            self.heard = head + await reader.readexactly(length)
            writer.write(self.answer)
        else:
            self.heard = await reader.read()
        writer.close()
        self.ended.set()


async def test_no_planted_value_is_in_what_the_other_sinks_send(house, planted, tmp_path):
    values, _ = planted
    reader = Reader(house.data / "trail")
    records = reader.after(-1, 1_000_000)
    reader.close()
    (tmp_path / "key").write_text(f"whsec_{base64.b64encode(bytes(32)).decode()}")
    ok = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    for kind in ("syslog", "webhook", "opentelemetry"):
        listener = Listener(b"" if kind == "syslog" else ok)
        server, port = await listener.start()
        sink = {
            "syslog": lambda at: SyslogSink(SyslogSettings(address=f"tcp://127.0.0.1:{at}", timeout=30.0)),
            "webhook": lambda at: WebhookSink(
                WebhookSettings(url=f"http://127.0.0.1:{at}/", key_file=str(tmp_path / "key"), timeout=30.0), "n"
            ),
            "opentelemetry": lambda at: OpenTelemetrySink(
                OpenTelemetrySettings(url=f"http://127.0.0.1:{at}/", timeout=30.0), "n"
            ),
        }[kind](port)

        await sink.deliver(records)
        await sink.close()
        await asyncio.wait_for(listener.ended.wait(), 60)
        server.close()

        assert listener.heard.count(b"eventID") >= len(records)
        assert found_in(values, listener.heard) == set(), kind


def test_no_planted_value_is_found_by_lookup_events(house, planted):
    values, _ = planted
    pages = house.client("cloudtrail").get_paginator("lookup_events").paginate()

    content = json.dumps([page["Events"] for page in pages], default=str).encode()

    assert len(content) > 10_000
    assert found_in(values, content) == set()


def test_what_is_planted_can_be_found():
    """The tests above can fail."""
    value = b"pLaNtEd" + b"0" * 33

    for content in (value, json.dumps({"x": value.decode()}).encode(), base64.b64encode(value), value.hex().encode()):
        assert found_in([("x", value)], b"..." + content + b"...") == {"x"}
