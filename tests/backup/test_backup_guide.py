"""The operator's guide: every command in it runs, in its order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from keystead.cli.verbs import application

GUIDE = Path(__file__).parents[2] / "docs" / "operations-guide.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"keystead (?:[a-z]+ )?[a-z]+(?: --[a-z-]+)?")


@pytest.mark.whole
@pytest.mark.slow
def test_every_command_of_the_guide_runs_in_its_order(tmp_path, postgresql_url):
    for name in ("srv", "safe"):
        (tmp_path / name).mkdir()
    script = "set -eu\n" + "".join(BLOCK.findall(GUIDE.read_text()))
    script = re.sub(r"/(srv|safe)\b", rf"{tmp_path}/\1", script)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    done = subprocess.run(
        ["sh", "-x", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path, "DATABASE": postgresql_url},
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "PROVEN" in done.stdout


@pytest.mark.parametrize("line", sorted(set(NAMED.findall(GUIDE.read_text()))))
def test_every_command_and_option_that_the_guide_names_exists(line):
    words = line.split()
    verbs = [word for word in words[1:] if not word.startswith("--")]

    told = CliRunner().invoke(application([verbs[0]]), [*verbs, "--help"], env={"COLUMNS": "200"})

    assert told.exit_code == 0, told.output
    assert all(word in told.output for word in words if word.startswith("--"))
