"""A Keystead of the demo's own, set up and started with the same commands that a person would type, and its clients."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

START_SECONDS: Final = 60
OFTEN: Final = {
    "KEYSTEAD_CHECKPOINT_SECONDS": "1",
    "KEYSTEAD_TRAIL_LOG_SECONDS": "2",
    "KEYSTEAD_TRAIL_DIGEST_SECONDS": "5",
}
"""So that nobody has to wait an hour for the first digest."""
WIDTH: Final = "110"
"""Columns of what `keystead` prints."""
RETRIES: Final = Config(retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=16)


class DemoFailed(Exception):
    """Something did not go as promised; the text says what."""


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class Stage:
    """A running Keystead. `policy`: the file that names its witness. `calls` counts what the clients asked for, to be compared with the trail at the end."""

    data: Path
    endpoint_url: str
    region: str
    account: str
    administrator: Credentials
    policy: Path
    calls: Counter[str] = field(default_factory=Counter)
    request_ids: set[str] = field(default_factory=set)

    @property
    def root(self) -> str:
        """The account's root, as policies name it."""
        return f"arn:aws:iam::{self.account}:root"

    def assume(self, role: str) -> Credentials:
        given = self.client("sts").assume_role(RoleArn=role, RoleSessionName="demo")["Credentials"]
        return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def keystead(self, *arguments: str) -> str:
        """One `keystead` command that asks the server, as the administrator; its standard output."""
        return run(*arguments, **self._environment() | {"COLUMNS": WIDTH})

    def client(self, service: str, who: Credentials | None = None) -> Any:
        """boto3's own client; the only thing that is not its default is the endpoint."""
        who = who or self.administrator
        client = boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=who.access_key_id,
            aws_secret_access_key=who.secret_access_key,
            aws_session_token=who.session_token,
            config=RETRIES,
        )
        client.meta.events.register("after-call", self._note)
        return client

    def aws(self, *arguments: str) -> Any:
        """The AWS CLI as the administrator; its JSON answer, or None where it prints nothing."""
        self.calls[operation_name(arguments[1])] += 1
        done = subprocess.run(
            [command("aws"), *arguments, "--output", "json"],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoFailed(f"aws {' '.join(arguments[:2])}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def aws_says(self, *arguments: str) -> tuple[int, list[str]]:
        """The exit status and the lines of an AWS CLI command that is a whole program of its own."""
        done = subprocess.run(
            [command("aws"), *arguments], env=self._environment(), capture_output=True, text=True, check=False
        )
        return done.returncode, [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return own | {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.administrator.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.administrator.secret_access_key,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }

    def _note(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        self.calls[model.name] += 1
        self.request_ids.add(parsed["ResponseMetadata"]["RequestId"])


def operation_name(verb: str) -> str:
    """`create-key` is CreateKey."""
    return "".join(word.capitalize() for word in verb.split("-"))


def command(name: str) -> str:
    """A command from this environment, else from the path."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise DemoFailed(f"The demo needs the `{name}` command: pip install 'keystead[demo]'")
    return found


@contextmanager
def keystead(data: Path) -> Iterator[Stage]:
    """`keystead init` and `keystead serve` on a free port, and a witness beside it; stopped at the end."""
    facts = json.loads(run("init", "--data", str(data), "--output", "json"))
    policy = data.with_name("policy")
    with (
        witness(data.with_name("witness"), data, policy),
        serving("serve", "--data", str(data), "--port", "0", **OFTEN, KEYSTEAD_TRAIL_POLICY=str(policy)) as url,
    ):
        administrator = Credentials(facts["access_key_id"], facts["secret_access_key"])
        yield Stage(data, url, facts["region"], facts["account_id"], administrator, policy)


@contextmanager
def witness(folder: Path, data: Path, policy: Path) -> Iterator[None]:
    """Somebody else's server that cosigns the log, and the policy that asks for it."""
    made = json.loads(
        run("witness", "init", "--data", str(folder), "--name", "witness.example/demo", "--output", "json")
    )
    keys = (data / "trail" / "checkpoint.vkeys").read_text().split()
    run("witness", "add-log", "--data", str(folder), *keys)
    with serving("witness", "serve", "--data", str(folder), "--port", "0") as url:
        lines = [*(f"log {key}" for key in keys), f"witness auditor {made['keys'][0]} {url}", "quorum auditor"]
        policy.write_text("".join(f"{line}\n" for line in lines))
        yield


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[str]:
    """The URL of a server of this `keystead`, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "keystead", *arguments], stdout=subprocess.PIPE, text=True, env=os.environ | environment
    )
    assert process.stdout is not None  # noqa: S101  # it was asked for
    try:
        line = process.stdout.readline().strip()
        if not line:
            raise DemoFailed(f"keystead {arguments[0]} did not start.")
        yield line.rsplit(" ", 1)[-1]
    finally:
        process.terminate()
        process.wait(START_SECONDS)
        process.stdout.close()


def run(*arguments: str, **environment: str) -> str:
    """One `keystead` command; its standard output."""
    status, output = says(*arguments, **environment)
    if status:
        raise DemoFailed(f"keystead {' '.join(arguments[:2])}: {output.strip()}")
    return output


def says(*arguments: str, **environment: str) -> tuple[int, str]:
    """The exit status of a `keystead` command, and its output; what it says of a failure where there is none."""
    command = [sys.executable, "-m", "keystead", *arguments]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout or done.stderr
