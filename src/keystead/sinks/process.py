"""The sinks' process: follows the log, gives every record to every sink, and tells the recorder how far those have come that are required.

It holds no keys but those of the sinks, and reads what is in the log already: what it does can delay an answer, and change none.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from keystead import logs
from keystead.keyholder.hardening import die_with_parent, harden_memory
from keystead.metrics import meters
from keystead.sinks import configuration, standing
from keystead.sinks.configuration import ConfigurationInvalid, FileSink, OpenTelemetrySink, Settings, SyslogSink
from keystead.sinks.line import Line
from keystead.sinks.promise import Sink
from keystead.sinks.standing import Standings
from keystead.trail.client import RecorderLost, SocketRecorder
from keystead.trail.errors import LogDamaged
from keystead.trail.gate import Teller
from keystead.trail.own_events import describing

FAILED: Final = 1
TELL_SECONDS: Final = 1.0
"""Between two lines about how the sinks stand."""
RETRY_SECONDS: Final = 0.2
STOP_SECONDS: Final = 3.0
"""How long sinks that lag, or do not answer, are waited for at the end."""
NOTES_LIMIT: Final = 1000
"""What has happened to sinks and could not be put on the record yet; of more, the oldest is given up."""


class Notes:
    """What happened to sinks, put on the record when that can be done: not while a required sink keeps the log shut."""

    def __init__(self, data: Path, path: Path) -> None:
        self._describe = describing(data)
        self._path = path
        self._waiting: deque[bytes] = deque(maxlen=NOTES_LIMIT)
        self._come = asyncio.Event()

    def tell(self, name: str, details: Mapping[str, object]) -> None:
        say(f"{name}: {', '.join(f'{key} {value}' for key, value in details.items())}")
        self._waiting.append(self._describe(name, at=time.time(), details=details))
        self._come.set()

    async def run(self) -> None:
        recorder = SocketRecorder.begin(self._path)
        try:
            while True:
                await self._come.wait()
                self._come.clear()
                while self._waiting:
                    with suppress(RecorderLost):
                        await recorder.record(self._waiting[0])
                        self._waiting.popleft()
        finally:
            await recorder.close()


class Reports:
    """Tells the recorder how far the required sinks are, over a connection that is made again when it goes."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._lines: Sequence[Line] = ()
        self._teller: Teller | None = None

    def moved(self) -> None:
        required = [line for line in self._lines if line.required]
        if self._teller is None or not required:
            return
        ill = ",".join(line.name for line in required if line.ill_since)
        try:
            self._teller.say(min(line.position for line in required), ill)
        except OSError:
            self._lose()

    async def run(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        try:
            while True:
                if self._teller is None:
                    self._connect()
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._lose()

    def _connect(self) -> None:
        try:
            self._teller = Teller(self._path)
        except OSError:
            return
        asyncio.get_running_loop().add_reader(self._teller.fileno(), self._hear)
        self.moved()

    def _hear(self) -> None:
        if self._teller is None:
            return
        try:
            while self._teller.heard():
                pass
        except OSError:
            self._lose()
        for line in self._lines:
            line.wake()

    def _lose(self) -> None:
        if self._teller is not None:
            asyncio.get_running_loop().remove_reader(self._teller.fileno())
            self._teller.close()
        self._teller = None


def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m keystead.sinks`, as the supervisor starts it. Exits with FAILED, or 0 after SIGTERM."""
    options = parse(arguments)
    die_with_parent()
    logs.name_process("sinks", options.log_format)
    if options.metrics is not None:
        meters.attach(options.metrics)
    harden_memory()
    os.umask(0o077)
    try:
        sinks = configuration.read(options.sinks_file)
        made = {name: make(name, settings, options.node) for name, settings in sinks.items()}
        asyncio.run(serve(options, sinks, made))
    except ConfigurationInvalid as error:
        say(error.text)
        sys.exit(FAILED)
    except LogDamaged as error:
        say(f"REFUSED: {error.text}")
        sys.exit(FAILED)


def make(name: str, settings: Settings, node: str) -> Sink:
    """Raises ConfigurationInvalid."""
    from keystead.sinks import http
    from keystead.sinks.file import FileSink as ToFile
    from keystead.sinks.syslog import SyslogSink as ToSyslog

    try:
        if isinstance(settings, FileSink):
            return ToFile(settings)
        if isinstance(settings, SyslogSink):
            return ToSyslog(settings)
        if isinstance(settings, OpenTelemetrySink):
            return http.OpenTelemetrySink(settings, node)
        return http.WebhookSink(settings, node)
    except OSError as error:
        raise ConfigurationInvalid(f"[{name}]: {error.filename}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationInvalid(f"[{name}]: {error}") from None


async def serve(options: argparse.Namespace, sinks: Mapping[str, Settings], made: Mapping[str, Sink]) -> None:
    """Raises LogDamaged."""
    folder = options.data / "trail"
    (folder / standing.FOLDER).mkdir(mode=0o700, exist_ok=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    notes = Notes(options.data, options.recorder_socket)
    reports = Reports(options.gate_socket) if options.gate_socket else None
    moved = reports.moved if reports is not None else lambda: None
    lines = [Line(name, settings, made[name], folder, notes.tell, moved) for name, settings in sinks.items()]
    beside = [asyncio.create_task(notes.run()), asyncio.create_task(tell_standing(folder, lines))]
    beside += [asyncio.create_task(reports.run(lines))] if reports is not None else []
    say(f"ready; {len(lines)} sinks: {', '.join(sinks)}")
    try:
        await follow(lines, stop)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def follow(lines: Sequence[Line], stop: asyncio.Event) -> None:
    """Until SIGTERM, and a little longer for those that lag. Raises LogDamaged when any of them does."""
    running = [asyncio.create_task(line.run(stop)) for line in lines]
    stopping = asyncio.create_task(stop.wait())
    everything: list[asyncio.Task[Any]] = [*running, stopping]
    try:
        await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            await asyncio.wait(running, timeout=STOP_SECONDS)
        for task in running:
            if task.done():
                task.result()
    finally:
        for task in everything:
            task.cancel()
        await asyncio.gather(*everything, return_exceptions=True)


async def tell_standing(folder: Path, lines: Sequence[Line]) -> None:
    while True:
        with suppress(OSError):
            standing.save(folder, Standings(time.time(), {line.name: line.standing() for line in lines}))
        await asyncio.sleep(TELL_SECONDS)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m keystead.sinks")
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--sinks-file", type=Path, required=True)
    options.add_argument("--node", required=True)
    options.add_argument("--recorder-socket", type=Path, required=True)
    options.add_argument("--gate-socket", type=Path, help="where any sink is required")
    options.add_argument("--metrics", type=Path, help="the page for this process's numbers")
    options.add_argument("--log-format", choices=logs.FORMS, default="plain")
    return options.parse_args(arguments)


say = partial(logs.say, "sinks")
