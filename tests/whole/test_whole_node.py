"""The processes of a node: they stop in order, come back by themselves, and keep to what each may hold."""

import base64
import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from certificates import self_signed
from keystead.keyholder import setup
from keystead.keyholder.promise import SealedKey
from keystead.keyholder.seals import FileSeal
from keystead.keyholder.tokens import Binding

pytestmark = pytest.mark.whole

COMMAND = [sys.executable, "-m", "keystead"]


def until(holds, seconds: float = 10.0) -> float:
    """Wait for something to become true; how long it took."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > seconds:
            pytest.fail(f"not so within {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - started


def health(url: str) -> int:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as page:
            return int(page.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_health_says_that_every_part_is_well(node):
    with urllib.request.urlopen(f"{node.url}/health", timeout=5) as page:
        told = json.load(page)

    details = told.pop("details")
    assert told == {"status": "ok", "keyholder": "ok", "recorder": "ok", "database": "ok", "feed": "ok"}
    assert details["ill_since"] == {}


def test_a_node_is_made_of_separate_processes(node):
    found = {name: len(ids) for name, ids in node.processes().items()}

    assert found == {"keyholder": 1, "recorder": 1, "scheduler": 1, "rotator": 1, "worker": 2, "fork server": 1}


def test_it_stops_on_sigterm_with_status_zero_and_leaves_no_process(new_node):
    served = new_node()
    children = [number for ids in served.processes().values() for number in ids]

    status = served.stop()

    assert status == 0
    assert not [number for number in children if Path(f"/proc/{number}").exists()]


def test_children_end_with_a_supervisor_that_was_killed(new_node):
    served = new_node()
    children = [number for ids in served.processes().values() for number in ids]

    served.process.kill()
    served.process.wait()

    until(lambda: not any(alive(number) for number in children))


def alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("victim", ["keyholder", "recorder", "scheduler", "rotator", "worker"])
def test_what_is_killed_comes_back_and_no_acknowledged_write_is_lost(new_node, victim):
    served = new_node()
    kms = served.client("kms", config=Config(retries={"mode": "standard", "max_attempts": 10}))
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    acknowledged: list[tuple[str, bytes]] = []
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            alias = f"alias/n{number}"
            blob = kms.encrypt(KeyId=key, Plaintext=alias.encode())["CiphertextBlob"]
            target = kms.create_key()["KeyMetadata"]["KeyId"]
            with contextlib.suppress(kms.exceptions.AlreadyExistsException):  # the SDK's first attempt had done it
                kms.create_alias(AliasName=alias, TargetKeyId=target)
            acknowledged.append((alias, blob))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        until(lambda: len(acknowledged) > 3)
        before = served.processes()[victim]
        os.kill(before[0], signal.SIGKILL)
        until(lambda: served.processes().get(victim, before) != before)
        count = len(acknowledged)
        until(lambda: len(acknowledged) > count or not worker.is_alive(), 30)
    finally:
        stop.set()
        worker.join(30)

    assert len(acknowledged) > count
    for alias, blob in acknowledged:
        assert kms.describe_key(KeyId=alias)["KeyMetadata"]["Enabled"]
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == alias.encode()
    served.stop()
    verified = subprocess.run(  # a call that nobody was answered may have left its effect without a record
        [*COMMAND, "trail", "verify", "--data", str(served.data), "--log-only"], capture_output=True, check=False
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_calls_in_flight_when_a_part_dies_fail_with_a_retryable_error(new_node):
    served = new_node()
    kms = served.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    statuses: list[int] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                kms.encrypt(KeyId=key, Plaintext=b"x")
            except ClientError as error:
                statuses.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
            except BotoCoreError:
                statuses.append(599)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            until(lambda: "keyholder" in served.processes())  # after several deaths it comes back after a pause
            os.kill(served.processes()["keyholder"][0], signal.SIGKILL)
            time.sleep(0.5)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)

    assert all(status >= 500 for status in statuses)


def test_what_one_worker_changes_every_worker_knows_at_once(node):
    kms = node.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    fresh = [node.client("kms") for _ in range(8)]  # connections of their own, spread over both workers

    for _ in range(10):
        kms.disable_key(KeyId=key)
        for client in fresh:
            with pytest.raises(client.exceptions.DisabledException):
                client.encrypt(KeyId=key, Plaintext=b"x")
        kms.enable_key(KeyId=key)
        for client in fresh:
            client.encrypt(KeyId=key, Plaintext=b"x")


def test_a_worker_comes_back_also_where_the_fork_server_has_gone(new_node):
    served = new_node()
    before = served.processes()

    os.kill(before["fork server"][0], signal.SIGKILL)
    os.kill(before["worker"][0], signal.SIGKILL)
    until(lambda: served.processes().get("worker", before["worker"]) != before["worker"], 30)

    until(lambda: health(served.url) == 200, 30)
    assert served.client("kms").list_keys()["Keys"] == []
    assert served.processes()["fork server"] != before["fork server"]
    assert served.processes()["scheduler"] == before["scheduler"]


def test_no_process_but_the_keyholder_holds_key_material(new_node):
    """Finds the plaintext material through the keyholder's own code, then looks for it in the workers' memory."""
    served = new_node()
    kms = served.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blobs = [kms.encrypt(KeyId=key, Plaintext=b"p")["CiphertextBlob"] for _ in range(200)]
    for blob in blobs:
        kms.decrypt(CiphertextBlob=blob)
    secrets = known_secrets(served.data, key)

    scanned = 0
    for name in ("worker", "scheduler", "recorder", "fork server"):
        for number in served.processes()[name]:
            memory = read_memory(number)
            scanned += len(memory)
            assert not [what for what, secret in secrets.items() if secret in memory], name
    assert scanned > 10_000_000
    control = read_memory(served.processes()["keyholder"][0])
    assert secrets["domain key"] in control  # the search can find what is there


def known_secrets(data: Path, key_id: str) -> dict[str, bytes]:
    """Opened here with the keyholder's own code, as only somebody who has the seal can."""
    software = setup.open(data, FileSeal())
    with contextlib.closing(sqlite3.connect(data / "keystead.db")) as database:
        sealed = database.execute("SELECT id, purpose, version, blob FROM sealed_keys").fetchall()
        wrapped = "SELECT material_id, token FROM key_materials WHERE key_id = ?"
        ((material_id, token),) = database.execute(wrapped, (key_id,)).fetchall()
    software.load(tuple(SealedKey(*row) for row in sealed))
    (domain,) = software._own._domains.values()
    material = software._materials.unwrap(Binding(key_id, material_id, "SYMMETRIC_DEFAULT"), token)
    return {"domain key": domain, "key material": material}


