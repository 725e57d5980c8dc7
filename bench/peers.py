"""The open emulators that answer the same requests, each in an environment of its own that is made when it is first needed.

They keep no keys, check no signature and write no log; their figures say what such a server costs in Python.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
LOCALSTACK: Final = ("localstack-core[runtime]==4.14.0", "cbor2<5.8", "pyopenssl<25", "service_identity")
"""The last release that starts without an account with its makers, and what it needs of other packages' older versions."""
SERVICES: Final = "kms,secretsmanager,ssm"
SECONDS: Final = 120
"""To begin to answer."""
House = dict[str, str]


@contextlib.contextmanager
def moto() -> Iterator[House]:
    home = HERE / ".peers"
    if not (home / "bin" / "moto_server").exists():
        make(sys.executable, home, "moto[server]")
    port = free_port()
    with running([str(home / "bin" / "moto_server"), "-p", str(port)], port) as house:
        yield house


@contextlib.contextmanager
def localstack() -> Iterator[House]:
    """Empty, and said why, without a Python that it runs on: PATH's, or the one that KEYSTEAD_BENCH_PYTHON names."""
    home = HERE / ".peers-localstack"
    if not (home / "bin" / "python").exists():
        python = newer_python()
        if python is None:
            print("LocalStack left out: it needs Python 3.12 or newer; KEYSTEAD_BENCH_PYTHON may name one")
            yield {}
            return
        make(python, home, *LOCALSTACK)
    port = free_port()
    with tempfile.TemporaryDirectory() as volume:
        settings = {
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "SERVICES": SERVICES,
            "EAGER_SERVICE_LOADING": "1",
            "LOCALSTACK_VOLUME_DIR": volume,
            "LS_LOG": "error",
            "DISABLE_EVENTS": "1",
        }
        with running([str(home / "bin" / "python"), "-m", "localstack.runtime.main"], port, **settings) as house:
            yield house


def make(python: str, home: Path, *packages: str) -> None:
    subprocess.run([python, "-m", "venv", str(home)], check=True)
    subprocess.run([str(home / "bin" / "pip"), "install", "--quiet", *packages], check=True, capture_output=True)


def newer_python() -> str | None:
    named = os.environ.get("KEYSTEAD_BENCH_PYTHON")
    candidates = [named] if named else [sys.executable, "python3.12", "python3.13", "python3.14"]
    code = "import sys; sys.exit(sys.version_info < (3, 12))"
    for candidate in filter(None, map(shutil.which, candidates)):
        if subprocess.run([candidate, "-c", code], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


@contextlib.contextmanager
def running(command: list[str], port: int, **settings: str) -> Iterator[House]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | settings)
    try:
        wait_for(port)
        yield {
            "endpoint_url": f"http://127.0.0.1:{port}",
            "region": "us-east-1",
            "access_key_id": "AKIAAAAAAAAAAAAAAAAA",
            "secret_access_key": "0" * 40,
        }
    finally:
        process.terminate()
        process.wait(60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.1)
    raise SystemExit("the peer did not start")
