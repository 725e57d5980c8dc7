"""A real node: the commands of the README, its processes, and stock clients pointed at it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

COMMAND = [sys.executable, "-m", "keystead"]


@dataclass
class Node:
    """A served installation."""

    data: Path
    facts: dict[str, str]
    url: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self, *options: str) -> "Node":
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "--data", str(self.data), "--port", "0", *options], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Keystead is ready at "), line
        self.url = line.split()[-1]
        return self

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
    return {"keystead.keyholder": "keyholder", "keystead.trail": "recorder"}.get(module, after)


def install(data: Path, *options: str) -> dict[str, str]:
    done = subprocess.run(
        [*COMMAND, "init", "--data", str(data), "--output", "json", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    facts: dict[str, str] = json.loads(done.stdout)
    return facts


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One node with two workers for a whole file of tests."""
    data = tmp_path_factory.mktemp("node") / "data"
    served = Node(data, install(data)).start("--workers", "2")
    yield served
    served.stop()


@pytest.fixture
def new_node(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Nodes for tests that break them."""
    made: list[Node] = []

    def make(*options: str, init: tuple[str, ...] = ()) -> Node:
        data = tmp_path / f"data{len(made)}"
        served = Node(data, install(data, *init))
        made.append(served)
        return served.start(*options)

    yield make
    for served in made:
        if served.process is not None:
            served.stop()


@pytest.fixture
def kms(node: Node) -> Any:
    return node.client("kms")


@pytest.fixture
def key(kms: Any) -> dict[str, Any]:
    made: dict[str, Any] = kms.create_key()["KeyMetadata"]
    return made
