"""Functions written for Lambda rotate real databases, unmodified; what misbehaves harms nothing."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from keystead.cli.verbs import application
from keystead.rotation.credential import Credential
from keystead.testing import Keystead
from rotated import Rotated, events, until
from servers import MariaDBServer
from targets import MariaDBTarget

RUNNER = CliRunner()
FUNCTIONS = Path(__file__).parent / "functions"
SOAK = bool(os.environ.get("KEYSTEAD_SOAK"))

DEATHS = [
    ("PutSecretValue", "after"),
    ("SET PASSWORD", "after"),
    ("PutSecretValue", "before"),
    ("SET PASSWORD", "before"),
    ("UpdateSecretVersionStage", "before"),
    ("UpdateSecretVersionStage", "after"),
]
"""The writes of functions/mariadb; the first two always, all with KEYSTEAD_SOAK=1."""


def run(*words: str) -> Any:
    """A verb's JSON."""
    done = RUNNER.invoke(application([words[0]]), list(words))
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def registered(keystead: Keystead, name: str, *more: str) -> str:
    """Its ARN."""
    found = run("function", "register", name, "--data", str(keystead.data), "--output", "json", *more)
    return str(found["function"])


@pytest.mark.slow
def test_a_function_written_for_lambda_rotates_a_database_twice(keystead: Keystead, mariadb: MariaDBServer) -> None:
    directory = str(FUNCTIONS / "mariadb")
    arn = registered(keystead, "mine", "--directory", directory, "--handler", "lambda_function.lambda_handler")
    target = MariaDBTarget(mariadb)
    secret = Rotated(keystead, target, arn.rpartition(":")[2])

    second = secret.rotated(secret.rotate())
    third = secret.rotated(secret.rotate())

    assert [target.logs_in(who) for who in (secret.first, second, third)] == [False, False, True]


@pytest.mark.slow
@pytest.mark.parametrize(("write", "when"), DEATHS if SOAK else DEATHS[:2])
def test_a_function_that_is_killed_at_a_write_leaves_what_works_and_is_completed_later(
    keystead: Keystead, mariadb: MariaDBServer, write: str, when: str
) -> None:
    words = ("dying", "--directory", str(FUNCTIONS / "mariadb"), "--handler", "dying.lambda_handler")
    arn = registered(keystead, *words, "--variable", f"DIE={write} {when}")
    target = MariaDBTarget(mariadb)
    secret = Rotated(keystead, target, arn.rpartition(":")[2])
    first = secret.labels()["AWSCURRENT"]

    token = secret.rotate()
    moved = (write, when) == ("UpdateSecretVersionStage", "after")
    until(lambda: events(secret, "RotationSucceeded" if moved else "RotationFailed"))
    labels = secret.labels()
    working = [target.logs_in(who) for who in credentials(secret)]
    registered(keystead, *words, "--variable", "DIE=")
    if not moved:
        with pytest.raises(secret.client.exceptions.InvalidRequestException, match="will be reattempted"):
            secret.rotate()
    current = secret.rotated(token)

    assert labels["AWSCURRENT"] == (token if moved else first)
    assert any(working)
    assert target.logs_in(current)


def credentials(secret: Rotated) -> Iterator[Credential]:
    """The current one, and the pending one where it has a value."""
    for stage in ("AWSCURRENT", "AWSPENDING"):
        with suppress(secret.client.exceptions.ResourceNotFoundException):
            value = secret.client.get_secret_value(SecretId=secret.arn, VersionStage=stage)
            yield Credential.read(value["SecretString"])


HARMLESS = {
    #  function                 the kind of error that the record names
    "promotes_at_once":        "AccessDeniedException",
    "promotes_untested":       "AccessDeniedException",
    "writes_another_version":  "AccessDeniedException",
    "labels_of_its_own":       "AccessDeniedException",
    "reads_another_secret":    "AccessDeniedException",
    "does_nothing":            "StepRefused",
    "never_finishes":          "StepRefused",
    "prints_everything":       "ValueError",
    "hangs":                   "TimedOut",
    "dies":                    "Status3",
}  # fmt: skip  # a table


