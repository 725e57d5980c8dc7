"""How long a thousand rotations take that fall due at once, on a real PostgreSQL, with one node on embedded storage.

python bench/rotation.py [COUNT]
"""

import concurrent.futures
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from installation import Node, install
from postgresql import Server, running_server

FUNCTION = "KeysteadPostgreSQLAlternatingUsersRotation"
THREADS = 8
PATIENCE = 1800.0
READS = 100
GOAL = 3.4
"""A second: a thousand within five minutes."""


def main(count: int) -> None:
    target = running_server()
    try:
        with tempfile.TemporaryDirectory(prefix="keystead-bench-") as folder:
            data = Path(folder) / "data"
            node = Node(data, install(data)).start()
            try:
                measure(node, target, count)
            finally:
                node.stop()
    finally:
        target.remove()


def measure(node: Node, target: Server, count: int) -> None:
    client = boto3.client(
        "secretsmanager",
        endpoint_url=node.url,
        region_name=node.facts["region"],
        aws_access_key_id=node.facts["access_key_id"],
        aws_secret_access_key=node.facts["secret_access_key"],
        config=Config(max_pool_connections=THREADS),
    )
    place = {"engine": "postgres", "host": "127.0.0.1", "port": target.port, "dbname": "postgres", "ssl": False}
    admin = {**place, "username": "keystead", "password": target.password}
    master = client.create_secret(Name="admin", SecretString=json.dumps(admin))["ARN"]
    function = f"arn:aws:lambda:{node.facts['region']}:{node.facts['account_id']}:function:{FUNCTION}"
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        arns = list(pool.map(lambda number: made(client, {**place, "masterarn": master}, number), range(count)))
    create(target, count)
    quiet = sorted(reads(client, arns[0]) for _ in range(READS))[READS // 2] * 1000
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        tokens = list(
            pool.map(lambda arn: client.rotate_secret(SecretId=arn, RotationLambdaARN=function)["VersionId"], arns)
        )
    asked = time.monotonic() - began
    busy = [reads(client, arns[0])]
    for arn, token in zip(arns, tokens, strict=True):
        while not current(client, arn, token):
            busy.append(reads(client, arns[0]))
            time.sleep(0.2)
            if time.monotonic() - began > PATIENCE:
                sys.exit("not done")
    done = time.monotonic() - began
    meanwhile = sorted(busy)[len(busy) // 2] * 1000
    print(
        f"{count} rotations: asked for in {asked:.1f} s, done after {done:.1f} s, {count / done:.1f} a second (goal {GOAL})"
    )
    print(
        f"GetSecretValue: median {quiet:.1f} ms before, {meanwhile:.1f} ms meanwhile, {meanwhile / quiet:.2f} times (goal 1.2)"
    )


def made(client: Any, place: dict[str, Any], number: int) -> str:
    value = {**place, "username": f"app_{number}", "password": "first"}
    arn: str = client.create_secret(Name=f"db-{number}", SecretString=json.dumps(value))["ARN"]
    return arn


def create(target: Server, count: int) -> None:
    import asyncio

    import asyncpg

    async def run() -> None:
        connection = await asyncpg.connect(target.url("postgres"), ssl=False)
        for number in range(count):
            await connection.execute(f"CREATE ROLE app_{number} LOGIN PASSWORD 'first'")
        await connection.close()

    asyncio.run(run())


def current(client: Any, arn: str, token: str) -> bool:
    return "AWSCURRENT" in client.describe_secret(SecretId=arn)["VersionIdsToStages"].get(token, ())


def reads(client: Any, arn: str) -> float:
    began = time.perf_counter()
    client.get_secret_value(SecretId=arn)
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
