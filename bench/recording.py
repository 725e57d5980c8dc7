"""What recording costs: a worker for each Encrypt, the recorder for each record, and the disk for each event.

    python bench/recording.py                100 000 records; results also in bench/recording.json

The recorder is a process of its own with its fdatasyncs, on the disk that TMPDIR names. Workers are played by processes that send
records over its socket, many in flight, as a loaded node does.
"""

import argparse
import asyncio
import gzip
import json
import multiprocessing
import os
import platform
import signal
import socket
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any, Final

from keystead.trail import event, log, redaction, segments
from keystead.trail.client import SocketRecorder
from keystead.trail.log import Log
from keystead.trail.log_files import HEAD, LEVEL, TAIL
from keystead.trail.notes import Notes
from keystead.trail.segments import Reader
from keystead.trail.serving import Serving
from keystead.wire import model

HERE: Final = Path(__file__).parent
ARN: Final = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
IDENTITY: Final = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLEEXAMPLE00:archivist",
    "arn": "arn:aws:sts::111122223333:assumed-role/archivist/archivist",
    "accountId": "111122223333",
    "accessKeyId": "ASIAEXAMPLEEXAMPLE00",
    "sessionContext": {
        "sessionIssuer": {
            "type": "Role",
            "principalId": "AROAEXAMPLEEXAMPLE00",
            "arn": "arn:aws:iam::111122223333:role/archivist",
            "accountId": "111122223333",
            "userName": "archivist",
        },
        "attributes": {"creationDate": "2026-11-24T08:00:00Z", "mfaAuthenticated": "false"},
    },
}
AGENT: Final = "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.12 lang/python#3.11.7 cfg/retry-mode#standard"
IN_FLIGHT: Final = 512
SENDERS: Final = 2
GOALS: Final = {"worker_us": 15.0, "records_per_second": 50_000.0, "bytes_per_event": 250.0}
REDACTOR: Final = redaction.compile("kms", model.load("kms").operations["Encrypt"])


def made(number: int) -> bytes:
    """The event of one Encrypt, as the gateway makes it."""
    notes = Notes()
    notes.resource("111122223333", "AWS::KMS::Key", ARN)
    notes.additional["keyMaterialId"] = "ab" * 32
    given = {"key_id": ARN, "plaintext": b"x" * 64, "encryption_context": {"file": f"a/path/to/file-{number}"}}
    return event.event(
        request_id=request_id(),
        at=time.time(),
        source="kms.amazonaws.com",
        name="Encrypt",
        region="eu-west-1",
        identity=IDENTITY,
        invoked_by=None,
        source_ip="192.0.2.17",
        user_agent=AGENT,
        error=None,
        parameters=REDACTOR.parameters(given),
        response=None,
        notes=notes,
        read_only=True,
        recipient_account="111122223333",
        tls={"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_256_GCM_SHA384"},
        shared_id=None,
    )


def request_id() -> str:
    digits = event.randomness.take(32)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def describe(name: str, *, at: float, details: Any) -> bytes:
    return event.internal_event(name, account="111122223333", region="eu-west-1", at=at, details=details)


def record(folder: Path, listener: socket.socket, told: Any) -> None:
    """The recorder's process, without a keyholder; its CPU seconds at the end."""
    opened = Log(folder, describe)
    Serving(opened, listener, lambda _size, _root: b"note\n", 3600.0, lambda _: None).run()
    used = os.times()
    told.send(used.user + used.system)


async def send(path: Path, events: list[bytes], fresh: bool) -> None:
    """All of them, IN_FLIGHT at once."""
    recorder = await SocketRecorder.connect(path)
    numbers = iter(range(len(events)))

    async def one() -> None:
        for number in numbers:
            await recorder.record(made(number) if fresh else events[number])

    await asyncio.gather(*(one() for _ in range(IN_FLIGHT)))
    await recorder.close()


def sender(path: Path, events: list[bytes], fresh: bool, told: Any) -> None:
    before = os.times()
    asyncio.run(send(path, events, fresh))
    after = os.times()
    told.send(after.user + after.system - before.user - before.system)


def run(count: int, senders: int, fresh: bool) -> dict[str, float]:
    """`fresh`: the senders make each event themselves."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "trail"
        log.create(folder)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{name}/socket")
        listener.listen()
        here, there = multiprocessing.Pipe()
        recorder = multiprocessing.Process(target=record, args=(folder, listener, there))
        recorder.start()
        events = [made(number) for number in range(count // senders)]
        pipes = [multiprocessing.Pipe() for _ in range(senders)]
        work = [
            multiprocessing.Process(target=sender, args=(Path(name) / "socket", events, fresh, pipe[1]))
            for pipe in pipes
        ]
        began = time.perf_counter()
        for one in work:
            one.start()
        used = sum(pipe[0].recv() for pipe in pipes)
        took = time.perf_counter() - began
        os.kill(recorder.pid or 0, signal.SIGTERM)
        cpu = here.recv()
        for one in (*work, recorder):
            one.join()
        sent = count // senders * senders
        sizes = stored(folder, sent) if not fresh else {}
        return {
            "records_per_second": sent / took,
            "sender_us": used / sent * 1e6,
            "recorder_us": cpu / sent * 1e6,
            **sizes,
        }


def stored(folder: Path, count: int) -> dict[str, float]:
    """Bytes of an event: in the log, in the log packed, and in a log file."""
    raw = b"".join(path.read_bytes() for path in (folder / segments.FOLDER).iterdir())
    reader = Reader(folder)
    events = [one.event for one in reader.after(-1, min(count, 20_000))]
    reader.close()
    file = gzip.compress(HEAD + b",".join(events) + TAIL, LEVEL, mtime=0)
    return {
        "log_bytes": len(raw) / count,
        "log_packed_bytes": len(zlib.compress(raw, LEVEL)) / count,
        "file_bytes": len(file) / len(events),
    }


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--records", type=int, default=100_000)
    asked = options.parse_args()
    alone = run(asked.records, 1, fresh=True)
    plain = run(asked.records, 1, fresh=False)
    loaded = run(asked.records, SENDERS, fresh=False)
    found = {
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}",
        "worker_us": alone["sender_us"],
        "worker_without_event_us": plain["sender_us"],
        "recorder_us": min(plain["recorder_us"], loaded["recorder_us"]),
        "records_per_second": max(plain["records_per_second"], loaded["records_per_second"]),
        "records_per_second_of_recorder_cpu": 1e6 / min(plain["recorder_us"], loaded["recorder_us"]),
        "log_bytes": loaded["log_bytes"],
        "log_packed_bytes": loaded["log_packed_bytes"],
        "bytes_per_event": loaded["file_bytes"],
    }
    for name, value in found.items():
        goal = f"   (goal {GOALS[name]:,.0f})" if name in GOALS else ""
        print(f"{name:<36}{value if isinstance(value, str) else f'{value:,.1f}'}{goal}")
    (HERE / "recording.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