@pytest.mark.slow
@pytest.mark.parametrize("handler", HARMLESS)
def test_a_function_that_misbehaves_harms_nothing(
    keystead: Keystead, mariadb: MariaDBServer, handler: str, capfd: pytest.CaptureFixture[str]
) -> None:
    other = keystead.client("secretsmanager").create_secret(Name=f"other-{handler}", SecretString="not its business")
    arn = registered(
        keystead, handler, "--directory", str(FUNCTIONS / "misbehaving"), "--handler", f"app.{handler}",
        "--variable", f"OTHER={other['ARN']}", "--seconds", "4",
    )  # fmt: skip  # an option and its value stand together
    target = MariaDBTarget(mariadb)
    secret = Rotated(keystead, target, arn.rpartition(":")[2])
    before = secret.labels()["AWSCURRENT"]

    secret.rotate()
    failed = until(lambda: events(secret, "RotationFailed"))[-1]
    secret.client.cancel_rotate_secret(SecretId=secret.arn)

    assert secret.labels()["AWSCURRENT"] == before
    assert set(secret.labels()) <= {"AWSCURRENT", "AWSPENDING"}
    assert target.logs_in(secret.current())
    assert failed["serviceEventDetails"]["error"].removeprefix("ClientError") in {HARMLESS[handler], ""}
    assert secret.first.password not in "".join(capfd.readouterr())
    assert secret.first.password not in json.dumps(failed)


@pytest.mark.slow
def test_what_a_function_does_after_its_step_is_refused(keystead: Keystead, mariadb: MariaDBServer) -> None:
    arn = registered(keystead, "late", "--directory", str(FUNCTIONS / "misbehaving"), "--handler", "app.comes_late")
    secret = Rotated(keystead, MariaDBTarget(mariadb), arn.rpartition(":")[2])

    version = secret.rotate()
    until(lambda: events(secret, "RotationFailed"))
    secret.client.cancel_rotate_secret(SecretId=secret.arn)
    time.sleep(4)  # its child would have come by now

    with pytest.raises(secret.client.exceptions.ResourceNotFoundException):
        secret.client.get_secret_value(SecretId=secret.arn, VersionId=version, VersionStage="AWSPENDING")


def test_functions_are_listed_and_removed(keystead: Keystead) -> None:
    directory = str(FUNCTIONS / "mariadb")
    arn = registered(
        keystead, "gone", "--directory", directory, "--handler", "a.b", "--variable", "TOKEN=not-to-be-shown"
    )

    shown = run("function", "list", "--data", str(keystead.data), "--output", "json")
    done = RUNNER.invoke(application(["function"]), ["function", "remove", "gone", "--data", str(keystead.data)])
    left = run("function", "list", "--data", str(keystead.data), "--output", "json")

    (mine,) = [one for one in shown if one["function"] == arn]
    assert (mine["handler"], mine["variables"]) == ("a.b", ["TOKEN"])
    assert "not-to-be-shown" not in json.dumps(shown)
    assert done.exit_code == 0
    assert arn not in [one["function"] for one in left]


@pytest.mark.parametrize(
    "words",
    [
        ("ok", "--directory", str(FUNCTIONS)),
        ("ok", "--directory", "/nowhere/to/be/found", "--handler", "a.b"),
        ("ok", "--directory", str(FUNCTIONS), "--handler", "no handler"),
        ("ok", "--url", "http://example.com/", "--signing-secret", "arn:aws:secretsmanager:us-east-1:1:secret:x"),
        ("ok", "--url", "https://example.com/"),
        ("ok", "--url", "https://example.com/", "--directory", str(FUNCTIONS), "--handler", "a.b"),
        ("not ok", "--directory", str(FUNCTIONS), "--handler", "a.b"),
        ("KeysteadRedisSingleUserRotation", "--directory", str(FUNCTIONS), "--handler", "a.b"),
        ("ok", "--directory", str(FUNCTIONS), "--handler", "a.b", "--seconds", "901"),
        ("ok", "--directory", str(FUNCTIONS), "--handler", "a.b", "--memory", "64"),
    ],
)
def test_a_function_that_cannot_work_is_not_registered(keystead: Keystead, words: tuple[str, ...]) -> None:
    done = RUNNER.invoke(application(["function"]), ["function", "register", *words, "--data", str(keystead.data)])

    assert done.exit_code == 1
    assert done.stderr


def test_a_folder_of_the_installation_s_is_nobody_s_code(keystead: Keystead) -> None:
    words = ["function", "register", "inside", "--directory", str(keystead.data), "--handler", "a.b"]

    done = RUNNER.invoke(application(["function"]), [*words, "--data", str(keystead.data)])

    assert "must not lie in one another" in done.stderr
