"""Requests per second with everything on, as a ratio to a bare echo in the same run; also in bench/latest.json.

Machines are noisy: only the ratio counts. The echo is measured before and after each operation, with the very same
request bytes, and the ratio is taken against the mean of the two.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

HERE: Final = Path(__file__).parent
SIGNED: Final = 500
CONTEXT: Final = {"table": "customers", "column": "iban"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=6)
    options.add_argument("--connections", type=int, default=32)
    options.add_argument("--workers", type=int, default=1)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, echo() as yardstick, keystead(Path(folder), asked.workers) as house:
        results = {
            name: measure(name, body, house, yardstick, Path(folder), asked) for name, body in bodies(house).items()
        }
    report = {
        "machine": {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.platform()},
        "load": vars(asked),
        "results": results,
    }
    (HERE / "latest.json").write_text(json.dumps(report, indent=2) + "\n")
    show(results)


@contextlib.contextmanager
def serving(command: list[str]) -> Iterator[str]:
    """Start a server that prints a line ending in its URL; stop it at the end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{command} did not start")
        yield line.split()[-1]
    finally:
        process.terminate()
        process.wait(30)


def echo() -> contextlib.AbstractContextManager[str]:
    return serving([sys.executable, str(HERE / "echo.py")])


@contextlib.contextmanager
def keystead(folder: Path, workers: int) -> Iterator[dict[str, str]]:
    data = str(folder / "data")
    command = [sys.executable, "-m", "keystead"]
    made = subprocess.run([*command, "init", "--data", data, "--output", "json"], capture_output=True, check=True)
    with serving([*command, "serve", "--data", data, "--port", "0", "--workers", str(workers)]) as url:
        yield json.loads(made.stdout) | {"endpoint_url": url}


def bodies(house: dict[str, str]) -> dict[str, dict[str, Any]]:
    kms = boto3.client(
        "kms",
        endpoint_url=house["endpoint_url"],
        region_name=house["region"],
        aws_access_key_id=house["access_key_id"],
        aws_secret_access_key=house["secret_access_key"],
    )
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x" * 64, EncryptionContext=CONTEXT)["CiphertextBlob"]
    from base64 import b64encode

    return {
        "Encrypt": {"KeyId": key, "Plaintext": b64encode(b"x" * 64).decode(), "EncryptionContext": CONTEXT},
        "Decrypt": {"CiphertextBlob": b64encode(blob).decode(), "EncryptionContext": CONTEXT},
        "GenerateDataKey": {"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": CONTEXT},
    }


def measure(
    name: str, body: dict[str, Any], house: dict[str, str], yardstick: str, folder: Path, asked: argparse.Namespace
) -> dict[str, Any]:
    file = folder / f"{name}.requests"
    file.write_bytes(b"".join(b"%d\n%b" % (len(raw), raw) for raw in signed(name, body, house)))
    wrk(house["endpoint_url"], file, asked, seconds=2)
    before = wrk(yardstick, file, asked)
    ours = wrk(house["endpoint_url"], file, asked)
    after = wrk(yardstick, file, asked)
    if ours["refused"] or ours["broken"]:
        raise SystemExit(f"{name}: {ours}")
    bare = (before["per_second"] + after["per_second"]) / 2
    return {"ratio": round(ours["per_second"] / bare, 4), "keystead": ours, "echo": [before, after]}


def signed(operation: str, body: dict[str, Any], house: dict[str, str]) -> list[bytes]:
    """Requests as boto3 would send them, each with a signature of its own."""
    signer = SigV4Auth(Credentials(house["access_key_id"], house["secret_access_key"]), "kms", house["region"])
    return [one(operation, body, house["endpoint_url"], signer, number) for number in range(SIGNED)]


def one(operation: str, body: dict[str, Any], url: str, signer: SigV4Auth, number: int) -> bytes:
    headers = {
        "X-Amz-Target": f"TrentService.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
        "Host": urlsplit(url).netloc,
        "Amz-Sdk-Invocation-Id": f"{number:08d}-0000-4000-8000-000000000000",
    }
    request = AWSRequest("POST", url + "/", headers=headers, data=json.dumps(body).encode())
    signer.add_auth(request)
    lines = [f"{key}: {value}" for key, value in request.headers.items()]
    head = "\r\n".join(["POST / HTTP/1.1", *lines, f"Content-Length: {len(request.data)}", "", ""])
    return head.encode() + request.data


def wrk(url: str, file: Path, asked: argparse.Namespace, seconds: int | None = None) -> dict[str, Any]:
    command = ["wrk", "-t1", f"-c{asked.connections}", f"-d{seconds or asked.seconds}s", "-s", str(HERE / "load.lua")]
    done = subprocess.run([*command, url, "--", str(file)], capture_output=True, text=True, check=True)
    found = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    if found is None:
        raise SystemExit(done.stdout + done.stderr)
    result: dict[str, Any] = json.loads(found[1])
    return result | {"per_second": round(result["requests"] / result["seconds"], 1)}


def show(results: dict[str, Any]) -> None:
    print(f"{'operation':<18}{'ratio':>7}{'per second':>12}{'p50 ms':>9}{'p99 ms':>9}{'echo per second':>17}")
    for name, found in results.items():
        ours = found["keystead"]
        bare = sum(run["per_second"] for run in found["echo"]) / 2
        print(
            f"{name:<18}{found['ratio']:>7.3f}{ours['per_second']:>12,.0f}{ours['p50_ms']:>9.2f}"
            f"{ours['p99_ms']:>9.2f}{bare:>17,.0f}"
        )
    print(time.strftime("measured %Y-%m-%d %H:%M:%S UTC", time.gmtime()))


if __name__ == "__main__":
    main()
