"""What a process loads before it serves is what it needs: the ready line does not wait for other processes' libraries."""

import json
import subprocess
import sys

import pytest

LISTED = "import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
DRIVERS = {"redis", "pymysql", "asyncpg", "alembic"}


@pytest.mark.parametrize(
    ("module", "others"),
    [
        ("keystead.app", {*DRIVERS, "httpx", "typer"}),
        ("keystead.forks", {*DRIVERS, "httpx", "typer", "sqlalchemy", "structlog", "uvicorn", "botocore"}),
        ("keystead.node.serving", {*DRIVERS, "httpx", "sqlalchemy", "structlog", "uvicorn"}),
        ("keystead.keyholder.process", {*DRIVERS, "httpx", "sqlalchemy", "structlog", "uvicorn", "botocore"}),
        (
            "keystead.cli.trail_search",
            {
                *DRIVERS,
                "httpx",
                "cryptography",
                "uvicorn",
                "structlog",
                "botocore",
                "keystead.services",
                "keystead.keys",
            },
        ),
        ("keystead.trail.process", {*DRIVERS, "httpx", "sqlalchemy", "structlog", "uvicorn", "botocore"}),
    ],
)
def test_a_process_loads_no_library_of_another(module, others):
    listed = subprocess.run(
        [sys.executable, "-P", "-c", LISTED.format(module=module)], check=True, capture_output=True, text=True
    )

    loaded = set(json.loads(listed.stdout))

    assert module in loaded
    assert loaded & others == set()


def test_the_fork_server_loads_what_all_need_and_stays_with_one_thread():
    program = "import json, os, sys, keystead.fork_server as it; it.load(); print(json.dumps([sorted(sys.modules), len(os.listdir('/proc/self/task'))]))"
    listed = subprocess.run([sys.executable, "-P", "-c", program], check=True, capture_output=True, text=True)

    loaded, threads = json.loads(listed.stdout)

    assert {"keystead.app", "keystead.database.sqlite"} <= set(loaded)
    assert set(loaded) & {*DRIVERS, "httpx", "typer", "rich"} == set()
    assert threads == 1
