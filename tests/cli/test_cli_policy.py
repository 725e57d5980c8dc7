"""`keystead policy lint`: what it prints, and what its exit status says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

KEYSTEAD = Path(sys.executable).with_name("keystead")
GOOD = {"Effect": "Allow", "Action": ["kms:Decrypt", "ec2:RunInstances"], "Resource": "*"}
TRAP = {**GOOD, "Sid": "Trap[red]", "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}}
WRONG = {**GOOD, "Condition": {"StringEqual": {"aws:username": "a"}}}


def lint(text, *words):
    command = [KEYSTEAD, "policy", "lint", "-", *words]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)


def document(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@pytest.mark.parametrize(
    ("statement", "status", "codes"),
    [
        (GOOD, 0, ["unknown-service"]),
        ({**TRAP, "Sid": "Trap"}, 1, ["unknown-service", "all-values"]),
        (WRONG, 2, ["unknown-operator", "refused"]),
    ],
)
def test_the_exit_status_tells_the_worst(statement, status, codes):
    done = lint(document(statement), "--output", "json")

    assert done.returncode == status
    assert [one["code"] for one in json.loads(done.stdout)] == codes
    assert all(one.keys() == {"level", "statement", "code", "text"} for one in json.loads(done.stdout))


def test_the_table_shows_names_as_they_are(tmp_path):
    file = tmp_path / "policy.json"
    file.write_text(document({**TRAP, "Principal": "*"}))

    done = subprocess.run(
        [KEYSTEAD, "policy", "lint", file, "--kind", "key"], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert "Trap[red]" in done.stdout
    assert "ForAllValues" in done.stdout


def test_a_file_that_cannot_be_read_is_said_so(tmp_path):
    done = subprocess.run(
        [KEYSTEAD, "policy", "lint", tmp_path / "none"], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 2
    assert "cannot be read" in done.stderr
