"""The second page of the README, run exactly as it is written."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "from-env.md"


def commands() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_commands_of_the_page_do_what_it_says(environment, tmp_path, manager):
    folder = tmp_path / "shop"
    folder.mkdir()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"

    said = []
    for block in commands():
        done = subprocess.run(
            ["bash", "-euc", block], env=environment, cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, block + done.stdout + done.stderr
        said.append(done.stdout)

    _, plan, moved, ran, changed, seen, asked, _ = said
    assert "correct-horse" not in plan + moved
    assert "DATABASE_URL=keystead:url:shop/prod/DATABASE_URL" in moved
    assert ran == "postgresql://shop:correct-horse@db.example:5432/shop?sslmode=require http://db.example:8080/\n"
    assert "PORT=keystead:parameter:/shop/prod/PORT" in moved
    assert changed.splitlines()[-1] == "another-token http://db.example:9090/"
    assert '"SecretString": "another-token"' in asked
    assert '"Value": "9090"' in asked
    assert "GetSecretValue" in seen
    assert not (folder / ".env").exists()
    assert "another-token" in (folder / "back.env").read_text()
    assert manager.get_secret_value(SecretId="shop/prod/API_TOKEN")["SecretString"] == "another-token"
