"""Functions written for AWS Lambda in Python, unmodified: each step is a process of its own.

1. an environment made from nothing: endpoint, Region, credentials for this step, and the function's own variables
2. a process group of its own, no descriptor inherited but its pipes, not root where that can be
3. in it, before the function is loaded: executors.confinement
4. what it prints is read up to a limit, redacted, and logged; at the deadline the whole group is killed
"""

import asyncio
import contextlib
import os
import pwd
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from keystead.rotation.executors.child import RESULT, Task
from keystead.rotation.executors.redaction import redacted
from keystead.rotation.executors.work import TIMED_OUT, FunctionFailed, Work

log = structlog.get_logger("keystead.rotation")

PRINTED: Final = 64 * 1024
"""Bytes of output that are kept."""
PATIENCE: Final = 3.0
"""Seconds that the minder has to end what the function has started."""
NOBODY: Final = "nobody"
ERROR_NAME: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True)
class DirectoryFunction:
    """variables  of the function's own; they may be secret
    confined   see child.Task
    """

    name: str
    directory: str
    handler: str
    seconds: float = 30.0
    memory: int = 512
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    confined: bool = True

    async def perform(self, work: Work) -> None:
        """Raises FunctionFailed."""
        with tempfile.TemporaryDirectory(prefix="keystead-function-") as scratch:
            user = lesser_user()
            if user:
                shutil.chown(scratch, NOBODY)
            await self._run(work, scratch, user)

    async def _run(self, work: Work, scratch: str, user: Mapping[str, Any]) -> None:
        task = Task(
            event=work.event.document(),
            directory=self.directory,
            scratch=scratch,
            handler=self.handler,
            name=self.name,
            arn=work.arn,
            request_id=work.request_id,
            memory=self.memory,
            seconds=self.seconds,
            confined=self.confined,
        )
        heard, told = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-c", LAUNCH, str(told),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=environment(self, work, scratch),
                pass_fds=(told,),
                start_new_session=True,
                cwd="/",
                **user,
            )  # fmt: skip  # an option and its value stand together
            os.close(told)
            told = -1
            await self._follow(process, msgspec.json.encode(task), heard, work)
        except OSError as error:
            raise FunctionFailed(type(error).__name__) from None
        finally:
            for descriptor in (heard, told):
                if descriptor >= 0:
                    os.close(descriptor)

    async def _follow(self, process: asyncio.subprocess.Process, task: bytes, heard: int, work: Work) -> None:
        printing = asyncio.create_task(conversation(process, task))
        try:
            async with asyncio.timeout(self.seconds):
                status = await process.wait()
        except TimeoutError:
            raise FunctionFailed(TIMED_OUT) from None
        finally:
            await end(process)
            tell(await printing, self.directory, work)
        if status != 0:
            found = ERROR_NAME.fullmatch(first_of(heard))
            raise FunctionFailed(found[0].decode() if found else f"Status{status}")


LAUNCH: Final = f"""
import os, sys
told = int(sys.argv[1])
if told != {RESULT}:
    os.dup2(told, {RESULT}, inheritable=False)
    os.close(told)
from keystead.rotation.executors.child import main
main()
"""
"""The pipe may have any number here; the child knows it by one."""


def environment(function: DirectoryFunction, work: Work, scratch: str) -> dict[str, str]:
    """All that the function finds in its environment (Lambda developer guide, environment variables)."""
    credentials = work.credentials
    made = {
        **function.variables,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_REGION": work.region,
        "AWS_DEFAULT_REGION": work.region,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret,
        "AWS_SESSION_TOKEN": credentials.token,
        "AWS_ENDPOINT_URL": work.endpoint,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": work.endpoint,
        "SECRETS_MANAGER_ENDPOINT": work.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "LAMBDA_TASK_ROOT": function.directory,
        "_HANDLER": function.handler,
    }
    if work.ca:
        made["AWS_CA_BUNDLE"] = work.ca
    return made


def lesser_user() -> Mapping[str, Any]:
    """Of root, somebody who is nobody, if that one can read the interpreter; else as whoever Keystead runs."""
    if os.geteuid() != 0 or not all(open_to_all(folder) for folder in (sys.executable, sys.prefix, sys.base_prefix)):
        return {}
    nobody = pwd.getpwnam(NOBODY)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}


def open_to_all(path: str) -> bool:
    real = Path(path).resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (real, *real.parents))


async def conversation(process: asyncio.subprocess.Process, task: bytes) -> bytes:
    """Hand over the task and read what is printed, to its end; more than the limit is dropped."""
    assert process.stdin is not None  # noqa: S101  # asked for at the start
    assert process.stdout is not None  # noqa: S101  # likewise
    with contextlib.suppress(ConnectionError):
        process.stdin.write(task)
        await process.stdin.drain()
        process.stdin.close()
    printed = b""
    while chunk := await process.stdout.read(PRINTED):
        printed += chunk[: PRINTED - len(printed)]
    return printed


async def end(process: asyncio.subprocess.Process) -> None:
    """With everything it has started: its minder sees to that, and if it does not, the whole group goes."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(PATIENCE):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def first_of(descriptor: int) -> bytes:
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, 100)
    except BlockingIOError:
        return b""


def tell(printed: bytes, directory: str, work: Work) -> None:
    for line in redacted(printed, Path(directory)):
        log.info("function", function=work.arn, step=work.event.step, said=line)
