"""The drill: back up a node under load, destroy everything, restore from the file and the key, and use yesterday's things."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from installation import COMMAND, Node, health, install, until, verify_trail
from load import Load, lost

pytestmark = [pytest.mark.whole, pytest.mark.slow]

CLIENTS = 2
SIGNING = {"KEYSTEAD_CHECKPOINT_SECONDS": "0.5"}


def keystead(*arguments: object, database: str = "", status: int = 0) -> str:
    """What a command prints. The database's URL goes where no process list shows it."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KEYSTEAD_DATABASE": database},
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def gone(folder: Path) -> None:
    """Remove it, also while a process that was killed is still ending in it."""
    for _ in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
    pytest.fail(f"{folder} cannot be removed")


class Site:
    """Where a test's installation runs: an engine, and what it takes to lose everything."""

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        self.folder = folder
        self.shared = request.param == "postgresql"
        self._databases = request.getfixturevalue("postgresql") if self.shared else None
        self.database = self.new_database()
        self.nodes: list[Node] = []

    def new_database(self) -> str:
        return self._databases.create() if self._databases else ""

    def node(self, data: Path, facts: dict[str, str], *options: str) -> Node:
        made = Node(data, facts, settings={"KEYSTEAD_DATABASE": self.database, **SIGNING})
        self.nodes.append(made)
        return made.start(*options)

    def new_node(self) -> Node:
        data = self.folder / "data"
        return self.node(data, install(data, database=self.database))

    def lose_everything(self, node: Node) -> None:
        node.kill()
        gone(node.data)
        if self._databases:
            self._databases.drop(self.database)
        self.database = self.new_database()

    def domain_keys(self, node: Node) -> int:
        query = "SELECT count(*) FROM sealed_keys WHERE purpose = 'domain'"
        if self._databases:
            return int(self._databases.execute(query, self.database)[0][0])
        with closing(sqlite3.connect(node.data / "keystead.db")) as database:
            return int(database.execute(query).fetchone()[0])

    def close(self) -> None:
        for node in self.nodes:
            if node.process is not None and node.process.returncode is None:
                node.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    made = Site(tmp_path, request)
    yield made
    made.close()


def populate(node: Node) -> dict:
    kms, iam, sts = (node.client(service) for service in ("kms", "iam", "sts"))
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/yesterday", TargetKeyId=key["KeyId"])
    blobs = [kms.encrypt(KeyId=key["KeyId"], Plaintext=b"one")["CiphertextBlob"]]
    kms.rotate_key_on_demand(KeyId=key["KeyId"])
    blobs.append(kms.encrypt(KeyId=key["KeyId"], Plaintext=b"two", EncryptionContext={"a": "b"})["CiphertextBlob"])
    user = iam.create_user(UserName="app")["User"]
    access = iam.create_access_key(UserName="app")["AccessKey"]
    grant = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=user["Arn"], Operations=["Decrypt"])
    session = sts.get_session_token()["Credentials"]
    return {"key": key, "blobs": blobs, "access": access, "grant": grant["GrantId"], "session": session}


def check(node: Node, yesterday: dict) -> None:
    kms = node.client("kms")
    blobs = yesterday["blobs"]
    assert kms.decrypt(CiphertextBlob=blobs[0])["Plaintext"] == b"one"
    assert kms.decrypt(CiphertextBlob=blobs[1], EncryptionContext={"a": "b"})["Plaintext"] == b"two"
    assert kms.describe_key(KeyId="alias/yesterday")["KeyMetadata"]["Arn"] == yesterday["key"]["Arn"]
    assert len(kms.list_key_rotations(KeyId=yesterday["key"]["KeyId"])["Rotations"]) == 1
    assert [grant["GrantId"] for grant in kms.list_grants(KeyId=yesterday["key"]["KeyId"])["Grants"]] == [
        yesterday["grant"]
    ]
    granted = node.client(
        "kms",
        {"AccessKeyId": yesterday["access"]["AccessKeyId"], "SecretAccessKey": yesterday["access"]["SecretAccessKey"]},
    )
    assert granted.decrypt(CiphertextBlob=blobs[0])["Plaintext"] == b"one"
    with pytest.raises(ClientError, match="AccessDenied"):
        granted.encrypt(KeyId=yesterday["key"]["Arn"], Plaintext=b"x")
    arn = node.client("sts", yesterday["session"]).get_caller_identity()["Arn"]
    assert arn.endswith(":user/administrator")


def names(node: Node, **asked: str) -> list[str]:
    attributes = [{"AttributeKey": key, "AttributeValue": value} for key, value in asked.items()]
    found = node.client("cloudtrail").lookup_events(LookupAttributes=attributes)
    return [event["EventName"] for event in found["Events"]]


