"""What each call of Secrets Manager costs with 1 000 secrets and with 100 000, of ten versions each.

Most secrets are copies made by SQL, which no client ever uses; those that are used are real ones. Both stores are served at once and
asked in turn, so that only the ratio counts. Goal: at most 1.2.

python bench/secrets_growth.py [--secrets N] [--calls N]
"""

import argparse
import contextlib
import json
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from run import COMMAND, keystead, serving

SMALL: Final = 1_000
USED: Final = 20
VERSIONS: Final = 10
PAGE: Final = 100
DEEP: Final = 8
"""Pages down; the small store has ten."""
GOAL: Final = 1.2
COPIED: Final = {
    #  table             of which secret   columns that each copy has of its own
    "secrets":         ("id",        {"id": "new", "name": "'copy/' || new", "created_at": "created_at + new * 1e-6"}),
    "secret_versions": ("secret_id", {"secret_id": "new"}),
    "secret_labels":   ("secret_id", {"secret_id": "new"}),
    "secret_tags":     ("secret_id", {"secret_id": "new"}),
    "secret_words":    ("secret_id", {"secret_id": "new"}),
}  # fmt: skip  # a table
Call = Callable[[Any, int], object]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--secrets", type=int, default=100_000)
    options.add_argument("--calls", type=int, default=100)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        stores = [stack.enter_context(store(Path(folder) / str(count), count)) for count in (SMALL, asked.secrets)]
        found = {name: compared(stores, call, asked.calls) for name, call in calls(stores).items()}
    show(found, asked.secrets)


@contextlib.contextmanager
def store(data: Path, count: int) -> Iterator[Any]:
    """A client of a served store of so many secrets."""
    with keystead(data) as house:
        make_used(client(house))
    grow(data / "keystead.db", count - USED)
    with serving([*COMMAND, "serve", "--data", str(data), "--port", "0"]) as url:
        yield client(house | {"endpoint_url": url})


def client(house: dict[str, str]) -> Any:
    return boto3.client(
        "secretsmanager",
        endpoint_url=house["endpoint_url"],
        region_name=house["region"],
        aws_access_key_id=house["access_key_id"],
        aws_secret_access_key=house["secret_access_key"],
        config=Config(retries={"mode": "standard", "max_attempts": 1}),
    )


def make_used(secretsmanager: Any) -> None:
    tags = [{"Key": "team", "Value": "blue"}]
    for number in range(USED):
        name = f"used/{number}"
        secretsmanager.create_secret(Name=name, SecretString="x" * 32, Description="for the bench", Tags=tags)
        for _ in range(VERSIONS - 1):
            secretsmanager.put_secret_value(SecretId=name, SecretString="x" * 32)


def grow(file: Path, count: int) -> None:
    """Copies of the first secret with all that belongs to it."""
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA foreign_keys = OFF")
        template, last = database.execute("SELECT min(id), max(id) FROM secrets").fetchone()
        database.execute(
            "CREATE TEMP TABLE copies AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "SELECT i + ? AS new FROM n",
            (count, last),
        )
        for table, (which, own) in COPIED.items():
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            chosen = ", ".join(own.get(column, f'"{column}"') for column in columns)
            statement = f"INSERT INTO {table} SELECT {chosen} FROM (SELECT * FROM {table} WHERE {which} = ?), copies"  # noqa: S608  # names from above
            database.execute(statement, (template,))
        database.execute("ANALYZE")


def used(number: int) -> str:
    return f"used/{number % USED}"


def calls(stores: list[Any]) -> dict[str, Call]:
    deep = {id(one): token_at(one, DEEP) for one in stores}
    old = {id(one): oldest(one) for one in stores}
    team = [{"Key": "tag-key", "Values": ["team"]}]
    name = [{"Key": "name", "Values": ["used/1"]}]
    nothing = [{"Key": "description", "Values": ["nowhere"]}]

    def created(sm: Any, number: int) -> None:
        secret = f"new/{uuid.uuid4()}"
        sm.create_secret(Name=secret, SecretString="x")
        sm.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)

    return {
        "GetSecretValue": lambda sm, n: sm.get_secret_value(SecretId=used(n)),
        "GetSecretValue of an old version": lambda sm, n: sm.get_secret_value(
            SecretId=used(n), VersionId=old[id(sm)][n % USED]
        ),
        "BatchGetSecretValue of 10": lambda sm, n: sm.batch_get_secret_value(
            SecretIdList=[used(n + more) for more in range(10)]
        ),
        "DescribeSecret": lambda sm, n: sm.describe_secret(SecretId=used(n)),
        "ListSecretVersionIds": lambda sm, n: sm.list_secret_version_ids(SecretId=used(n), IncludeDeprecated=True),
        "ListSecrets": lambda sm, _: sm.list_secrets(MaxResults=PAGE),
        "ListSecrets, by name, descending": lambda sm, _: sm.list_secrets(
            MaxResults=PAGE, SortBy="name", SortOrder="desc"
        ),
        "ListSecrets, deep": lambda sm, _: sm.list_secrets(MaxResults=PAGE, NextToken=deep[id(sm)]),
        "ListSecrets, filtered by name": lambda sm, _: sm.list_secrets(MaxResults=PAGE, Filters=name),
        "ListSecrets, filtered by a tag of all": lambda sm, _: sm.list_secrets(MaxResults=PAGE, Filters=team),
        "ListSecrets, filtered by what none has": lambda sm, _: sm.list_secrets(MaxResults=PAGE, Filters=nothing),
        "PutSecretValue": lambda sm, n: sm.put_secret_value(SecretId=used(n), SecretString="y" * 32),
        "UpdateSecret": lambda sm, n: sm.update_secret(SecretId=used(n), Description=f"number {n}"),
        "TagResource": lambda sm, n: sm.tag_resource(SecretId=used(n), Tags=[{"Key": "n", "Value": str(n)}]),
        "CreateSecret and DeleteSecret": created,
    }


def token_at(secretsmanager: Any, pages: int) -> str:
    token = ""
    for _ in range(pages):
        at = {"NextToken": token} if token else {}
        token = secretsmanager.list_secrets(MaxResults=PAGE, **at)["NextToken"]
    return token


def oldest(secretsmanager: Any) -> list[str]:
    """Of each used secret the id of its first version."""
    return [
        secretsmanager.list_secret_version_ids(SecretId=used(n), IncludeDeprecated=True)["Versions"][0]["VersionId"]
        for n in range(USED)
    ]


def compared(stores: list[Any], call: Call, times: int) -> list[float]:
    """Milliseconds of the fastest tenth's slowest call: what else the machine does only ever adds."""
    took: list[list[float]] = [[] for _ in stores]
    for number in range(times + USED):
        for mine, secretsmanager in zip(took, stores, strict=True):
            began = time.perf_counter()
            call(secretsmanager, number)
            mine.append(time.perf_counter() - began)
    return [sorted(mine[USED:])[times // 10] * 1000 for mine in took]  # the first of each secret fills caches


def show(found: dict[str, list[float]], count: int) -> None:
    print(f"ms with {SMALL:,} and with {count:,} secrets of {VERSIONS} versions; goal {GOAL} times")
    for name, (small, large) in found.items():
        ratio = large / small
        print(f"{name:<40} {small:8.2f} {large:8.2f} {ratio:6.2f}{'' if ratio <= GOAL else '  over'}")
    print(json.dumps({name: round(large / small, 3) for name, (small, large) in found.items()}))


if __name__ == "__main__":
    main()
