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
        ("keystead.node.serving", {*DRIVERS, "httpx", "sqlalchemy", "structlog", "uvicorn"}),
        ("keystead.keyholder.process", {*DRIVERS, "httpx", "sqlalchemy", "structlog", "uvicorn", "botocore"}),
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
