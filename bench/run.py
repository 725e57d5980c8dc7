"""Requests per second with everything on, as ratios to a bare echo in the same run; also in bench/latest.json.

Machines are noisy: only ratios count. The echo is measured before and after each operation, with the very same request
bytes, and the ratio is taken against the mean of the two. In the same run: the latency of one client and at half load, what
a second worker brings and what each process spends on a call, the same over PostgreSQL, where it is installed, and the
emulators of peers.py.

    python bench/run.py --only-scaling       one worker, two workers, and nothing else
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

import peers
import shares

HERE: Final = Path(__file__).parent
SIGNED: Final = 500
CONTEXT: Final = {"table": "customers", "column": "iban"}
TARGETS: Final = {"kms": "TrentService", "secretsmanager": "secretsmanager", "ssm": "AmazonSSM"}
SERVICES: Final = {"GetSecretValue": "secretsmanager", "GetParameter": "ssm", "GetParametersByPath": "ssm"}
"""Of operations; all others are KMS's."""
TREE: Final = 100
"""Parameters below one path. A page has ten of them, so that a reader of all sends ten such requests."""
COMMAND: Final = [sys.executable, "-m", "keystead"]
House = dict[str, str]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=6)
    options.add_argument("--connections", type=int, default=128, help="of the saturating load")
    options.add_argument(
        "--only-ratios", action="store_true", help="leave out latency, scaling, PostgreSQL and the peer"
    )
    options.add_argument("--only-scaling", action="store_true", help="what a second worker brings, and nothing else")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, echo() as yardstick:
        results = measured(Path(folder), yardstick, asked)
    report = {
        "machine": {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.platform()},
        "load": vars(asked),
        **results,
    }
    (HERE / "latest.json").write_text(json.dumps(report, indent=2) + "\n")
    show(report)


def measured(folder: Path, yardstick: str, asked: argparse.Namespace) -> dict[str, Any]:
    if asked.only_scaling:
        return {"shares": both(folder, asked)}
    with keystead(folder / "sqlite") as house:
        files = requests(house, folder)
        found: dict[str, Any] = {"sqlite": ratios(house, files, yardstick, asked)}
        if asked.only_ratios:
            return found
        found["latency"] = latencies(house, files["Encrypt"], found["sqlite"]["Encrypt"], asked)
    with keystead(folder / "two", "--workers", "2") as house:
        two = requests(house, folder)
        found["two_workers"] = ratios(house, {"Encrypt": two["Encrypt"]}, yardstick, asked)
    found["shares"] = both(folder, asked)
    with postgresql() as url:
        if url:
            with keystead(folder / "postgresql", database=url) as house:
                found["postgresql"] = ratios(house, requests(house, folder), yardstick, asked)
    found["moto"] = peer(peers.moto(), folder, yardstick, asked)
    found["localstack"] = peer(peers.localstack(), folder, yardstick, asked)
    return found


