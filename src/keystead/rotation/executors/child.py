"""The process in which a function written for AWS Lambda runs: `python -P -m keystead.rotation.executors.child`, one step each.

    in    one JSON document on standard input: Task
    out   exit status 0 when the handler returned; else 1, and on descriptor 3 the exception's type, or the signal

The environment is the function's own already. What the function prints is its parent's to redact.
"""

import ctypes
import importlib
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Never

import msgspec

from keystead.keyholder.hardening import PR_SET_PDEATHSIG, prctl
from keystead.rotation.executors import confinement

RESULT: Final = 3
PR_SET_CHILD_SUBREAPER: Final = 36
TERMINATED: Final = 1


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
    """The minder: it starts the function, and when that ends, or is to end, ends everything that came of it.

    What a function starts belongs to it however it hides: orphans become the minder's children (prctl(2), PR_SET_CHILD_SUBREAPER).
    """
    began = time.monotonic()
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    if sys.platform.startswith("linux"):
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        if os.getppid() == 1:  # whoever started this is gone already
            sys.exit(1)
    signal.signal(signal.SIGTERM, lambda *_: end(TERMINATED))
    function = os.fork()
    if function == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        perform(task, began)
    _, status = os.waitpid(function, 0)
    end(os.waitstatus_to_exitcode(status))


def end(status: int) -> Never:
    while children():
        for child in children():
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(-1, 0)
    if status < 0:
        os.write(RESULT, f"Signal{-status}".encode())
    os._exit(1 if status < 0 else status)


def children() -> list[int]:
    """Of this process, which has one thread."""
    try:
        return [int(number) for number in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:  # not of this platform
        return []


def perform(task: Task, began: float) -> Never:
    """In the function's own process."""
    try:
        if sys.platform.startswith("linux"):
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        confine(task)
        run(task, began)
    except BaseException as error:  # noqa: BLE001  # whatever it is, its type is told, and the function has failed
        os.write(RESULT, type(error).__name__[:100].encode("ascii", "replace"))
        traceback.print_exc()
        status = 1
    else:
        status = 0
    sys.stdout.flush()
    os._exit(status)


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
