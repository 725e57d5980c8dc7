"""AWS's SDK for JavaScript reads what we write and writes what we read, with raw keys and with KMS keys in a Keystead."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from components import missing
from keystead.envelope import COMMITTED, COMMITTED_SIGNED, Envelope, KmsKeyring, RawAesKeyring

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PACKAGE = "@aws-crypto/client-node@5.0.2"
SUITES = {"478": COMMITTED, "578": COMMITTED_SIGNED}
SIZES = [0, 1, 127, 128, 129, 10_000]
CONTEXT = {"tenant": "ä", "table": "t"}


@pytest.fixture(scope="module")
def arn(house):
    return house.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module")
def node(house, arn, tmp_path_factory):
    """Asks the script; the package is installed into a folder that is thrown away."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        missing("npm", "Node.js is not installed: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("node")
    install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        missing("npm", f"npm could not install {PACKAGE}: {done.stderr.splitlines()[:1]}")
    shutil.copy(Path(__file__).parent / "seal.mjs", folder)
    env = {**os.environ, **house.environment, "KEY_ARN": arn}
    process = subprocess.Popen(
        ["node", "seal.mjs"], cwd=folder, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )

    def ask(verb, keyring, data, **more):
        process.stdin.write(
            json.dumps({"verb": verb, "keyring": keyring, "data": base64.b64encode(data).decode(), **more}) + "\n"
        )
        process.stdin.flush()
        return base64.b64decode(process.stdout.readline())

    yield ask
    process.stdin.close()
    process.wait(30)
    process.stdout.close()


@pytest.fixture(params=["raw", "kms"])
def keys(request, house, arn):
    ours = (
        RawAesKeyring("tests", "first", bytes(range(32)))
        if request.param == "raw"
        else KmsKeyring(house.client("kms"), arn)
    )
    return request.param, ours


@pytest.mark.parametrize("suite", list(SUITES))
@pytest.mark.parametrize("size", SIZES)
def test_they_read_what_we_write(node, keys, suite, size):
    theirs, ours = keys
    data = os.urandom(size)

    sealed = Envelope(ours, suite=SUITES[suite], frame_length=128).encrypt(data, CONTEXT)

    assert node("decrypt", theirs, sealed) == data


@pytest.mark.parametrize("suite", list(SUITES))
@pytest.mark.parametrize("size", SIZES)
def test_we_read_what_they_write(node, keys, suite, size):
    theirs, ours = keys
    data = os.urandom(size)

    sealed = node("encrypt", theirs, data, suite=suite, frame=128, context=CONTEXT)

    assert Envelope(ours).decrypt(sealed, CONTEXT).plaintext == data
