"""A thousand rotations that fall due at once: how long they take, and what GetSecretValue feels of it. On a real PostgreSQL, with one
node on embedded storage.

    python bench/rotation.py [COUNT]         KEYSTEAD_ROTATIONS_PER_SECOND is the node's, as ever

Each secret has rules and an open window; the turns of all are set to the same moment, as after an outage. GetSecretValue is asked at
one pace before, meanwhile, and for as long again after, so that the figures are of the same machine. One RotateSecret is called
in the midst of it: it waits for nobody. The CPU time of each process is the kernel's.
"""

import concurrent.futures
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from installation import Node, install
from postgresql import Server, running_server

FUNCTION: Final = "KeysteadPostgreSQLAlternatingUsersRotation"
RULES: Final = {"ScheduleExpression": "rate(30 days)"}
THREADS: Final = 8
PATIENCE: Final = 1800.0
PAUSE: Final = 0.02
"""Seconds between reads."""
QUIET: Final = 10.0
"""Seconds of reads before, and after."""
GOAL: Final = 3.4
"""A second: a thousand within five minutes."""
SLOWER: Final = 1.2
TICKS: Final = os.sysconf("SC_CLK_TCK")


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
    create(target, count + 1)
    arns = secrets(client, node, target, count + 1)
    arns, by_hand = arns[:-1], arns[-1]
    wait(node, lambda: not live(node))
    time.sleep(3)
    quiet = [*reads(client, arns[0], QUIET)]
    before, began = cpu(node, target), time.monotonic()
    fall_due(node, count)
    with reading(client, arns[0]) as busy:
        wait(node, lambda: done(node) > count // 10)
        called = by_hand_after(client, node, by_hand)
        wait(node, lambda: done(node) >= count + 1)
        took = time.monotonic() - began
        used = cpu(node, target)
    wait(node, lambda: not overlaps(node))
    quiet += reads(client, arns[0], QUIET)
    print(f"{count} rotations: {took:.1f} s, {count / took:.1f} a second (goal {GOAL})")
    print(f"RotateSecret in the midst of them: done after {called:.1f} s")
    shown(quiet, busy)
    for name in used:
        spent = used[name] - before.get(name, 0.0)
        print(f"  {name:<12}{spent * 1000 / count:7.1f} ms of CPU a rotation, {spent / took:6.1%} of a core meanwhile")


def shown(quiet: list[float], busy: list[float]) -> None:
    for name, of in (
        ("median", statistics.median),
        ("mean", statistics.fmean),
        ("p99", lambda times: sorted(times)[len(times) * 99 // 100]),
    ):
        before, meanwhile = of(quiet) * 1000, of(busy) * 1000
        goal = "" if name == "p99" else f" (goal {SLOWER})"
        print(
            f"GetSecretValue, {name}: {before:.2f} ms without, {meanwhile:.2f} ms meanwhile, {meanwhile / before:.2f} times{goal}"
        )


# --- secrets ----------------------------------------------------------------------------------------------------------


def create(target: Server, count: int) -> None:
    import asyncio

    import asyncpg

    async def run() -> None:
        connection = await asyncpg.connect(target.url("postgres"), ssl=False)
        for number in range(count):
            await connection.execute(f"CREATE ROLE app_{number} LOGIN PASSWORD 'first'")
        await connection.close()

    asyncio.run(run())


def secrets(client: Any, node: Node, target: Server, count: int) -> list[str]:
    """All of them with rules, and tried once, as RotateSecret does that does not rotate at once."""
    place = {"engine": "postgres", "host": "127.0.0.1", "port": target.port, "dbname": "postgres", "ssl": False}
    admin = {**place, "username": "keystead", "password": target.password}
    master = client.create_secret(Name="admin", SecretString=json.dumps(admin))["ARN"]
    function = f"arn:aws:lambda:{node.facts['region']}:{node.facts['account_id']}:function:{FUNCTION}"

    def made(number: int) -> str:
        value = {**place, "masterarn": master, "username": f"app_{number}", "password": "first"}
        arn: str = client.create_secret(Name=f"db-{number}", SecretString=json.dumps(value))["ARN"]
        client.rotate_secret(SecretId=arn, RotationLambdaARN=function, RotationRules=RULES, RotateImmediately=False)
        return arn

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(made, range(count)))


def by_hand_after(client: Any, node: Node, arn: str) -> float:
    """Seconds from the call until the label has moved."""
    began = time.monotonic()
    token = client.rotate_secret(SecretId=arn)["VersionId"]
    wait(
        node,
        lambda: "AWSCURRENT" in client.describe_secret(SecretId=arn)["VersionIdsToStages"].get(token, ()),
        every=0.1,
    )
    return time.monotonic() - began


# --- the node's database ----------------------------------------------------------------------------------------------


@contextmanager
def database(node: Node) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(node.data / "keystead.db", timeout=30)) as connection, connection:
        yield connection


def fall_due(node: Node, count: int) -> None:
    """The windows of all but the last open now."""
    now = time.time()
    with database(node) as connection:
        last = connection.execute("SELECT max(secret_id) FROM rotation_schedules").fetchone()[0]
        connection.execute(
            "UPDATE rotation_schedules SET due_at = ?, closes_at = ? WHERE secret_id IN"
            " (SELECT secret_id FROM rotation_schedules WHERE secret_id != ?)", (now, now + 3600, last),
        )  # fmt: skip


def live(node: Node) -> int:
    return counted(node, "rotation_runs WHERE ended_at IS NULL")


def done(node: Node) -> int:
    return counted(node, "rotation_runs WHERE state = 'done' AND kind = 'rotate'")


def overlaps(node: Node) -> int:
    return counted(node, "rotation_overlaps WHERE ended_at IS NULL")


def counted(node: Node, what: str) -> int:
    with database(node) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0])  # noqa: S608  # ours


def wait(node: Node, until: Callable[[], bool], every: float = 1.0) -> None:
    began = time.monotonic()
    while not until():
        time.sleep(every)
        if time.monotonic() - began > PATIENCE:
            sys.exit(f"not done: {done(node)} rotations")


# --- measuring --------------------------------------------------------------------------------------------------------


def reads(client: Any, arn: str, seconds: float) -> Iterator[float]:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        yield read(client, arn)
        time.sleep(PAUSE)


def read(client: Any, arn: str) -> float:
    began = time.perf_counter()
    client.get_secret_value(SecretId=arn)
    return time.perf_counter() - began


@contextmanager
def reading(client: Any, arn: str) -> Iterator[list[float]]:
    """Until the block ends."""
    found: list[float] = []
    over = threading.Event()

    def work() -> None:
        while not over.wait(PAUSE):
            found.append(read(client, arn))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def cpu(node: Node, target: Server) -> dict[str, float]:
    """Seconds so far, by process; PostgreSQL's with those of the connections that have ended."""
    found: dict[str, float] = {}
    for kind, numbers in node.processes().items():
        for number in numbers if isinstance(numbers, list) else [numbers]:
            found[kind] = found.get(kind, 0.0) + seconds(number)
    assert target.process is not None
    found["postgresql"] = seconds(target.process.pid, children=True)
    return found


def seconds(process: int, *, children: bool = False) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if children else 13])) / TICKS


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
