"""Planted values, sought everywhere they must not be: what is said, logged and raised, command lines, and files, while all four
verbs are at work.
"""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

PLANTED = ("plant-a91c77", "plant-b20d41", "plant-c5e308")
ENV = f"""\
DB_PASSWORD='{PLANTED[0]} horse'
DATABASE_URL=postgresql://shop:{PLANTED[1]}@db.example/shop
API_TOKEN={PLANTED[2]}-token
PORT=8080
"""
SLEEPING = "import os, sys, time; assert os.environ['API_TOKEN']; print('up', flush=True); time.sleep(60)"


class CommandLines(threading.Thread):
    """Reads every process's command line, over and over, and keeps those that hold a planted value."""

    def __init__(self):
        super().__init__(daemon=True)
        self.found, self.looks, self.ending = set(), 0, threading.Event()

    def run(self):
        while not self.ending.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = path.read_bytes()
                except OSError:
                    continue
                if any(planted.encode() in line for planted in PLANTED):
                    self.found.add(line)
            self.looks += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()


def holding(*texts):
    return [planted for planted in PLANTED for text in texts if planted in text]


def agent_of(environment, folder, log):
    return subprocess.Popen(
        [sys.executable, "-m", "keystead", "agent", "--port", "0"],
        env={**environment, "AWS_TOKEN": "t"},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def read_from(agent, name):
    from urllib.request import Request, urlopen

    url = agent.stdout.readline().split()[-1]
    asked = Request(f"{url}/secretsmanager/get?secretId={name}", headers={"X-Vault-Token": "t"})  # loopback
    with urlopen(asked, timeout=30) as answer:  # likewise
        return answer.read().decode()


@pytest.mark.slow
def test_a_planted_value_is_in_no_text_no_command_line_and_no_file(keystead_command, environment, house, tmp_path):
    (tmp_path / ".env").write_text(ENV)
    log = tmp_path / "log"
    with CommandLines() as lines, log.open("wb") as errors:
        said = [
            keystead_command("import", ".env", "--app", "planted", *more) for more in ([], ["--apply"], ["--apply"])
        ]
        keystead_command("import", ".env", "--app", "planted", "--apply", "--delete")
        agent = agent_of(environment, tmp_path, errors)
        assert PLANTED[2] in read_from(agent, "planted/prod/API_TOKEN")
        command = [sys.executable, "-m", "keystead", "run", "--on-change", "restart", ".env.ref", "--"]
        child = subprocess.Popen(
            [*command, sys.executable, "-c", SLEEPING],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        assert child.stdout.readline() == b"up\n"
        exported = keystead_command("export", ".env.ref")
        for process in (child, agent):
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            process.stdout.close()

    assert len(set(holding(exported.stdout))) == len(PLANTED), "what is sought can be found"
    assert holding(*(done.stdout + done.stderr for done in said), exported.stderr, log.read_text()) == []
    assert lines.found == set()
    assert lines.looks > 10
    kept = [path for folder in (tmp_path, house.data) for path in folder.rglob("*") if path.is_file()]
    assert [path for path in kept if holding(path.read_bytes().decode("latin-1"))] == []


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        (ENV.replace("horse'", "horse"), ("import", ".env", "--app", "planted", "--apply")),
        (ENV, ("import", ".env", "--app", "planted", "--apply", "--secret", "NOT_THERE")),
        (
            '{"SecretValues": [{"Name": "a", "SecretString": "plant-a91c77"}, 3]}',
            ("import", ".env", "--app", "planted"),
        ),
        ('{"data": {"A": "plant-b20d41"', ("import", ".env", "--app", "planted")),
        (f"A=keystead:secret:planted/none\nB='{PLANTED[0]}'\n", ("run", ".env", "--", "true")),
        (f"A=keystead:secret:planted/none\nB='{PLANTED[0]}'\n", ("export", ".env")),
        (f"A=1\nB='{PLANTED[0]}\n", ("export", ".env")),
    ],
)
def test_no_error_shows_what_stands_in_the_file(keystead_command, tmp_path, content, arguments):
    (tmp_path / ".env").write_text(content)

    done = keystead_command(*arguments, check=False)

    assert done.returncode == 1
    assert done.stderr
    assert holding(done.stdout, done.stderr) == []


@pytest.mark.parametrize(
    "arguments", [("import", ".env", "--app", "planted", "--apply"), ("run", ".env.ref", "--", "true")]
)
def test_no_error_of_a_service_that_is_away_shows_it_either(environment, tmp_path, arguments):
    (tmp_path / ".env").write_text(ENV)
    (tmp_path / ".env.ref").write_text(f"A='{PLANTED[0]}'\nB=keystead:secret:planted/prod/API_TOKEN\n")
    away = {**environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}

    done = subprocess.run(
        [sys.executable, "-m", "keystead", *arguments],
        env=away,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert holding(done.stdout, done.stderr) == []
