"""A real installation for tests: its folder, its processes, and stock clients pointed at it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from keystead.trail.segments import Walk

COMMAND = [sys.executable, "-m", "keystead"]
REQUEST_ID = re.compile(rb'"requestID":"([0-9a-f-]{36})"')
UNRECORDED = re.compile(r" is in the database(, since \S+)?, and no record made it$")


@dataclass
class Node:
    """A served installation.

    settings  of its processes' environment: what must not stand in a command line, or is no option
    """

    data: Path
    facts: dict[str, str] = field(repr=False)
    url: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)
    settings: dict[str, str] = field(default_factory=dict, repr=False)
    log: int | None = field(default=None, repr=False)

    def start(self, *options: str) -> "Node":
        """The last --port counts."""
        self.launch(*options)
        line = self.announced()
        assert line.startswith("Keystead is ready at "), line
        self.url = line.split()[-1]
        return self

    def launch(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "--data", str(self.data), "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env={**os.environ, **self.settings},
        )

    def announced(self) -> str:
        """What it says when it is ready; nothing when it ends instead."""
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            until(lambda: {"scheduler", "rotator"} <= set(self.processes()))  # started last, when the others serve
        return line

    def kill(self) -> None:
        """The supervisor dies, and all that it started with it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status

    def client(self, service: str, credentials: dict[str, str] | None = None, **named: Any) -> Any:
        given = credentials or {
            "AccessKeyId": self.facts["access_key_id"],
            "SecretAccessKey": self.facts["secret_access_key"],
        }
        named.setdefault("config", Config(retries={"mode": "standard", "max_attempts": 1}))
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=named.pop("region_name", self.facts["region"]),
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
            **named,
        )

    def aws(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": self.facts["region"],
            "AWS_ACCESS_KEY_ID": self.facts["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.facts["secret_access_key"],
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "AWS_MAX_ATTEMPTS": "1",
        }
        aws = str(Path(sys.executable).parent / "aws")
        return subprocess.run(
            [aws, *arguments, "--output", "json"], env=environment, capture_output=True, text=True, check=check
        )

    def processes(self) -> dict[str, list[int]]:
        """Process ids of the supervisor's children, by what they are."""
        assert self.process is not None
        found: dict[str, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                arguments = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if parent == self.process.pid:
                found.setdefault(kind(arguments), []).append(int(entry.name))
        return found


def kind(arguments: list[str]) -> str:
    module = arguments[arguments.index("-m") + 1] if "-m" in arguments else ""
    after = arguments[arguments.index("-m") + 2] if module == "keystead.app" else ""
    known = {"keystead.keyholder": "keyholder", "keystead.trail": "recorder", "keystead.sinks": "sinks"}
    known |= {"keystead.fork_server": "fork server", "keystead.keyholder.hsm_process": "hsm"}
    return known.get(module, after)


def install(data: Path, *options: str, database: str = "") -> dict[str, str]:
    done = subprocess.run(
        [*COMMAND, "init", "--data", str(data), "--output", "json", *options],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "KEYSTEAD_DATABASE": database},
    )
    facts: dict[str, str] = json.loads(done.stdout)
    return facts


def join(data: Path, source: Path, database: str) -> None:
    """A further node's folder."""
    subprocess.run(
        [*COMMAND, "join", "--data", str(data), "--from", str(source)],
        capture_output=True,
        check=True,
        env={**os.environ, "KEYSTEAD_DATABASE": database},
    )


def health(url: str) -> tuple[int, dict[str, str]]:
    """Status and page; status 0 where nobody answers."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as page:
            return int(page.status), json.load(page)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        return 0, {}


def until(holds: Callable[[], object], seconds: float = 10.0) -> float:
    """Wait for something to become true; how long it took."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > seconds:
            pytest.fail(f"not so within {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - started


def verify_trail(data: Path, database: str = "", *options: str) -> subprocess.CompletedProcess[str]:
    """Of a node over another database than the file in its folder, the digests' keys lie there."""
    return subprocess.run(
        [*COMMAND, "trail", "verify", "--data", str(data), *options],
        env={**os.environ, "KEYSTEAD_DATABASE": database},
        capture_output=True,
        text=True,
        check=False,
    )


def contradictions(data: Path, database: str = "") -> list[str]:
    """What verification finds but for what a kill leaves: something committed by a call that was neither recorded nor answered."""
    told = json.loads(verify_trail(data, database, "--output", "json").stdout)
    return [found for found in told["findings"] if not UNRECORDED.search(found)]


def recorded(data: Path) -> set[str]:
    """The request ids in a node's log."""
    found: set[str] = set()
    for stored in Walk.at(data / "trail", 0):
        found.update(match.decode() for match in REQUEST_ID.findall(stored.event))
    return found
