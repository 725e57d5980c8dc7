"""The witness as a process: `keystead witness`, asked over HTTP, killed, and started again."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from hashlib import sha256

import httpx
import pytest
from typer.testing import CliRunner

from keystead.cli.witness import application
from keystead.trail.signed_note import Verifier, opened

from .conftest import NAME, ORIGIN

KEYSTEAD = [sys.executable, "-m", "keystead", "witness"]


def run(*arguments):
    return subprocess.run([*KEYSTEAD, *map(str, arguments)], capture_output=True, text=True, check=False)


@contextmanager
def serving(data):
    process = subprocess.Popen(
        [*KEYSTEAD, "serve", "--data", str(data), "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline()
        with httpx.Client(base_url=line.split()[-1], timeout=20) as client:
            yield client, process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.mark.whole
def test_a_witness_is_made_told_of_a_log_and_asked(tmp_path, tree):
    data = tmp_path / "w"
    made = json.loads(run("init", "--data", data, "--name", NAME, "--output", "json").stdout)
    keys = [Verifier.read(key) for key in made["keys"]]
    monitored = f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"

    with serving(data) as (client, _):
        unknown = client.post("/add-checkpoint", content=tree.request(0, 5))
        added = run("add-log", "--data", data, *tree.signer.verifiers)
        nothing = client.get(monitored)
        answer = client.post("/add-checkpoint", content=tree.request(0, 5))
        conflict = client.post("/add-checkpoint", content=tree.request(3, 7))
        shown = client.get(monitored)
        others = [client.get("/add-checkpoint"), client.get("/"), client.post("/health"), client.get("/health")]

    assert unknown.status_code == 404
    assert added.stdout.strip() == ORIGIN
    assert nothing.status_code == 404
    assert opened(tree.note(5) + answer.content, keys)[1] == set(keys)
    assert (conflict.status_code, conflict.text, conflict.headers["content-type"]) == (409, "5\n", "text/x.tlog.size")
    assert opened(shown.content, [*keys, *tree.signer.verifiers])[1] == {*keys, *tree.signer.verifiers}
    assert [other.status_code for other in others] == [405, 404, 404, 200]
    assert run("keys", "--data", data).stdout.splitlines() == made["keys"]


@pytest.mark.whole
def test_what_was_cosigned_survives_kill_9(data, tree):
    for size in range(1, 4):
        with serving(data) as (client, process):
            conflict = client.post("/add-checkpoint", content=tree.request(9, 9))
            assert conflict.text == f"{size - 1}\n"
            assert client.post("/add-checkpoint", content=tree.request(size - 1, size)).status_code == 200
            process.send_signal(signal.SIGKILL)
            process.wait(20)


@pytest.mark.whole
def test_a_second_process_is_refused_and_a_large_body_too(data, tree):
    with serving(data) as (client, _):
        second = run("serve", "--data", data, "--port", "0")
        large = client.post("/add-checkpoint", content=b"x" * 300_000)

    assert second.returncode == 1
    assert "in use by another witness" in second.stderr
    assert large.status_code == 413


@pytest.mark.parametrize("verb", [("serve",), ("keys",), ("add-log", "x+00000000+AQ==")])
def test_where_there_is_no_witness_it_says_how_to_make_one(tmp_path, verb):
    done = CliRunner().invoke(application, [verb[0], "--data", str(tmp_path / "none"), *verb[1:]])

    assert done.exit_code == 1
    assert "keystead witness init" in done.stderr


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("mine")

    done = CliRunner().invoke(application, ["init", "--data", str(tmp_path), "--name", NAME])

    assert done.exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
