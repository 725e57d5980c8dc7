"""Syslog: messages that the grammar of RFC 5424 takes, over every transport."""

import asyncio
import json
import re
import socket

import pytest

from keystead.sinks.configuration import SyslogSink as Settings
from keystead.sinks.promise import SinkFailed
from keystead.sinks.syslog import SyslogSink
from keystead.trail.segments import Record

from .conftest import numbers, until

MESSAGE = re.compile(
    # RFC 5424 6: HEADER SP STRUCTURED-DATA SP MSG
    rb"<(?P<pri>[1-9][0-9]{0,2}|0)>1 "
    rb"(?P<at>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,6}Z) "
    rb"(?P<host>-|[\x21-\x7e]{1,255}) (?P<app>[\x21-\x7e]{1,48}) (?P<process>-|[\x21-\x7e]{1,128}) "
    rb"(?P<id>-|[\x21-\x7e]{1,32}) "
    rb'\[meta sequenceId="(?P<sequence>[1-9][0-9]{0,9})"\] (?P<text>.*)',
    re.DOTALL,
)


def parts(message):
    found = MESSAGE.fullmatch(message)
    assert found, message[:200]
    return found


def frames(stream):
    """RFC 6587 3.4.1: MSG-LEN SP SYSLOG-MSG."""
    found = []
    while stream:
        length, _, rest = stream.partition(b" ")
        found.append(rest[: int(length)])
        stream = rest[int(length) :]
    return found


class Stream:
    """A receiver over TCP."""

    def __init__(self):
        self.received = b""
        self.writers = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.address = f"tcp://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def _take(self, reader, writer):
        self.writers.append(writer)
        while came := await reader.read(65536):
            self.received += came

    async def hang_up(self):
        for writer in self.writers:
            writer.close()
            await writer.wait_closed()
        self.writers.clear()

    async def __aexit__(self, *_):
        await self.hang_up()
        self.server.close()
        await self.server.wait_closed()


async def test_a_stream_gets_counted_messages(records):
    async with Stream() as receiver:
        sink = SyslogSink(Settings(address=receiver.address))

        await sink.deliver(records(3))
        await sink.deliver(records(2, first=3))
        await until(lambda: len(frames(receiver.received)) == 5)
        await sink.close()

        found = [parts(message) for message in frames(receiver.received)]
        assert numbers(one["text"] for one in found) == [0, 1, 2, 3, 4]
        assert [one["sequence"] for one in found] == [b"1", b"2", b"3", b"4", b"5"]
        assert found[0]["pri"] == b"110"
        assert (found[0]["app"], found[0]["id"]) == (b"keystead", b"Tested")


async def test_a_stream_that_was_closed_is_noticed_and_made_again(records):
    async with Stream() as receiver:
        sink = SyslogSink(Settings(address=receiver.address))
        await sink.deliver(records(1))
        await until(lambda: receiver.received)
        await receiver.hang_up()
        await until(lambda: sink.gone)

        with pytest.raises(SinkFailed):
            await sink.deliver(records(1, first=1))
        await sink.deliver(records(1, first=1))

        await until(lambda: len(frames(receiver.received)) == 2)
        await sink.close()


async def test_datagrams_carry_a_message_each(records, tmp_path):
    for scheme in ("udp", "unix"):
        family = socket.AF_INET if scheme == "udp" else socket.AF_UNIX
        with socket.socket(family, socket.SOCK_DGRAM) as receiver:
            receiver.settimeout(10)
            receiver.bind(("127.0.0.1", 0) if scheme == "udp" else str(tmp_path / "log"))
            address = f"udp://127.0.0.1:{receiver.getsockname()[1]}" if scheme == "udp" else f"unix://{tmp_path}/log"
            sink = SyslogSink(Settings(address=address))

            await sink.deliver(records(3))

            found = [parts(receiver.recv(65536)) for _ in range(3)]
            await sink.close()
        assert numbers(one["text"] for one in found) == [0, 1, 2]


async def test_what_no_datagram_holds_is_named_instead():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(10)
        receiver.bind(("127.0.0.1", 0))
        sink = SyslogSink(Settings(address=f"udp://127.0.0.1:{receiver.getsockname()[1]}"))
        large = json.dumps({"eventID": "an-id", "eventName": "Large", "text": "x" * 70_000}).encode()

        await sink.deliver([Record(7, 1.0, large)])

        found = parts(receiver.recv(65536))
        await sink.close()
    assert json.loads(found["text"]) == {"eventID": "an-id", "omitted": True, "index": 7}


async def test_a_failed_call_is_a_warning_and_a_strange_name_none(records):
    sink = SyslogSink(Settings(address="udp://127.0.0.1:9", facility=4))

    failed = sink._message(Record(0, 1.0, b'{"eventName": "Decrypt", "errorCode": "AccessDenied"}'))
    strange = sink._message(Record(2**31, 1.0, b'{"eventName": "two words"}'))
    none = sink._message(Record(0, 1.0, b"no JSON"))

    assert (parts(failed)["pri"], parts(failed)["id"]) == (b"36", b"Decrypt")
    assert (parts(strange)["id"], parts(strange)["sequence"]) == (b"-", b"2")
    assert parts(none)["text"] == b"no JSON"


async def test_nobody_there_is_a_failure(records, tmp_path):
    for address in ("tcp://127.0.0.1:1", f"unix://{tmp_path}/none"):
        with pytest.raises(SinkFailed):
            await SyslogSink(Settings(address=address)).deliver(records(1))
