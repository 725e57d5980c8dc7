"""The operator's guide: every command in it runs, in its order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from installation import Node, until
from keystead.cli.verbs import application
from keystead.trail.segments import Walk

GUIDE = Path(__file__).parents[2] / "docs" / "operations-guide.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"keystead (?:[a-z]+ )?[a-z]+(?: --[a-z-]+)?")


@pytest.mark.whole
@pytest.mark.slow
def test_every_command_of_the_guide_runs_in_its_order(tmp_path, postgresql_url):
    for name in ("srv", "safe"):
        (tmp_path / name).mkdir()
    """Between what it begins with and the first backup, the installation serves for a moment, as one that is backed up does."""
    script = re.sub(r"/(srv|safe)\b", rf"{tmp_path}/\1", "".join(BLOCK.findall(GUIDE.read_text())))
    before, backup, after = script.partition("keystead backup")

    run(before, postgresql_url)
    serve_for_a_moment(tmp_path / "srv" / "keystead")
    told = run(backup + after, postgresql_url)

    assert "PROVEN" in told


def run(script, database):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-eux", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path, "DATABASE": database},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def serve_for_a_moment(data):
    """Until what opened the account is on the record."""
    node = Node(data, {}).start()
    until(lambda: any(b"CreateAccount" in stored.event for stored in Walk.at(data / "trail", 0)))
    assert node.stop() == 0


@pytest.mark.parametrize("line", sorted(set(NAMED.findall(GUIDE.read_text()))))
def test_every_command_and_option_that_the_guide_names_exists(line):
    words = line.split()
    verbs = [word for word in words[1:] if not word.startswith("--")]

    told = CliRunner().invoke(application([verbs[0]]), [*verbs, "--help"], env={"COLUMNS": "200"})

    assert told.exit_code == 0, told.output
    assert all(word in told.output for word in words if word.startswith("--"))
