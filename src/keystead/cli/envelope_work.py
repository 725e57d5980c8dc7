"""How the verbs of the envelope work through one file, a pipe or a folder."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from keystead.cli.envelope_output import fail, say

PIPE: Final = "-"
WORTH_A_BAR: Final = 64 * 1024 * 1024

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked, and how one pair of files is done.

    worker  given how to tell of progress
    named   an output's name, from that of its input
    sealed  whether outputs are the messages
    """

    asked: argparse.Namespace
    worker: Callable[[Advance], Callable[[Any], None]]
    named: Callable[[str], str]
    sealed: bool


def one(work: Work) -> None:
    from keystead.envelope.trees import Pair, finished

    source, target = Path(work.asked.input), Path(work.asked.output)
    if source.is_dir():
        fail(f"{source} is a folder; --recursive takes folders.", 2)
    if target.is_dir():
        target /= work.named(source.name)
    pair = Pair(source, target, source.stat().st_size)
    if work.asked.resume and finished(pair, sealed=work.sealed):
        return
    _refuse_existing(target, work.asked)
    with progress([pair], work.asked) as advance:
        work.worker(advance)(pair)


def piped(asked: argparse.Namespace, work: Callable[[Any, Any], object]) -> None:
    from keystead.envelope.files import Target

    with sys.stdin.buffer if asked.input == PIPE else Path(asked.input).open("rb") as source:
        if asked.output == PIPE:
            work(source, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        _refuse_existing(Path(asked.output), asked)
        with Target(Path(asked.output)) as target:
            work(source, target)
            target.commit()


def folder(work: Work) -> None:
    """Every file, as far as they go; exit status 1 where one did not, or was left out."""
    from keystead.envelope import trees

    source, target = Path(work.asked.input), Path(work.asked.output)
    if not source.is_dir():
        fail(f"{source} is not a folder.", 2)
    found, left_out = trees.pairs(source, target, work.named)
    trees.make_folders(source, found, target)
    if work.asked.resume:
        trees.remove_partial(target)
        found = [pair for pair in found if not trees.finished(pair, sealed=work.sealed)]
    elif not work.asked.overwrite:
        there = [pair.target for pair in found if pair.target.exists()]
        if there:
            fail(f"{there[0]} exists, and {len(there) - 1} more; --overwrite replaces them, --resume continues.")
    problems = [f"{path} is a link or a special file; it was left out." for path in left_out]
    with progress(found, work.asked) as advance:
        ended = trees.run(work.worker(advance), found, work.asked.jobs)
        problems += [f"{done.pair.source}: {done.reason}" for done in ended if done.reason]
    for problem in problems:
        say(problem)
    if problems:
        raise SystemExit(1)


def rewrapped(database: str, old: Any, new: Any, jobs: int) -> str:
    import time

    from sqlalchemy import create_engine

    from keystead.envelope.databases import SqlRecordRows
    from keystead.envelope.records import RecordKeys

    engine = create_engine(database)
    began = time.monotonic()
    moved = RecordKeys(SqlRecordRows(engine), old, ttl=1).rewrap(new, jobs=jobs)
    engine.dispose()
    return f"{moved} data keys moved, {moved / (time.monotonic() - began):.0f} a second."


def _refuse_existing(target: Path, asked: argparse.Namespace) -> None:
    if target.exists() and not asked.overwrite and not asked.resume:
        fail(f"{target} exists; --overwrite replaces it.")


@contextmanager
def progress(found: Sequence[Any], asked: argparse.Namespace) -> Iterator[Advance]:
    """A bar on a terminal, where there is enough to do; otherwise nothing, and nothing is loaded for it."""
    total = sum(pair.size for pair in found)
    if asked.quiet or not sys.stderr.isatty() or (total < WORTH_A_BAR and len(found) < 20):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.advance(task, count)
