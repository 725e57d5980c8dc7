"""A node with two witnesses and its tree published: real processes from end to end."""

import json
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import httpx
import pytest

from installation import COMMAND, Node, install
from keystead.trail import checkpoints
from keystead.trail.merkle import Frontier
from keystead.trail.policy import load

from .test_witness_serving import run, serving

pytestmark = [pytest.mark.whole, pytest.mark.slow]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """(node, URL of its tree, policy file, processes of the witnesses by name)."""
    folder = tmp_path_factory.mktemp("town")
    data = folder / "data"
    node = Node(data, install(data))
    keys = (data / "trail" / "checkpoint.vkeys").read_text().split()
    lines = [f"log {key}" for key in keys]
    with ExitStack() as stack:
        processes = {}
        for number, name in enumerate(("one", "two")):
            made = json.loads(
                run("init", "--data", folder / name, "--name", f"{name}.example", "--output", "json").stdout
            )
            run("add-log", "--data", folder / name, *keys)
            client, processes[name] = stack.enter_context(serving(folder / name))
            lines.append(f"witness {name} {made['keys'][number]} {client.base_url}")
        policy = folder / "policy"
        policy.write_text("\n".join([*lines, "group both all one two", "quorum both", ""]))
        port = free_port()
        node.settings = {"KEYSTEAD_CHECKPOINT_SECONDS": "0.5"}
        node.start("--trail-policy", str(policy), "--trail-port", str(port))
        stack.callback(node.stop)
        yield node, f"http://127.0.0.1:{port}", policy, processes


def until(what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def cosigned_records(node):
    details = httpx.get(f"{node.url}/health").json()["details"]
    return details.get("witnesses", {}).get("cosigned", {}).get("records", 0)


def test_what_a_node_records_is_cosigned_published_and_proven(town):
    node, tree, policy, _ = town
    before = cosigned_records(node)
    node.client("kms").create_key()
    until(lambda: cosigned_records(node) > before)

    note = httpx.get(f"{tree}/checkpoint").content
    checked = load(policy).check(note)
    assert set(checked.cosigned) == {"one", "two"}
    size = checked.checkpoint.size
    hashes = httpx.get(f"{tree}/tile/0/000.p/{size}").content
    frontier = Frontier()
    frontier.extend([hashes[at : at + 32] for at in range(0, len(hashes), 32)])
    assert frontier.root() == checkpoints.of_note(note).root
    assert httpx.get(f"{tree}/health").status_code == 404


def test_verification_asks_the_witnesses(town):
    node, _, policy, _ = town

    done = verified(node, policy)

    found = json.loads(done.stdout)
    assert (done.returncode, found["verdict"], found["findings"]) == (0, "proven", [])
    assert found["copies"].keys() == {"one", "two"}
    assert min(found["copies"].values()) >= found["cosigned"] > 0


def verified(node, policy):
    command = [*COMMAND, "trail", "verify", "--data", str(node.data), "--policy", str(policy), "--output", "json"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_status_shows_each_witness(town):
    node, _, _, _ = town
    command = [sys.executable, "-m", "keystead", "status", "--data", str(node.data), "--endpoint-url", node.url]

    shown = json.loads(subprocess.run([*command, "--output", "json"], capture_output=True, check=True).stdout)

    assert shown["details"]["witnesses"].keys() == {"cosigned", "one", "two"}


def trail(*arguments):
    return subprocess.run([*COMMAND, "trail", *map(str, arguments)], capture_output=True, text=True, check=False)


def test_evidence_of_a_keys_use_is_made_checked_and_shown_elsewhere(town, tmp_path):
    node, _, policy, _ = town
    kms = node.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key, Plaintext=b"x")
    keys = [f"--key={line}" for line in (node.data / "trail" / "checkpoint.vkeys").read_text().split()]

    made = until(lambda: bundled(node, key, policy, tmp_path / "e.zip"))
    again = trail("evidence", "--data", node.data, "--key", key, "--output", tmp_path / "e.zip")
    checked = trail("check", tmp_path / "e.zip", *keys, "--policy", policy)

    assert "3 records, proven" in made.stdout
    assert "exists; nothing was changed" in again.stderr
    *shown, last = checked.stdout.splitlines()
    (caller,) = (line for line in shown if " CreateAccount by keystead.internal, seen by witnesses by " in line)
    first, second, *_ = (line for line in shown if line != caller)  # wherever its node recorded it
    assert (checked.returncode, last) == (0, "PROVEN: 3 events are in the log, unchanged")
    assert caller.endswith(", for its policy or grant")
    assert " CreateKey by " in first
    assert " Encrypt by " in second
    assert "seen by witnesses by" in second


def bundled(node, key, policy, target):
    """What was said of it, once a quorum has seen all that is in it."""
    target.unlink(missing_ok=True)
    asked = ("--data", node.data, "--key", key, "--scan", "--with-files", "--policy", policy, "--output", target)
    made = trail("evidence", *asked)
    early = made.returncode or "A quorum of witnesses has seen" in made.stdout or "newer than the newest" in made.stdout
    return None if early else made


def test_the_tree_is_written_as_files_too(town, tmp_path):
    node, tree, policy, _ = town

    done = trail("publish", "--data", node.data, "--policy", policy, "--to", tmp_path / "public")

    size = load(policy).check((tmp_path / "public" / "checkpoint").read_bytes()).checkpoint.size
    assert f"the tree of {size} records" in done.stdout
    file = tmp_path / "public" / "tile" / "0" / "000.p" / str(size)
    assert file.read_bytes() == httpx.get(f"{tree}/tile/0/000.p/{size}").content


def test_a_witness_that_dies_stops_no_call_and_shows_as_lag(town):
    node, tree, policy, processes = town
    processes["two"].kill()
    processes["two"].wait()
    node.client("kms").create_key()

    witnesses = until(lambda: failing(node))

    assert witnesses["two"]["error"] == "unreachable"
    assert "error" not in witnesses["one"]
    cosigned = witnesses["cosigned"]["records"]
    assert httpx.get(f"{node.url}/health").status_code == 200
    assert checkpoints.of_note(httpx.get(f"{tree}/checkpoint").content).size == cosigned
    assert json.loads(verified(node, policy).stdout)["copies"]["two"] is None


def failing(node):
    witnesses = httpx.get(f"{node.url}/health").json()["details"]["witnesses"]
    return witnesses if "error" in witnesses["two"] else None


def test_a_policy_that_is_none_refuses_to_start(tmp_path):
    data = tmp_path / "data"
    install(data)
    (tmp_path / "policy").write_text("quorum nobody\n")

    done = subprocess.run(
        [*COMMAND, "serve", "--data", str(data), "--port", "0", "--trail-policy", str(tmp_path / "policy")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "is not a policy: line 1: nobody is not defined before" in done.stderr
