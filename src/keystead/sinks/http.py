"""Sinks over HTTP: a signed webhook, and OpenTelemetry's logs (OTLP 1.x over HTTP, as JSON).

webhook          POST {"records":[{"node","index","event"},…]}, signed; webhook-id is NODE-FIRST-LAST       2xx: taken
opentelemetry    POST ExportLogsServiceRequest; a record is a log record, its JSON the body                 200, nothing rejected

Redirections are not followed: the trail goes where it was told to, or nowhere.
"""

import ssl
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from keystead import __version__, webhooks
from keystead.sinks.configuration import OpenTelemetrySink as OpenTelemetrySettings
from keystead.sinks.configuration import WebhookSink as WebhookSettings
from keystead.sinks.promise import SinkFailed
from keystead.sinks.syslog import seen_of
from keystead.trail.segments import Record

JSON: Final = {"content-type": "application/json"}
INFO, WARN = (9, "INFO"), (13, "WARN")
"""OpenTelemetry, logs data model, severity number and text."""


class Poster:
    """One client to one URL."""

    def __init__(self, url: str, timeout: float, ca: str) -> None:
        verify = ssl.create_default_context(cafile=ca or None)
        self._url = url
        self._client = httpx.AsyncClient(timeout=timeout, verify=verify, trust_env=False, follow_redirects=False)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Raises SinkFailed."""
        try:
            response = await self._client.post(self._url, content=body, headers=dict(headers))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SinkFailed(f"{self._url}: {type(error).__name__}") from None
        if not response.is_success:
            raise SinkFailed(f"{self._url}: status {response.status_code}")
        return response.content

    async def close(self) -> None:
        await self._client.aclose()


class WebhookSink:
    """Raises OSError, webhooks.KeyUnusable when it is made."""

    def __init__(self, settings: WebhookSettings, node: str) -> None:
        self._key = webhooks.key_of(Path(settings.key_file).read_text())
        self._poster = Poster(settings.url, settings.timeout, settings.ca)
        self._node = node

    async def deliver(self, records: Sequence[Record]) -> None:
        body = msgspec.json.encode(
            {"records": [{"node": self._node, "index": one.index, "event": raw(one.event)} for one in records]}
        )
        message = f"{self._node}-{records[0].index}-{records[-1].index}"
        await self._poster.post(body, webhooks.headers(self._key, message, time.time(), body))

    async def close(self) -> None:
        await self._poster.close()


class OpenTelemetrySink:
    """Raises OSError, ValueError when it is made."""

    def __init__(self, settings: OpenTelemetrySettings, node: str) -> None:
        self._headers = {**headers_in(settings.headers_file), **JSON}
        self._poster = Poster(settings.url, settings.timeout, settings.ca)
        resource = {"service.name": "keystead", "service.version": __version__, "service.instance.id": node}
        self._resource = {"attributes": attributes(resource)}

    async def deliver(self, records: Sequence[Record]) -> None:
        scope = {"scope": {"name": "keystead.trail"}, "logRecords": [log_record(record) for record in records]}
        body = msgspec.json.encode({"resourceLogs": [{"resource": self._resource, "scopeLogs": [scope]}]})
        rejected = rejected_in(await self._poster.post(body, self._headers))
        if rejected:
            raise SinkFailed(f"{rejected} records were rejected")

    async def close(self) -> None:
        await self._poster.close()


def log_record(record: Record) -> dict[str, Any]:
    """Integers of 64 bits are text in JSON (OTLP, JSON Protobuf encoding)."""
    seen = seen_of(record.event)
    number, text = INFO if seen.error_code is None else WARN
    said = {"log.record.uid": seen.event_id, "event.name": seen.event_name}
    at = str(round(record.at * 1e6) * 1000)  # microseconds are what a float of such seconds holds
    return {
        "timeUnixNano": at,
        "observedTimeUnixNano": at,
        "severityNumber": number,
        "severityText": text,
        "body": {"stringValue": record.event.decode(errors="replace")},
        "attributes": [*attributes(said), {"key": "keystead.index", "value": {"intValue": str(record.index)}}],
    }


def attributes(said: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in said.items()]


def rejected_in(answer: bytes) -> int:
    """Of a partial success; an answer that is none says that all is well (OTLP, partial success)."""
    try:
        told = msgspec.json.decode(answer or b"{}")
        return int((told.get("partialSuccess") or {}).get("rejectedLogRecords") or 0)
    except (msgspec.MsgspecError, UnicodeDecodeError, AttributeError, ValueError):
        return 0


def raw(event: bytes) -> msgspec.Raw | str:
    """As it is where it is JSON, which the log does not insist on."""
    try:
        msgspec.json.decode(event)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return event.decode(errors="replace")
    return msgspec.Raw(event)


def headers_in(path: str) -> dict[str, str]:
    """Raises OSError, ValueError."""
    if not path:
        return {}
    found = {}
    for line in Path(path).read_text().splitlines():
        name, colon, value = line.partition(":")
        if not colon and line.strip():
            raise ValueError("a header is NAME: VALUE")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found