def test_everything_is_destroyed_and_restored(site, tmp_path):
    node = site.new_node()
    yesterday = populate(node)
    safe, file = tmp_path / "safe", tmp_path / "backup"
    with Load(lambda config: node.client("kms", config=config), CLIENTS) as load:
        until(lambda: load.answered > 20 and (node.data / "trail" / "checkpoints").stat().st_size)
        before = [list(told.blobs) for told in load.told]
        aliases = [list(told.aliases) for told in load.told]
        keystead("backup", "--data", node.data, "--output", file, database=site.database)
        answered = load.answered
        until(lambda: load.answered > answered)
    assert load.failures == []
    safe.mkdir()
    for key in node.data.glob("seal-*.key"):
        shutil.copy2(key, safe)
    site.lose_everything(node)

    restored = tmp_path / "restored"
    keystead("restore", "--data", restored, "--input", file, "--seal-from", safe, database=site.database)

    node = site.node(restored, node.facts)
    check(node, yesterday)
    for told, blobs, known in zip(load.told, before, aliases, strict=True):
        told.blobs, told.aliases = blobs, known
        told.texts.clear()
    kms = node.client("kms")
    assert not [problem for problem in lost(kms, load) if "description" not in problem]
    assert "CreateGrant" in names(node, EventName="CreateGrant")
    until(lambda: "InstallationRestored" in names(node, EventSource="keystead.internal"))
    kms.create_key()
    node.stop()
    logs = [restored, *(restored / "former").iterdir()]
    assert len(logs) == 2
    for data in logs:
        verified = verify_trail(data, site.database)
        assert verified.returncode == 0, verified.stdout


def test_a_node_whose_folder_survived_goes_on_over_the_restored_database(tmp_path, postgresql):
    """Its log continues where it was, beside the new node's: neither forks."""
    database = postgresql.create()
    data, file, new = tmp_path / "data", tmp_path / "backup", tmp_path / "new"
    node = Node(data, install(data, database=database), settings={"KEYSTEAD_DATABASE": database, **SIGNING}).start()
    yesterday = populate(node)
    keystead("backup", "--data", data, "--output", file, database=database)
    node.client("kms").create_key(Description="lost")
    node.stop()
    postgresql.drop(database)
    database = postgresql.create()

    keystead("restore", "--data", new, "--input", file, "--seal-from", data, database=database)

    both = [
        Node(folder, node.facts, settings={"KEYSTEAD_DATABASE": database, **SIGNING}).start() for folder in (data, new)
    ]
    try:
        for served in both:
            check(served, yesterday)
            assert {"CreateGrant", "CreateKey"} <= set(names(served, EventSource="kms.amazonaws.com"))
    finally:
        for served in both:
            served.stop()
    for folder in (data, new, new / "former" / next((new / "former").iterdir()).name):
        assert verify_trail(folder, database).returncode == 0


KILLS = int((os.environ.get("KEYSTEAD_SOAK") and 12) or 3)


def test_domain_keys_are_rotated_under_load_and_killed_in_the_middle(site):
    node = site.new_node()
    yesterday = populate(node)
    with Load(lambda config: node.client("kms", config=config), CLIENTS) as load:
        until(lambda: load.answered > 30)
        for kill in range(KILLS):
            rotating = subprocess.Popen(
                [*COMMAND, "root", "rotate", "--data", str(node.data)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "KEYSTEAD_DATABASE": site.database},
            )
            until(lambda: site.domain_keys(node) > 1, 60)  # the first has just begun; the others go on
            time.sleep(0.5 * kill)
            rotating.kill()
            rotating.wait()
            os.kill(node.processes()["keyholder"][0], signal.SIGKILL)
            answered = load.answered
            until(lambda before=answered: load.answered > before + 5)
        keystead("root", "rotate", "--data", node.data, database=site.database)
        answered = load.answered
        until(lambda: load.answered > answered + 10)
        status = keystead("root", "status", "--data", node.data, "--output", "json", database=site.database)

    assert load.failures == []
    *older, newest = json.loads(status)["domain_keys"]
    assert [key["tokens"] for key in older] == [0] * len(older)
    assert newest["version"] > 1
    check(node, yesterday)
    assert lost(node.client("kms"), load) == []
    node.stop()
    assert verify_trail(node.data, site.database).returncode == 0


def test_the_root_is_replaced_and_the_node_restarted(site, tmp_path):
    node = site.new_node()
    yesterday = populate(node)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse battery staple\n")
    passphrase.chmod(0o600)
    all_nodes = ["--all-nodes"] if site.shared else []

    keystead(
        "root", "reseal", "--data", node.data, "--seal", "passphrase", "--new-passphrase-file", passphrase,
        database=site.database,
    )  # fmt: skip  # an option and its value stand together

    check(node, yesterday)
    finish = ["root", "finish", "--data", node.data, "--passphrase-file", passphrase, *all_nodes]
    assert "restart it first" in keystead(*finish, database=site.database, status=1)
    node.stop()
    node = site.node(node.data, node.facts, "--passphrase-file", str(passphrase))
    keystead(*finish, database=site.database)
    for part in ("keyholder", "recorder", "worker"):
        os.kill(node.processes()[part][0], signal.SIGKILL)
    until(lambda: health(node.url)[0] == 200)
    check(node, yesterday)
    assert not list(node.data.glob("seal-*.key"))
    until(lambda: "FormerRootKeysDropped" in names(node, EventSource="keystead.internal"))
    node.stop()
    assert verify_trail(node.data, site.database).returncode == 0
