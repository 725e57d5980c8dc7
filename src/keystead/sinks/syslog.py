"""Syslog: a message for each record (RFC 5424), as a datagram, or counted in octets on a stream (RFC 6587 3.4.1, RFC 5425).

<PRI>1 TIMESTAMP HOST keystead - MSGID [meta sequenceId="N"] {…the record…}

Severity is "warning" for a call that failed, else "informational". A stream has no answers: what it has taken may be lost with the
machine at its other end. The next record then finds the stream closed, and the ones before it are not sent again.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from keystead.sinks.configuration import SyslogSink as Settings
from keystead.sinks.promise import SinkFailed
from keystead.trail.segments import Record

WARNING, INFORMATIONAL = 4, 6
APPLICATION: Final = "keystead"
PORTS: Final = {"udp": 514, "tcp": 514, "tls": 6514}
"""RFC 5426, RFC 5425; for TCP what everybody takes."""
DATAGRAM_LIMIT: Final = 60_000
"""Bytes of a message: a datagram holds no more than 65 507."""
NAME: Final = re.compile(r"[\x21-\x7e]{1,32}")
SEQUENCE_LIMIT: Final = 2**31 - 1
"""RFC 5424 7.3.1."""


class Seen(msgspec.Struct, rename="camel"):
    """What a message says of a record before the record."""

    event_name: str = ""
    error_code: str | None = None
    event_id: str = msgspec.field(name="eventID", default="")


SEEN: Final = msgspec.json.Decoder(Seen)


class SyslogSink:
    """Over one connection, made again when it has gone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._where = urlsplit(settings.address)
        self._host = socket.gethostname() or "-"
        self._socket: socket.socket | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def deliver(self, records: Sequence[Record]) -> None:
        try:
            if self._where.scheme in {"tcp", "tls"}:
                await self._stream([self._message(record) for record in records])
            else:
                await self._datagrams([self._message(record, DATAGRAM_LIMIT) for record in records])
        except (OSError, ssl.SSLError) as error:
            await self.close()
            raise SinkFailed(
                f"{self._settings.address}: {getattr(error, 'strerror', None) or type(error).__name__}"
            ) from None
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._streams is not None:
            self._streams[1].transport.abort()
        self._socket = self._streams = None

    @property
    def gone(self) -> bool:
        """Whether the other end of the stream is known to have gone."""
        return self._streams is not None and (self._streams[0].at_eof() or self._streams[1].is_closing())

    async def _stream(self, messages: Sequence[bytes]) -> None:
        _, writer = self._streams or await self._connect()
        if self.gone:
            raise ConnectionResetError
        writer.write(b"".join(b"%d %b" % (len(message), message) for message in messages))
        await writer.drain()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        scheme, host = self._where.scheme, self._where.hostname or ""
        secured = ssl.create_default_context(cafile=self._settings.ca or None) if scheme == "tls" else None
        self._streams = await asyncio.open_connection(host, port_of(self._where), ssl=secured)
        return self._streams

    async def _datagrams(self, messages: Sequence[bytes]) -> None:
        loop = asyncio.get_running_loop()
        if self._socket is None:
            self._socket = await asyncio.to_thread(connected, self._where)
        for message in messages:
            await loop.sock_sendall(self._socket, message)

    def _message(self, record: Record, limit: int | None = None) -> bytes:
        seen = seen_of(record.event)
        severity = INFORMATIONAL if seen.error_code is None else WARNING
        at = datetime.fromtimestamp(record.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        name = seen.event_name if NAME.fullmatch(seen.event_name) else "-"
        head = (
            f"<{self._settings.facility * 8 + severity}>1 {at} {self._host} {APPLICATION} - {name} "
            f'[meta sequenceId="{record.index % SEQUENCE_LIMIT + 1}"] '
        ).encode()
        if limit is not None and len(head) + len(record.event) > limit:
            return head + msgspec.json.encode({"eventID": seen.event_id, "omitted": True, "index": record.index})
        return head + record.event


def seen_of(event: bytes) -> Seen:
    try:
        return SEEN.decode(event)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Seen()


def port_of(where: SplitResult) -> int:
    return where.port or PORTS[where.scheme]


def connected(where: SplitResult) -> socket.socket:
    """A datagram socket. Raises OSError."""
    if where.scheme == "unix":
        return to_path(where.path)
    family, kind, protocol, _, address = socket.getaddrinfo(where.hostname, port_of(where), type=socket.SOCK_DGRAM)[0]
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    made.connect(address)
    return made


def to_path(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        made.connect(path)
    except OSError:
        made.close()
        raise
    made.setblocking(False)
    return made