def both(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """What Encrypt costs each process: with one worker and with two, in turn and twice, since a machine has its moods."""
    with keystead(folder / "one worker") as one, keystead(folder / "two workers", "--workers", "2") as two:
        loads = [(house, requests(house, folder)["Encrypt"].read_bytes()) for house in (one, two)]
        rounds = [[shared(folder, house, content, asked) for house, content in loads] for _ in range(2)]
    quickest = [max(each, key=lambda found: float(found["per_second"])) for each in zip(*rounds, strict=True)]
    return {"one": quickest[0], "two": quickest[1], "scaling": shares.scaling(*quickest)}


def shared(folder: Path, house: House, content: bytes, asked: argparse.Namespace) -> dict[str, Any]:
    file = folder / "shared.requests"
    file.write_bytes(content)
    wrk(house["endpoint_url"], file, asked.connections, 2)
    return shares.of_call(
        int(house["process"]), lambda: wrk(house["endpoint_url"], file, asked.connections, asked.seconds)
    )


# --- servers ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def serving(command: list[str], **environment: str) -> Iterator[str]:
    """Start a server that prints a line ending in its URL; stop it at the end."""
    with started(command, **environment) as (url, _):
        yield url


@contextlib.contextmanager
def started(command: list[str], **environment: str) -> Iterator[tuple[str, int]]:
    """The same, with its process id."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | environment
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{command} did not start")
        yield line.split()[-1], process.pid
    finally:
        process.terminate()
        process.wait(30)


def echo() -> contextlib.AbstractContextManager[str]:
    return serving([sys.executable, str(HERE / "echo.py")])


@contextlib.contextmanager
def keystead(data: Path, *options: str, database: str = "") -> Iterator[House]:
    environment = {"KEYSTEAD_DATABASE": database} if database else {}
    init = [*COMMAND, "init", "--data", str(data), "--output", "json"]
    made = subprocess.run(init, capture_output=True, check=True, env=os.environ | environment)
    began = time.monotonic()
    with started([*COMMAND, "serve", "--data", str(data), "--port", "0", *options], **environment) as (url, process):
        ready = time.monotonic() - began
        more = {"endpoint_url": url, "start_seconds": f"{ready:.2f}", "process": str(process)}
        yield json.loads(made.stdout) | more


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database of a server of this run's own; empty without Debian's package."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    from postgresql import Databases, Server, installed

    if installed() is None:
        yield ""
        return
    server = Server()
    server.create()
    try:
        server.start()
        yield Databases(server.url("postgres"), server).create()
    finally:
        server.remove()


def peer(
    serving: contextlib.AbstractContextManager[House], folder: Path, yardstick: str, asked: argparse.Namespace
) -> dict[str, Any]:
    with serving as house:
        return ratios(house, requests(house, folder), yardstick, asked, patient=True) if house else {}


# --- requests ---------------------------------------------------------------------------------------------------------


def requests(house: House, folder: Path) -> dict[str, Path]:
    """For each operation a file of requests as boto3 would send them, each with a signature of its own."""
    files = {}
    for name, body in bodies(house).items():
        files[name] = folder / f"{name}.requests"
        files[name].write_bytes(b"".join(b"%d\n%b" % (len(raw), raw) for raw in signed(name, body, house)))
    return files


def bodies(house: House) -> dict[str, dict[str, Any]]:
    from base64 import b64encode

    kms, secrets = client(house, "kms"), client(house, "secretsmanager")
    secrets.create_secret(Name="bench/database", SecretString=json.dumps({"username": "app", "password": "x" * 32}))
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x" * 64, EncryptionContext=CONTEXT)["CiphertextBlob"]
    return {
        "Encrypt": {"KeyId": key, "Plaintext": b64encode(b"x" * 64).decode(), "EncryptionContext": CONTEXT},
        "Decrypt": {"CiphertextBlob": b64encode(blob).decode(), "EncryptionContext": CONTEXT},
        "GenerateDataKey": {"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": CONTEXT},
        "GetSecretValue": {"SecretId": "bench/database"},
        **parameters(house),
    }


def parameters(house: House) -> dict[str, dict[str, Any]]:
    """All of them SecureStrings, under the default key."""
    ssm = client(house, "ssm")
    for number in range(TREE):
        ssm.put_parameter(Name=f"/bench/tree/{number:03}", Value="x" * 64, Type="SecureString")
    return {
        "GetParameter": {"Name": "/bench/tree/000", "WithDecryption": True},
        "GetParametersByPath": {"Path": "/bench/tree", "WithDecryption": True, "MaxResults": 10},
    }


def client(house: House, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=house["endpoint_url"],
        region_name=house["region"],
        aws_access_key_id=house["access_key_id"],
        aws_secret_access_key=house["secret_access_key"],
    )


def signed(operation: str, body: dict[str, Any], house: House) -> list[bytes]:
    service = SERVICES.get(operation, "kms")
    signer = SigV4Auth(Credentials(house["access_key_id"], house["secret_access_key"]), service, house["region"])
    target = f"{TARGETS[service]}.{operation}"
    return [one(target, body, house["endpoint_url"], signer, number) for number in range(SIGNED)]


def one(target: str, body: dict[str, Any], url: str, signer: SigV4Auth, number: int) -> bytes:
    headers = {
        "X-Amz-Target": target,
        "Content-Type": "application/x-amz-json-1.1",
        "Host": urlsplit(url).netloc,
        "Amz-Sdk-Invocation-Id": f"{number:08d}-0000-4000-8000-000000000000",
    }
    request = AWSRequest("POST", url + "/", headers=headers, data=json.dumps(body).encode())
    signer.add_auth(request)
    lines = [f"{key}: {value}" for key, value in request.headers.items()]
    head = "\r\n".join(["POST / HTTP/1.1", *lines, f"Content-Length: {len(request.data)}", "", ""])
    return head.encode() + request.data


# --- measuring --------------------------------------------------------------------------------------------------------


def ratios(
    house: House, files: dict[str, Path], yardstick: str, asked: argparse.Namespace, *, patient: bool = False
) -> dict[str, Any]:
    """`patient` with a server that leaves some calls unanswered for longer than the load generator waits."""
    found = {name: ratio(file, house["endpoint_url"], yardstick, asked) for name, file in files.items()}
    for name, one in found.items():
        if one["measured"]["refused"] or (one["measured"]["broken"] and not patient):
            raise SystemExit(f"{name}: {one['measured']}")
    return found


def ratio(file: Path, url: str, yardstick: str, asked: argparse.Namespace) -> dict[str, Any]:
    wrk(url, file, asked.connections, 2)
    before = wrk(yardstick, file, asked.connections, asked.seconds)
    ours = wrk(url, file, asked.connections, asked.seconds)
    after = wrk(yardstick, file, asked.connections, asked.seconds)
    bare = (before["per_second"] + after["per_second"]) / 2
    return {"ratio": round(ours["per_second"] / bare, 4), "measured": ours, "echo": [before, after]}


def latencies(house: House, file: Path, saturated: dict[str, Any], asked: argparse.Namespace) -> dict[str, Any]:
    """Of one client; and of as many as bring about half of the saturated rate."""
    half = saturated["measured"]["per_second"] / 2
    url, few = house["endpoint_url"], 1
    found = {"one_client": wrk(url, file, 1, asked.seconds)}
    for few in (2, 4, 6, 8, 12, 16, 24, 32):
        found["half_load"] = wrk(url, file, few, asked.seconds)
        if found["half_load"]["per_second"] >= half:
            break
    return found | {"half_load_connections": few, "start_seconds": float(house["start_seconds"])}


def wrk(url: str, file: Path, connections: int, seconds: int) -> dict[str, Any]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(HERE / "load.lua")]
    done = subprocess.run([*command, url, "--", str(file)], capture_output=True, text=True, check=True)
    found = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    if found is None:
        raise SystemExit(done.stdout + done.stderr)
    result: dict[str, Any] = json.loads(found[1])
    return result | {"per_second": round(result["requests"] / result["seconds"], 1)}


def show(report: dict[str, Any]) -> None:
    print(f"{'':<14}{'operation':<18}{'ratio':>7}{'per second':>12}{'p50 ms':>9}{'p99 ms':>9}{'echo per second':>17}")
    for where in ("sqlite", "two_workers", "postgresql", "moto", "localstack"):
        for name, found in report.get(where, {}).items():
            ours = found["measured"]
            bare = sum(run["per_second"] for run in found["echo"]) / 2
            print(
                f"{where:<14}{name:<18}{found['ratio']:>7.3f}{ours['per_second']:>12,.0f}{ours['p50_ms']:>9.2f}"
                f"{ours['p99_ms']:>9.2f}{bare:>17,.0f}"
            )
    for name, found in report.get("latency", {}).items():
        print(
            f"{name:<32}"
            + (f"p50 {found['p50_ms']:.2f} ms, p99 {found['p99_ms']:.2f} ms" if isinstance(found, dict) else str(found))
        )
    if "shares" in report:
        shares.show(report["shares"]["one"], report["shares"]["two"])
    print(time.strftime("measured %Y-%m-%d %H:%M:%S UTC", time.gmtime()))


if __name__ == "__main__":
    main()
