"""Whole folders, file by file: which becomes which, what is done already, and several at a time.

    report.txt  ->  report.txt.encrypted          and back; a sealed file without that ending gets .decrypted

An output appears when it is whole, with mode and modification time of its source. So an output with that time, and the size
that belongs to its source's, is one that an earlier run finished. Links and special files are left out, and reported.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keystead.envelope.envelope import Envelope
from keystead.envelope.errors import EnvelopeFault
from keystead.envelope.files import PARTIAL, Progress
from keystead.envelope.limits import LIMITS
from keystead.envelope.ranges import StoredFile, header_of, layout_of

ENCRYPTED: Final = ".encrypted"
DECRYPTED: Final = ".decrypted"


@dataclass(frozen=True, slots=True)
class Pair:
    """A file and what it becomes."""

    source: Path
    target: Path
    size: int


@dataclass(frozen=True, slots=True)
class Done:
    """How one file went. `reason` is empty where it went well."""

    pair: Pair
    reason: str = ""


class FolderWithinItself(EnvelopeFault):
    """The output lies in the input: outputs would become inputs."""


def encrypted_name(name: str) -> str:
    return name + ENCRYPTED


def decrypted_name(name: str) -> str:
    return name.removesuffix(ENCRYPTED) if name.endswith(ENCRYPTED) and name != ENCRYPTED else name + DECRYPTED


def pairs(source: Path, target: Path, named: Callable[[str], str]) -> tuple[list[Pair], list[Path]]:
    """All files below `source`, and what was left out. Raises FolderWithinItself."""
    if target.resolve().is_relative_to(source.resolve()):
        raise FolderWithinItself("The output folder lies in the input folder.")
    found: list[Pair] = []
    left_out: list[Path] = []
    for path, entry in _files(source):
        if not stat.S_ISREG(entry.st_mode):
            left_out.append(path)
        elif not path.name.endswith(PARTIAL):
            found.append(Pair(path, target / path.relative_to(source).with_name(named(path.name)), entry.st_size))
    return found, left_out


def _files(source: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for folder, names, files in os.walk(source):
        names.sort()
        for name in sorted(files) + [one for one in names if (Path(folder) / one).is_symlink()]:
            path = Path(folder) / name
            yield path, path.lstat()


def make_folders(source: Path, found: Sequence[Pair], target: Path) -> None:
    """The folders of the outputs, with the modes of those of the inputs."""
    target.mkdir(parents=True, exist_ok=True)
    for relative in sorted({pair.target.parent.relative_to(target) for pair in found}):
        folder = target
        for part in relative.parts:
            folder /= part
            with suppress(FileExistsError):
                folder.mkdir()
                folder.chmod((source / folder.relative_to(target)).stat().st_mode & 0o777 | 0o700)


def remove_partial(target: Path) -> None:
    """What an earlier run left unfinished. NOT WHILE ANOTHER RUN WRITES THERE."""
    for path in target.rglob(f".*{PARTIAL}"):
        path.unlink(missing_ok=True)


def finished(pair: Pair, *, sealed: bool) -> bool:
    """Whether the output is there already, by time and size. `sealed` says that the output is the message."""
    try:
        source, target = pair.source.stat(), pair.target.stat()
        if source.st_mtime_ns != target.st_mtime_ns:
            return False
        message, plain = (pair.target, source.st_size) if sealed else (pair.source, target.st_size)
        with StoredFile(message) as stored:
            header = header_of(stored, LIMITS)
            return header.framed and layout_of(stored, header).size == plain
    except (OSError, EnvelopeFault):
        return False


def run(work: Callable[[Pair], None], found: Sequence[Pair], jobs: int) -> Iterator[Done]:
    """Each pair as it ends, so many at a time. What fails is reported and does not stop the others."""
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(work, pair): pair for pair in found}
        for future in as_completed(waiting):
            pair = waiting[future]
            try:
                future.result()
            except (EnvelopeFault, OSError) as error:
                yield Done(pair, said(error))
            else:
                yield Done(pair)


def said(error: EnvelopeFault | OSError) -> str:
    """In one line; of the system's errors only what it says, not where."""
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def sealer(
    envelope: Envelope, context: dict[str, str], required: Sequence[str], progress: Progress
) -> Callable[[Pair], None]:
    def work(pair: Pair) -> None:
        envelope.encrypt_file(pair.source, pair.target, context, required=required, progress=progress)

    return work


def opener(envelope: Envelope, context: dict[str, str], progress: Progress) -> Callable[[Pair], None]:
    def work(pair: Pair) -> None:
        envelope.decrypt_file(pair.source, pair.target, context, progress=progress)

    return work
