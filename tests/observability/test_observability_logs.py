"""Log lines: one form, one line each, and no words of errors."""

import json
import logging
import re
import subprocess
import sys

import pytest

from keystead import logs
from keystead.library_logs import Libraries

MARK = "hush-7f3a"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

TALKER = """
import asyncio, logging, sys
import structlog
from keystead import log_setup, logs
log_setup.configure("talker", sys.argv[1])
structlog.get_logger("x").warning("something", count=3, name="a b")
logs.say("talker", "ready")
logging.getLogger("library").error("hush-7f3a %s", "hush-7f3a", exc_info=ValueError("hush-7f3a"))
async def fails():
    raise ValueError("hush-7f3a")
async def main():
    asyncio.create_task(fails())
    await asyncio.sleep(0)
asyncio.run(main())
def innermost(secret):
    raise RuntimeError(secret)
innermost("hush-7f3a")
"""


@pytest.fixture(scope="module")
def said() -> dict[str, list[str]]:
    """What a process says that does everything wrong, by form."""
    return {
        form: subprocess.run(
            [sys.executable, "-c", TALKER, form], capture_output=True, text=True, check=False
        ).stderr.splitlines()
        for form in logs.FORMS
    }


def test_every_line_of_json_has_time_level_process_and_event(said):
    lines = [json.loads(line) for line in said["json"]]

    assert len(lines) == 5
    for line in lines:
        assert STAMP.fullmatch(line["time"])
        assert line["level"] in {"info", "warning", "error"}
        assert line["process"] == "talker"
        assert line["event"]


def test_what_structlog_is_given_is_in_the_line(said):
    first = json.loads(said["json"][0])

    assert (first["level"], first["event"], first["count"], first["name"]) == ("warning", "something", 3, "a b")


def test_text_says_the_same_for_people(said):
    first, second, *_ = said["text"]

    assert STAMP.match(first)
    assert first.endswith(' warning talker: something count=3 name="a b"')
    assert second.endswith(" info    talker: ready")


def test_a_process_without_a_supervisor_says_plain_lines(said):
    assert said["plain"][1] == "talker: ready"


@pytest.mark.parametrize("form", logs.FORMS)
def test_the_words_of_an_error_are_never_logged(said, form):
    assert MARK not in "\n".join(said[form])


def test_the_end_of_a_process_is_told_by_kind_and_place(said):
    last = json.loads(said["json"][-1])

    assert (last["event"], last["error"]) == ("the process failed", "RuntimeError")
    assert last["at"].startswith("<string>:")
    assert "innermost" in last["at"]


@pytest.mark.parametrize("form", logs.FORMS)
def test_what_is_logged_cannot_begin_a_line_of_its_own(monkeypatch, form):
    monkeypatch.setattr(logs, "_form", form)

    line = logs.line({"event": "one\ntwo", "name": "three\n2026 forged\x1b[2J"}, "p")

    assert line.isprintable()


def test_a_field_cannot_replace_the_process_or_the_time(monkeypatch):
    monkeypatch.setattr(logs, "_form", "json")

    line = json.loads(logs.line({"event": "e", "process": "another", "time": 0}, "p"))

    assert (line["process"], line["process_"], line["time_"]) == ("p", "another", 0)


def test_a_library_is_named_and_not_quoted(capsys):
    record = logging.LogRecord("uvicorn", logging.ERROR, "", 0, MARK, (), None)

    Libraries().emit(record)

    said = capsys.readouterr().err
    assert "uvicorn" in said
    assert MARK not in said


def test_json_is_chosen_where_nobody_looks_on(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)

    assert [logs.chosen(wanted) for wanted in ("", "text", "json")] == ["json", "text", "json"]
