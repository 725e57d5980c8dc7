"""Asks git whether a file, or a value, has been committed: what was is to be rotated, not only moved.

Values never stand on a command line: the history is streamed, and searched here.
"""

import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SHORTEST: Final = 6
"""Characters; shorter values are in every history by chance."""
SECONDS: Final = 30.0
GIT: Final = shutil.which("git") or "git"


def found(folder: Path, values: Mapping[str, str], seconds: float = SECONDS) -> tuple[set[str], bool]:
    """The names whose values were ever added to a file that git knows; and whether all of the history was read.

    Nothing for a folder that git does not know.
    """
    sought = {value.encode(): name for name, value in values.items() if len(value) >= SHORTEST}
    if not sought or not in_repository(folder):
        return set(), True
    named: set[str] = set()
    until = time.monotonic() + seconds
    with streamed(folder) as git:
        for line in git.stdout or ():
            if line.startswith(b"+"):
                named |= matching(line, sought)
            if time.monotonic() > until:
                git.kill()
                return named, False
    return named, True


def streamed(folder: Path) -> "subprocess.Popen[bytes]":
    """Every line that any commit added or took away."""
    command = [
        GIT,
        "-C",
        str(folder),
        "log",
        "--all",
        "-p",
        "--unified=0",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
    ]
    return subprocess.Popen([*command, "--format="], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def matching(line: bytes, sought: Mapping[bytes, str]) -> set[str]:
    return {name for value, name in sought.items() if value.splitlines()[0] in line}


def tracked(path: Path) -> bool:
    """Whether git has ever known this file."""
    return bool(asked(path.parent, "log", "--all", "--format=%h", "-n", "1", "--", path.name))


def ignored(path: Path) -> bool:
    """Whether git would leave it out of a commit; True where there is no git."""
    return not in_repository(path.parent) or status(path.parent, "check-ignore", "-q", path.name) == 0


def in_repository(folder: Path) -> bool:
    return asked(folder, "rev-parse", "--is-inside-work-tree").strip() == "true"


def asked(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run([GIT, "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def status(folder: Path, *arguments: str) -> int:
    return subprocess.run([GIT, "-C", str(folder), *arguments], capture_output=True, check=False).returncode
