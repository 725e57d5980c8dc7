"""A house to import into, and the command line pointed at it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keystead.testing import Keystead, running

Keystead_ = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def house() -> Iterator[Keystead]:
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def manager(house: Keystead) -> Any:
    return house.client("secretsmanager")


@pytest.fixture(scope="module")
def ssm(house: Keystead) -> Any:
    return house.client("ssm")


@pytest.fixture
def environment(house: Keystead, tmp_path: Path) -> dict[str, str]:
    """Of a developer's shell: AWS's variables, a home of its own, and nothing of this one but the path."""
    (tmp_path / "home").mkdir()
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), **house.environment}


@pytest.fixture
def keystead_command(environment: dict[str, str], tmp_path: Path) -> Keystead_:
    def run(*arguments: str, check: bool = True, **more: Any) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "keystead", *arguments]
        done = subprocess.run(
            command,
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            **more,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    return run
