"""`keystead xks-proxy` as a process: its one line when ready, a signed call through it, and its end."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from keystead.testing import running

pytestmark = pytest.mark.whole

ACCESS_KEY = "ABCDEFGHIJKLMNOPQRST"
SECRET = "x" * 43
METADATA = {
    "awsPrincipalArn": "arn:aws:iam::123456789012:user/u",
    "kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k",
    "kmsOperation": "Encrypt",
    "kmsRequestId": "r",
    "kmsViaService": "",
}


def command(file: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "keystead", "xks-proxy", "--config", str(file), "--port", "0", *more]


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[str]:
    """Where it listens. It is told to stop at the end, and does."""
    with running() as keeper:
        made = keeper.client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        file = tmp_path / "proxy.toml"
        file.write_text(
            f'[[credential]]\naccess_key_id = "{ACCESS_KEY}"\nsecret_access_key = "{SECRET}"\n'
            f'[keys.payroll]\nkey = "{made["KeyMetadata"]["Arn"]}"\n'
        )
        file.chmod(0o600)
        environment = {**os.environ, **keeper.environment}
        process = subprocess.Popen(command(file), env=environment, stderr=subprocess.PIPE, text=True)
        try:
            line = process.stderr.readline()
            found = re.fullmatch(r"The proxy is ready at (127\.0\.0\.1:[0-9]+)\n", line)
            assert found, line
            yield found[1]
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) in {0, -signal.SIGTERM}
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


def call(where: str, path: str, asked: dict[str, object], secret: str = SECRET) -> tuple[int, dict[str, object]]:
    url = f"http://{where}/kms/xks/v1{path}"
    request = AWSRequest("POST", url, data=json.dumps(asked).encode(), headers={"Host": where})
    SigV4Auth(Credentials(ACCESS_KEY, secret), "kms-xks-proxy", "us-east-1").add_auth(request)
    sent = urllib.request.Request(url, request.data, dict(request.headers), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_command_serves_who_signs_with_its_credential_and_nobody_else(proxy):
    asked = {
        "requestMetadata": METADATA,
        "plaintext": base64.b64encode(b"sealed before").decode(),
        "encryptionAlgorithm": "AES_GCM",
        "ciphertextDataIntegrityValueAlgorithm": "SHA_256",
    }

    refused, _ = call(proxy, "/keys/payroll/encrypt", asked, secret="y" * 43)
    status, made = call(proxy, "/keys/payroll/encrypt", asked)
    back = {
        "requestMetadata": {**METADATA, "kmsOperation": "Decrypt"},
        "ciphertext": made["ciphertext"],
        "ciphertextMetadata": made.get("ciphertextMetadata", ""),
        "initializationVector": made["initializationVector"],
        "authenticationTag": made["authenticationTag"],
        "encryptionAlgorithm": "AES_GCM",
    }
    opened, found = call(proxy, "/keys/payroll/decrypt", back)

    assert (refused, status, opened) == (401, 200, 200)
    assert base64.b64decode(found["plaintext"]) == b"sealed before"


def test_without_tls_it_listens_on_loopback_only(tmp_path):
    done = subprocess.run(
        command(tmp_path / "none.toml", "--host", "0.0.0.0"), capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode != 0
    assert "--tls-cert" in done.stderr
