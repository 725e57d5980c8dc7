"""A whole node and a token: its root key there, through restarts, a backup and the token's absence; and the death of what speaks to it."""

import json
import os
import select
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from certificates import self_signed
from installation import COMMAND, Node, health, install, until, verify_trail
from load import STANDARD, again

pytestmark = [pytest.mark.whole, pytest.mark.slow]

PATIENCE = 60.0


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    made: list[Node] = []
    yield made
    for node in made:
        if node.process is not None and node.process.returncode is None:
            node.stop()


def keystead(*arguments: object, hsm_file: Path) -> dict[str, Any]:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KEYSTEAD_HSM_FILE": str(hsm_file)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_announced(node: Node, seconds: float) -> bool:
    return bool(select.select([node.process.stdout], [], [], seconds)[0])


def test_a_root_key_in_a_token_outlives_restart_loss_and_restore(tmp_path, softhsm, nodes):
    settings = {"KEYSTEAD_HSM_FILE": str(softhsm.file)}
    seal = ("--seal", "pkcs11", "--hsm-file", str(softhsm.file), "--hsm", softhsm.name)
    node = Node(tmp_path / "data", install(tmp_path / "data", *seal), settings=settings)
    nodes.append(node.start())
    kms = node.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"before")["CiphertextBlob"]
    assert json.loads((node.data / "seal.json").read_text())["kind"] == "pkcs11"

    # the token goes: what was opened stays open, a node that is stopped does not start, and starts when the token is back
    softhsm.take_away()
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"before"
    assert kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    node.stop()
    node.launch()
    assert not is_announced(node, 5.0)
    softhsm.bring_back()
    assert is_announced(node, PATIENCE)
    node.url = node.announced().split()[-1]
    assert node.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"before"

    # a backup, and everything but the token and the backup lost
    backup = tmp_path / "monday.backup"
    made = keystead("backup", "--data", node.data, "--output", backup, "--format", "json", hsm_file=softhsm.file)
    assert made["opens_with"] == softhsm.name
    node.stop()
    shutil.rmtree(node.data)
    restored = tmp_path / "restored"
    keystead("restore", "--data", restored, "--input", backup, "--output", "json", hsm_file=softhsm.file)
    again_there = Node(restored, node.facts, settings=settings)
    nodes.append(again_there.start())

    assert again_there.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"before"
    assert again_there.stop() == 0
    verified = verify_trail(restored)
    assert verified.returncode == 0, verified.stderr


class Using(threading.Thread):
    """Encrypts and decrypts under one key until told to stop."""

    def __init__(self, node: Node, key: str) -> None:
        super().__init__()
        self._node = node
        self._key = key
        self._ended = threading.Event()
        self._kms = self._client()
        self.answered = 0
        self.failures: list[str] = []

    def _client(self) -> Any:
        """A new one after each outage, with the SDK's whole quota of retries."""
        return self._node.client("kms", config=STANDARD)

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                sealed = self._kms.encrypt(KeyId=self._key, Plaintext=b"x")
                opened = self._kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])
            except (ClientError, BotoCoreError) as error:
                self.failures.append(str(error))
                continue
            if opened["Plaintext"] != b"x":
                self.failures.append("another plaintext")
            self.answered += 1
            if again(sealed) + again(opened):
                self._kms = self._client()

    def has_answered(self, more: int) -> bool:
        return self.answered >= more

    def end(self) -> None:
        self._ended.set()
        self.join(60)


def test_the_death_of_what_speaks_to_the_token_reaches_no_caller_through_the_sdk(tmp_path, softhsm, nodes):
    anchor = self_signed("cluster")[0].decode()
    (tmp_path / "anchor.crt").write_text(anchor)
    softhsm.write(trust_anchor=tmp_path / "anchor.crt")
    node = Node(tmp_path / "data", install(tmp_path / "data"), settings={"KEYSTEAD_HSM_FILE": str(softhsm.file)})
    nodes.append(node.start())
    kms = node.client("kms", config=STANDARD)
    store = kms.create_custom_key_store(
        CustomKeyStoreName="ours",
        CloudHsmClusterId=softhsm.name,
        TrustAnchorCertificate=anchor,
        KeyStorePassword=softhsm.pin,
    )["CustomKeyStoreId"]
    kms.connect_custom_key_store(CustomKeyStoreId=store)
    until(lambda: state(kms, store) == "CONNECTED", PATIENCE)
    key = kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)["KeyMetadata"]["KeyId"]
    users = [Using(node, key) for _ in range(2)]
    for user in users:
        user.start()

    try:
        for _ in range(3):
            (before,) = node.processes()["hsm"]
            os.kill(before, signal.SIGKILL)
            until(lambda before=before: node.processes().get("hsm", [before]) != [before], PATIENCE)
            for user in users:
                until(partial(user.has_answered, user.answered + 3), PATIENCE)
    finally:
        for user in users:
            user.end()

    assert [user.failures for user in users] == [[], []]
    (hanging,) = node.processes()["hsm"]
    os.kill(hanging, signal.SIGSTOP)
    with pytest.raises(ClientError) as silent:
        node.client("kms").encrypt(KeyId=key, Plaintext=b"x")
    os.kill(hanging, signal.SIGCONT)
    assert silent.value.response["Error"]["Code"] == "DependencyTimeoutException"
    assert silent.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    assert kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    until(lambda: health(node.url)[1]["details"]["modules"] == {softhsm.name: "ok"}, PATIENCE)


def state(kms: Any, store: str) -> str:
    (found,) = kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"]
    return found["ConnectionState"]
