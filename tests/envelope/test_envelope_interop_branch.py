"""AWS's hierarchical keyring opens what our branch keys wrapped, wraps what they open, and reads their rows, and we its."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components import missing
from keystead.envelope import COMMITTED_SIGNED, Envelope
from keystead.envelope.branch import BranchKeyring, BranchKeys, BranchRow, MemoryRows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PACKAGES = ["aws-cryptographic-material-providers==1.11.3", "aws-encryption-sdk==4.0.7", "moto[dynamodb]==5.2.5"]
CUSTOM = "aws-crypto-ec:"


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory):
    """One that has AWS's keyring, in an environment of its own: KEYSTEAD_MPL_PYTHON names it, or it is made and thrown away."""
    if named := os.environ.get("KEYSTEAD_MPL_PYTHON"):
        return named
    folder = tmp_path_factory.mktemp("mpl")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], capture_output=True, check=False)
    if done.returncode:
        missing("material-providers", "AWS's material providers could not be installed")
    return python


def exported(row):
    plain = {"branch-key-id": row.id, "type": row.type, "create-time": row.created, "kms-arn": row.key_arn}
    plain |= {CUSTOM + name: value for name, value in row.custom.items()}
    plain |= {"version": row.version} if row.version else {}
    return plain | {"enc": base64.b64encode(row.sealed).decode(), "hierarchy-version": "1"}


def imported(item):
    custom = {name.removeprefix(CUSTOM): value for name, value in item.items() if name.startswith(CUSTOM)}
    return BranchRow(
        item["branch-key-id"], item["type"], base64.b64decode(item["enc"]), item["create-time"], item["kms-arn"],
        item.get("version"), custom,
    )  # fmt: skip


def test_both_sides_share_branch_keys(house, interpreter):
    kms = house.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    rows = MemoryRows()
    keys = BranchKeys(rows, kms, arn, table="store")
    branch = keys.create("tenant-a", {"department": "x"})
    messages = [
        Envelope(BranchKeyring(keys, branch, ttl=60)).encrypt(b"one", {"tenant": "a"}),
        Envelope(BranchKeyring(keys, branch, ttl=60), suite=COMMITTED_SIGNED).encrypt(b"two"),
    ]
    keys.rotate(branch)
    messages.append(Envelope(BranchKeyring(keys, branch, ttl=60)).encrypt(b"three"))

    asked = {
        "region": house.region,
        "endpoint": house.endpoint_url,
        "access_key_id": house.access_key_id,
        "secret_access_key": house.secret_access_key,
        "key_arn": arn,
        "branch": branch,
        "table": "store",
        "messages": [base64.b64encode(one).decode() for one in messages],
        "rows": [exported(row) for row in rows._rows.values()],
    }
    peer = Path(__file__).parent / "hierarchy_peer.py"
    done = subprocess.run(
        [interpreter, "-W", "ignore", peer], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    rows.put([imported(item) for item in answer["rows"] if item["type"].startswith("branch:")], None)

    assert [base64.b64decode(one) for one in answer["opened"]] == [b"one", b"two", b"three"]
    ours = Envelope(BranchKeyring(keys, branch, ttl=60))
    assert ours.decrypt(base64.b64decode(answer["sealed"]), {"tenant": "a"}).plaintext == b"from theirs"
    assert len(keys.active("theirs").key) == 32