def read_memory(number: int) -> bytes:
    """The writable memory of a process. Only root, or a debugger the kernel allows, can do this."""
    chunks = []
    with open(f"/proc/{number}/maps") as maps, open(f"/proc/{number}/mem", "rb", 0) as memory:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not found:
                continue
            start, end = (int(text, 16) for text in found.groups())
            try:
                memory.seek(start)
                chunks.append(memory.read(end - start))
            except OSError:
                continue
    return b"".join(chunks)


def test_plain_http_off_loopback_is_refused_unless_named(tmp_path):
    data = tmp_path / "data"
    subprocess.run([*COMMAND, "init", "--data", str(data)], capture_output=True, check=True)

    done = subprocess.run(
        [*COMMAND, "serve", "--data", str(data), "--host", "0.0.0.0", "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert "--allow-plain-http" in done.stderr


def test_it_serves_tls(new_node, certificate):
    cert, key = certificate
    served = new_node("--tls-cert", str(cert), "--tls-key", str(key))

    kms = boto3.client(
        "kms",
        endpoint_url=served.url,
        region_name=served.facts["region"],
        aws_access_key_id=served.facts["access_key_id"],
        aws_secret_access_key=served.facts["secret_access_key"],
        verify=str(cert),
    )

    assert served.url.startswith("https://")
    assert kms.list_keys()["Keys"] == []


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    for path, content in zip((cert, key), self_signed("127.0.0.1"), strict=True):
        path.write_bytes(content)
    return cert, key


def test_a_passphrase_seal_needs_its_passphrase(tmp_path, new_node):
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse battery staple\n")
    wrong.write_text("incorrect\n")
    served = new_node("--passphrase-file", str(right), init=("--seal", "passphrase", "--passphrase-file", str(right)))
    key = served.client("kms").create_key()["KeyMetadata"]["KeyId"]
    os.kill(
        served.processes()["keyholder"][0], signal.SIGKILL
    )  # it reads the passphrase again when it is started again
    until(lambda: health(served.url) == 200)
    assert served.client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    served.stop()

    done = subprocess.run(
        [*COMMAND, "serve", "--data", str(served.data), "--port", "0", "--passphrase-file", str(wrong)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert "seal" in done.stderr
    assert "incorrect" not in done.stderr


def test_two_supervisors_do_not_share_a_folder(new_node):
    served = new_node()

    done = subprocess.run(
        [*COMMAND, "serve", "--data", str(served.data), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert "in use" in done.stderr


def test_init_touches_nothing_that_is_there(tmp_path):
    (tmp_path / "mine").write_text("keep")

    done = subprocess.run([*COMMAND, "init", "--data", str(tmp_path)], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine"]


def test_no_secret_lies_in_the_folder_in_the_clear(new_node):
    served = new_node()
    kms = served.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    marker = os.urandom(24)
    kms.encrypt(KeyId=key, Plaintext=marker)
    data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]
    served.stop()
    secrets = [marker, data_key, served.facts["secret_access_key"].encode()]
    forms = [form for secret in secrets for form in (secret, base64.b64encode(secret), secret.hex().encode())]

    for file in served.data.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [form for form in forms if form in content], file.name
            assert file.stat().st_mode & 0o077 == 0, file.name
