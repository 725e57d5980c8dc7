"""What a store that has grown costs: Decrypt with 1 000 and with 1 000 000 keys, a miss, pages at depth, a worker's memory.

Most keys of the large store are copies made by SQL, which no client ever uses; the five hundred that are used are real ones.
Figures of the two stores are taken in turn, and only their ratio counts.
"""

import argparse
import contextlib
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.auth import SigV4Auth
from botocore.credentials import Credentials

from run import keystead, one, wrk

USED: Final = 500
SMALL: Final = 1_000
PAGE: Final = 100
COPY: Final = {
    #  table            columns that each copy has of its own
    "keys": {"id": "new"},
    "key_materials": {"key_id": "new", "material_id": "lower(hex(randomblob(32)))"},
    "key_aliases": {"key_id": "new", "name": "'alias/' || new"},
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--keys", type=int, default=1_000_000)
    options.add_argument("--seconds", type=int, default=5)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {str(count): store(Path(folder) / str(count), count, asked.seconds) for count in (SMALL, asked.keys)}
    show(found)


def store(data: Path, count: int, seconds: int) -> dict[str, Any]:
    """Everything measured on a store of so many keys."""
    with keystead(data) as house:
        blobs = make_used(house)
    grow(data / "keystead.db", count - USED)
    os.environ["KEYSTEAD_CACHED_KEYS"] = "100000"
    with keystead_again(data, house) as again:
        file = requests(again, data / "hits", blobs)
        wrk(again["endpoint_url"], file, 16, 2)
        found: dict[str, Any] = {"hit": wrk(again["endpoint_url"], file, 64, seconds), "memory_mb": memory()}
    os.environ["KEYSTEAD_CACHED_KEYS"] = "100"
    with keystead_again(data, house) as again:
        file = requests(again, data / "misses", blobs)
        found["miss"] = wrk(again["endpoint_url"], file, 8, seconds)
        found["pages_ms"] = pages(again)
    return found


def make_used(house: dict[str, str]) -> list[str]:
    from base64 import b64encode

    kms = client(house)
    made = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(USED))
    return [b64encode(kms.encrypt(KeyId=key, Plaintext=b"x" * 32)["CiphertextBlob"]).decode() for key in made]


def client(house: dict[str, str]) -> Any:
    return boto3.client(
        "kms",
        endpoint_url=house["endpoint_url"],
        region_name=house["region"],
        aws_access_key_id=house["access_key_id"],
        aws_secret_access_key=house["secret_access_key"],
    )


def grow(file: Path, count: int) -> None:
    """Copies of the first key, with ids of their own."""
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute(
            "CREATE TEMP TABLE copies AS SELECT lower(printf('%s-%s-4%s-8%s-%s', hex(randomblob(4)), "
            "hex(randomblob(2)), substr(hex(randomblob(2)), 2), substr(hex(randomblob(2)), 2), "
            "hex(randomblob(6)))) AS new FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
            "FROM n WHERE i < ?) SELECT i FROM n)",
            (count,),
        )
        (template,) = database.execute("SELECT id FROM keys WHERE manager = 'CUSTOMER' LIMIT 1").fetchone()
        database.execute(
            "INSERT INTO key_aliases SELECT account, region, 'alias/template', id, created_at, created_at FROM keys WHERE id = ?",
            (template,),
        )
        for table, own in COPY.items():
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            which = "id" if table == "keys" else "key_id"
            chosen = ", ".join(own.get(column, f'"{column}"') for column in columns)
            statement = f"INSERT INTO {table} SELECT {chosen} FROM (SELECT * FROM {table} WHERE {which} = ?), copies"  # noqa: S608  # names from above
            database.execute(statement, (template,))
        database.execute("ANALYZE")


def keystead_again(data: Path, house: dict[str, str]) -> Any:
    from run import COMMAND, serving

    @contextlib.contextmanager
    def running() -> Any:
        with serving([*COMMAND, "serve", "--data", str(data), "--port", "0"]) as url:
            yield house | {"endpoint_url": url}

    return running()


def requests(house: dict[str, str], file: Path, blobs: list[str]) -> Path:
    signer = SigV4Auth(Credentials(house["access_key_id"], house["secret_access_key"]), "kms", house["region"])
    raws = [
        one("TrentService.Decrypt", {"CiphertextBlob": blob}, house["endpoint_url"], signer, n)
        for n, blob in enumerate(blobs)
    ]
    file.write_bytes(b"".join(b"%d\n%b" % (len(raw), raw) for raw in raws))
    return file


def memory() -> float:
    """Of the only worker: resident megabytes."""
    for entry in Path("/proc").iterdir():
        try:
            if (entry / "cmdline").read_bytes().rstrip(b"\0").endswith(b"keystead.app\0worker"):
                lines = dict(line.split(":", 1) for line in (entry / "status").read_text().splitlines())
                return int(lines["VmRSS"].split()[0]) / 1024
        except OSError:
            continue
    raise SystemExit("no worker")


def pages(house: dict[str, str]) -> dict[str, float]:
    """Milliseconds of a page of keys and of aliases: the first, and one far down."""
    kms = client(house)
    return {
        "ListKeys": timed(lambda: kms.list_keys(Limit=PAGE)),
        "ListKeys, deep": timed_deep(lambda **at: kms.list_keys(Limit=PAGE, **at)),
        "ListAliases": timed(lambda: kms.list_aliases(Limit=PAGE)),
        "ListAliases, deep": timed_deep(lambda **at: kms.list_aliases(Limit=PAGE, **at)),
    }


def timed_deep(page: Callable[..., Any]) -> float:
    at: dict[str, str] = {}
    for _ in range(50):
        answer = page(**at)
        if not answer["Truncated"]:
            break
        at = {"Marker": answer["NextMarker"]}
    return timed(lambda: page(**at))


def timed(call: Callable[[], Any]) -> float:
    took = []
    for _ in range(20):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return round(sorted(took)[10] * 1000, 2)


def show(found: dict[str, dict[str, Any]]) -> None:
    small, large = found.values()
    for what in ("hit", "miss"):
        rates = [measured[what]["per_second"] for measured in (small, large)]
        print(f"Decrypt, {what}: {rates[0]:,.0f} and {rates[1]:,.0f} a second; {rates[0] / rates[1]:.3f} times")
    print(f"memory of a worker: {small['memory_mb']:.0f} and {large['memory_mb']:.0f} MB")
    print(json.dumps({count: one["pages_ms"] for count, one in found.items()}))


if __name__ == "__main__":
    main()
