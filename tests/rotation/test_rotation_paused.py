"""A rotator that is stopped in the middle of a step: its lease lapses, another node finishes the rotation, and it can write nothing."""

import json
import os
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from installation import Node, install, join
from keystead.cli.verbs import application
from postgresql import Databases
from rotated import until

pytestmark = [pytest.mark.whole, pytest.mark.slow, pytest.mark.timeout(240)]

PATIENCE = 90
"""Seconds. The lease runs for 10, and the step is looked at again after 15."""


class Function(ThreadingHTTPServer):
    """A rotation function behind a URL. It keeps its first caller waiting until `go` is set, having done nothing."""

    def __init__(self) -> None:
        self.waiting, self.go = threading.Event(), threading.Event()
        self.steps: list[str] = []
        self._first = True
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)

    def perform(self, event: dict[str, Any]) -> None:
        with self._lock:
            first, self._first = self._first, False
            self.steps.append(event["Step"])
        if first:
            self.waiting.set()
            assert self.go.wait(PATIENCE)
            return
        given = event["Keystead"]["Credentials"]
        client = boto3.client(
            "secretsmanager",
            endpoint_url=event["Keystead"]["Endpoint"],
            region_name=event["Keystead"]["Region"],
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        secret, token = event["SecretId"], event["ClientRequestToken"]
        if event["Step"] == "createSecret":
            client.put_secret_value(
                SecretId=secret, ClientRequestToken=token, SecretString=token, VersionStages=["AWSPENDING"]
            )
        if event["Step"] == "finishSecret":
            old = client.get_secret_value(SecretId=secret)["VersionId"]
            client.update_secret_version_stage(
                SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=old
            )


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Function)
        self.server.perform(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        with suppress(OSError):  # who asked may be gone
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def function() -> Iterator[Function]:
    with Function() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.go.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def nodes(tmp_path: Path, postgresql_url: str) -> Iterator[list[Node]]:
    first = Node(tmp_path / "one", install(tmp_path / "one", database=postgresql_url))
    join(tmp_path / "two", first.data, postgresql_url)
    with open(tmp_path / "log", "wb") as log:
        made = [Node(tmp_path / name, first.facts, log=log.fileno()) for name in ("one", "two")]
        try:
            yield [node.start("--database", postgresql_url) for node in made]
        finally:
            for node in made:
                node.stop()


def registered(node: Node, function: Function, database: str) -> str:
    """Its ARN."""
    key = node.client("secretsmanager").create_secret(Name="key", SecretString=f"whsec_{'A' * 43}=")["ARN"]
    named = ["register", "mine", "--data", str(node.data), "--url", f"http://127.0.0.1:{function.server_port}/"]
    words = ["function", *named, "--signing-secret", key, "--output", "json"]
    done = CliRunner().invoke(application(["function"]), words, env={"KEYSTEAD_DATABASE": database})
    assert done.exit_code == 0, done.stderr
    return str(json.loads(done.stdout)["function"])


def test_a_rotator_that_was_paused_past_its_lease_writes_nothing(
    nodes: list[Node], function: Function, postgresql: Databases, postgresql_url: str, tmp_path: Path
) -> None:
    def rows(statement: str) -> list[dict[str, Any]]:
        return [dict(row) for row in postgresql.execute(statement, postgresql_url)]

    client = nodes[0].client("secretsmanager")
    arn = client.create_secret(Name="app", SecretString="first")["ARN"]
    token = str(uuid.uuid4())
    mine = registered(nodes[0], function, postgresql_url)
    client.rotate_secret(SecretId=arn, ClientRequestToken=token, RotationLambdaARN=mine)

    assert function.waiting.wait(PATIENCE)
    (lease,) = rows("SELECT * FROM leases WHERE name LIKE 'rotation/%'")
    paused = int(lease["holder"].rpartition("/")[2])
    assert paused in {number for node in nodes for number in node.processes()["rotator"]}
    os.kill(paused, signal.SIGSTOP)
    try:
        until(lambda: client.get_secret_value(SecretId=arn)["VersionId"] == token, PATIENCE)
    finally:
        function.go.set()
        os.kill(paused, signal.SIGCONT)

    until(lambda: b"rotation interrupted" in (tmp_path / "log").read_bytes(), PATIENCE)
    (taken,) = rows("SELECT * FROM leases WHERE name LIKE 'rotation/%'")
    assert taken["fence"] > lease["fence"]
    assert taken["holder"] != lease["holder"]
    (run,) = rows("SELECT * FROM rotation_runs")
    assert (run["state"], run["attempt"]) == ("done", 0)
    assert function.steps == ["createSecret", "createSecret", "setSecret", "testSecret", "finishSecret"]
    assert client.describe_secret(SecretId=arn)["VersionIdsToStages"][token] == ["AWSCURRENT", "AWSPENDING"]
    until(lambda: told(nodes, arn, "RotationSucceeded"), PATIENCE)
    names = ("RotationStarted", "RotationSucceeded", "RotationFailed", "RotationAbandoned")
    assert [told(nodes, arn, name) for name in names] == [1, 1, 0, 0]


def told(nodes: list[Node], arn: str, name: str) -> int:
    """How often the trail says so of the secret."""
    trail = nodes[0].client("cloudtrail")
    found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
    records = [json.loads(event["CloudTrailEvent"]) for event in found]
    return sum(one["additionalEventData"]["SecretId"] == arn for one in records)
