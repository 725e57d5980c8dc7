"""Which sinks there are: sinks.toml in the data folder, or the file that KEYSTEAD_SINKS names.

    [archive]                                [siem]                                       [collector]
    type = "file"                            type = "webhook"                             type = "opentelemetry"
    path = "/var/log/keystead/trail.json"    url = "https://siem.example/keystead"        url = "http://127.0.0.1:4318/v1/logs"
    required = true                          key_file = "/etc/keystead/siem.key"          queue = 1000000

    [loghost]
    type = "syslog"
    address = "tls://loghost.example:6514"       also tcp://, udp:// and unix:///dev/log

Only whoever can write this file decides where the trail goes: no call of the API can. Secrets stand in files of their own.
"""

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

FILE: Final = "sinks.toml"
NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
TIMEOUT_LIMIT: Final = 2.5
"""Seconds that a required sink may take: less than the recorder's patience (trail.gate)."""
LOOPBACK: Final = "localhost"


class ConfigurationInvalid(Exception):
    """The file says something that cannot be done. `text` is for the operator."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Common(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """Of every sink.

    required  nothing is answered before its record is there
    timeout   seconds for a group of records
    queue     records that a sink may be behind before the oldest are passed over; a required one passes nothing over
    """

    required: bool = False
    timeout: float = 2.0
    queue: int = 1_000_000


class FileSink(Common, frozen=True, tag="file"):
    """A record a line, as JSON. rotate_bytes: 0 leaves it to others; keep: how many rotated files stay, 0 for all."""

    path: str
    rotate_bytes: int = 0
    keep: int = 0


class SyslogSink(Common, frozen=True, tag="syslog"):
    """RFC 5424. facility: 13 is "log audit" (RFC 5424 6.2.1); ca: a file of authorities for tls."""

    address: str
    facility: int = 13
    ca: str = ""


class WebhookSink(Common, frozen=True, tag="webhook"):
    """key_file holds whsec_ and the key in base64 (keystead.webhooks)."""

    url: str
    key_file: str
    ca: str = ""


class OpenTelemetrySink(Common, frozen=True, tag="opentelemetry"):
    """OTLP over HTTP. headers_file: NAME: VALUE, one a line."""

    url: str
    headers_file: str = ""
    ca: str = ""


Settings = FileSink | SyslogSink | WebhookSink | OpenTelemetrySink


def path_of(data: Path, named: str) -> Path | None:
    """The file of sinks; None where there is none."""
    if named:
        return Path(named)
    beside = data / FILE
    return beside if beside.exists() else None


def read(path: Path | None) -> dict[str, Settings]:
    """By name. Raises ConfigurationInvalid."""
    if path is None:
        return {}
    try:
        document = tomllib.loads(path.read_text())
        sinks = msgspec.convert(document, dict[str, Settings])
    except OSError as error:
        raise ConfigurationInvalid(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationInvalid(f"{path}: {error}.") from error
    for name, settings in sinks.items():
        if why := wrong(name, settings):
            raise ConfigurationInvalid(f"{path}, [{name}]: {why}.")
    return sinks


def wrong(name: str, settings: Settings) -> str | None:
    """What cannot be done."""
    if not NAME.fullmatch(name):
        return "a sink's name has small letters, digits and hyphens"
    if not 0 < settings.timeout <= 60 or settings.queue < 1:
        return "timeout is up to 60 seconds, and queue at least 1"
    if settings.required and settings.timeout > TIMEOUT_LIMIT:
        return f"a required sink has at most {TIMEOUT_LIMIT} seconds"
    if isinstance(settings, FileSink):
        return wrong_file(settings)
    if isinstance(settings, SyslogSink):
        return wrong_syslog(settings)
    return wrong_url(settings.url)


def wrong_file(settings: FileSink) -> str | None:
    if not Path(settings.path).is_absolute():
        return "path is absolute"
    return "rotate_bytes and keep are 0 or more" if min(settings.rotate_bytes, settings.keep) < 0 else None


def wrong_syslog(settings: SyslogSink) -> str | None:
    parts = urlsplit(settings.address)
    if parts.scheme not in {"udp", "tcp", "tls", "unix"} or not (
        parts.path if parts.scheme == "unix" else parts.hostname
    ):
        return "address is udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH"
    if not 0 <= settings.facility <= 23:
        return "facility is 0 to 23"
    if settings.required and parts.scheme == "udp":
        return "nobody can tell whether a datagram arrived: syslog over UDP cannot be required"
    return None


def wrong_url(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "url is http:// or https://"
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return "plain HTTP would show the trail to the network"
    return None


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == LOOPBACK
