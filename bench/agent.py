"""Cached reads a second of `keystead agent`, of secrets and of parameters, as a ratio to the bare echo too; also in bench/agent.json.

python bench/agent.py [SECONDS]
"""

import json
import sys
import tempfile
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import run

HERE: Final = Path(__file__).parent
GOAL: Final = 5000
"""Reads a second."""
TOKEN: Final = "token-of-the-bench"  # noqa: S105  # of this run alone
CONNECTIONS: Final = 32
PATHS: Final = {
    "secret": "/secretsmanager/get?secretId=bench/agent",
    "parameter": "/systemsmanager/parameters/get?name=/bench/agent&withDecryption=true",
}


def main(seconds: int) -> None:
    with tempfile.TemporaryDirectory() as folder, run.keystead(Path(folder) / "data") as house, run.echo() as bare:
        run.client(house, "secretsmanager").create_secret(Name="bench/agent", SecretString="x" * 64)
        run.client(house, "ssm").put_parameter(Name="/bench/agent", Type="SecureString", Value="x" * 64)
        with run.serving([*run.COMMAND, "agent", "--port", "0"], **environment(house)) as url:
            found = {name: measured(url, path, bare, Path(folder), seconds) for name, path in PATHS.items()}
    (HERE / "agent.json").write_text(json.dumps(found, indent=2) + "\n")
    for name, one in found.items():
        reached = "reached" if one["per_second"] >= GOAL else "missed"
        sys.stdout.write(
            f"cached reads of a {name:<10}{one['per_second']:>10,.0f} a second (goal {GOAL:,}: {reached}), "
            f"{one['ratio']:.2f} of the echo, p99 {one['p99_ms']:.2f} ms\n"
        )


def environment(house: run.House) -> dict[str, str]:
    return {
        "AWS_TOKEN": TOKEN,
        "AWS_ENDPOINT_URL": house["endpoint_url"],
        "AWS_DEFAULT_REGION": house["region"],
        "AWS_ACCESS_KEY_ID": house["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": house["secret_access_key"],
    }


def measured(url: str, path: str, bare: str, folder: Path, seconds: int) -> dict[str, Any]:
    """The first read fetches, and is not counted."""
    place = urlsplit(url).netloc
    connection = HTTPConnection(place)
    connection.request("GET", path, headers={"X-Aws-Parameters-Secrets-Token": TOKEN})
    if connection.getresponse().status != 200:
        raise SystemExit("the agent refuses")
    connection.close()
    raw = f"GET {path} HTTP/1.1\r\nHost: {place}\r\nX-Aws-Parameters-Secrets-Token: {TOKEN}\r\n\r\n".encode()
    file = folder / "agent.requests"
    file.write_bytes(b"%d\n%b" % (len(raw), raw))
    ours, echo = run.wrk(url, file, CONNECTIONS, seconds), run.wrk(bare, file, CONNECTIONS, seconds)
    if ours["refused"] or ours["broken"]:
        raise SystemExit(f"{path}: {ours}")
    return ours | {"ratio": ours["per_second"] / echo["per_second"]}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
