"""The demo's act about a database password, and that the trail still counts right after it."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from components import missing
from keystead.demo import password, stage, story
from keystead.demo.telling import Story
from postgresql import programs

pytestmark = [pytest.mark.whole, pytest.mark.slow]


@pytest.fixture
def told(tmp_path: Path) -> str:
    """What is printed of the act and of the trail's."""
    if programs() is None:
        missing("postgresql", "PostgreSQL is not installed (Debian: apt-get install postgresql)")
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("x")
    out = io.StringIO()
    with stage.keystead(tmp_path / "data") as running:
        one = Story(running, source, tmp_path / "sealed", Console(file=out, width=200))
        password.password(one)
        story.trail(one)
    return out.getvalue()


def test_a_password_rotates_twice_and_the_application_logs_in_all_the_while(told: str) -> None:
    assert re.search(r"of [1-9][0-9]* logins none failed, as either user", told)
    assert re.search(r":secret:billing-db-\w{6}\n", told)
    assert told.count("$ keystead who-holds") == 3
    assert "revoking it waits for: 1 open connection" in told
    assert "is refused since" in told
    assert "and not one call more or less of any kind" in told


def test_without_postgresql_the_act_is_left_out_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(password, "programs", lambda: None)
    (tmp_path / "file").write_text("x")
    nowhere = stage.Stage(tmp_path, "", "", "", stage.Credentials("", ""), tmp_path)

    password.password(Story(nowhere, tmp_path, tmp_path / "sealed", Console(width=200)))

    assert "Left out: there is no PostgreSQL" in capsys.readouterr().out
