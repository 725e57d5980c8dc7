"""What the commands say, to people and to programs, and that a refusal names its reason."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from keystead.cli.verbs import application
from keystead.config import Installation, Settings
from keystead.install import install
from keystead.keyholder.seals import FileSeal


def run(*arguments, status=0):
    told = CliRunner().invoke(application(), [str(argument) for argument in arguments], env={"COLUMNS": "300"})
    assert told.exit_code == status, told.output
    return told


@pytest.fixture
def data(tmp_path):
    asyncio.run(install(Settings(data=str(tmp_path / "data")), region="eu-central-1", seal=FileSeal()))
    return tmp_path / "data"


def test_programs_are_told_what_was_made(data, tmp_path):
    made = json.loads(run("backup", "--data", data, "--output", tmp_path / "b", "--format", "json").stdout)
    asked = ["--input", tmp_path / "b", "--seal-from", data, "--output", "json"]
    restored = json.loads(run("restore", "--data", tmp_path / "new", *asked).stdout)

    assert made["bytes"] == (tmp_path / "b").stat().st_size
    assert restored["region"] == "eu-central-1"
    assert restored["node"] == Installation.load(tmp_path / "new").node


def test_people_are_told_what_else_to_keep(data, tmp_path):
    told = run("backup", "--data", data, "--output", tmp_path / "b")

    (key,) = data.glob("seal-*.key")
    assert f"Keep {key} too" in told.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["backup", "--data", "{tmp}/none", "--output", "{tmp}/b"], "There is no installation in {tmp}/none."),
        (["backup", "--data", "{tmp}/data", "--output", "{tmp}/data/seal.json"], "exists; nothing was changed."),
        (["restore", "--data", "{tmp}/new", "--input", "{tmp}/none"], "{tmp}/none is not there."),
        (["restore", "--data", "{tmp}/new", "--input", "{tmp}/data/seal.json"], "This is not a backup of Keystead's."),
        (["restore", "--data", "{tmp}/data", "--input", "{tmp}/none"], "{tmp}/data is not empty; nothing was changed."),
        (["root", "status", "--data", "{tmp}/none"], "There is no installation in {tmp}/none."),
        (["root", "rotate", "--data", "{tmp}/data", "--passphrase-file", "{tmp}/data/seal.json"], "file seal"),
        (["root", "rotate", "--data", "{tmp}/data", "--database", "mysql://x"], "sqlite: or postgresql:"),
    ],
)
def test_a_refusal_names_its_reason(data, tmp_path, arguments, reason):
    told = run(*(argument.format(tmp=tmp_path) for argument in arguments), status=1)

    assert reason.format(tmp=tmp_path) in told.stderr
    assert "Traceback" not in told.output


def test_rotation_and_the_seal_are_told(data):
    rotated = json.loads(run("root", "rotate", "--data", data, "--output", "json").stdout)
    run("root", "reseal", "--data", data, "--seal", "file")
    refused = run("root", "rotate", "--data", data, status=1)
    run("root", "finish", "--data", data)
    found = json.loads(run("root", "status", "--data", data, "--output", "json").stdout)

    assert rotated["rewrapped"] == 1
    assert "first keystead root finish" in refused.stderr
    assert found["former_root_keys"] == 0
    assert [key["tokens"] for key in found["domain_keys"]] == [0, 1]
