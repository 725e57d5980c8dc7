"""The process in which a function written for AWS Lambda runs: `python -P -m keystead.rotation.executors.child`, one step each.

    in    one JSON document on standard input: Task
    out   exit status 0 when the handler returned; else 1, and the exception's type on descriptor 3

The environment is the function's own already. What the function prints is its parent's to redact.
"""

import ctypes
import importlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from keystead.keyholder.hardening import PR_SET_PDEATHSIG, prctl
from keystead.rotation.executors import confinement

RESULT: Final = 3


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """directory  with the function's code; `scratch` is where it may write
    handler    module.function
    memory     megabytes; `seconds` until it is killed
    confined   refuse to run where the system cannot confine it
    """

    event: dict[str, str]
    directory: str
    scratch: str
    handler: str
    name: str
    arn: str
    request_id: str
    memory: int
    seconds: float
    confined: bool = True

    def __repr__(self) -> str:
        return f"Task(name={self.name!r})"


class Context:
    """As Lambda hands it to a handler (Lambda developer guide, Python context object)."""

    def __init__(self, task: Task, began: float) -> None:
        self.aws_request_id = task.request_id
        self.function_name = task.name
        self.function_version = "$LATEST"
        self.invoked_function_arn = task.arn
        self.memory_limit_in_mb = str(task.memory)
        self.log_group_name = f"/aws/lambda/{task.name}"
        self.log_stream_name = task.request_id
        self.identity = None
        self.client_context = None
        self._ends = began + task.seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends - time.monotonic()) * 1000))


def main() -> None:
    began = time.monotonic()
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    if sys.platform.startswith("linux"):
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:  # whoever started this is gone already
            sys.exit(1)
    try:
        confine(task)
        run(task, began)
    except BaseException as error:
        os.write(RESULT, type(error).__name__[:100].encode("ascii", "replace"))
        if not isinstance(error, Exception):
            sys.exit(1)
        raise


def confine(task: Task) -> None:
    """Raises Unconfined."""
    ctypes.CDLL(None)  # found now: afterwards there may be nothing to look for it with
    try:
        confinement.confine(Path(task.directory), Path(task.scratch))
    except confinement.Unconfined:
        if task.confined:
            raise
    confinement.limit(task.memory << 20, int(task.seconds) + 1)


def run(task: Task, began: float) -> None:
    os.chdir(task.directory)
    sys.path.insert(0, task.directory)
    module, _, function = task.handler.rpartition(".")
    handler: Any = getattr(importlib.import_module(module.replace("/", ".")), function)
    handler(task.event, Context(task, began))


if __name__ == "__main__":
    main()
