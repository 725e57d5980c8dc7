"""How the demo is told: acts, what is said in them, and promises that are checked before your eyes."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from keystead.demo import files
from keystead.demo.stage import Credentials, DemoFailed, Stage


class Story:
    """What the acts share: the stage, the key, the two roles, the files."""

    def __init__(self, stage: Stage, source: Path, target: Path, out: Console) -> None:
        self.stage = stage
        self.out = out
        self.files = files.find(source, target)
        self.source = source
        self.key_arn = ""
        self.archivist: Credentials | None = None
        self.visitor: Credentials | None = None
        if not self.files:
            raise DemoFailed(f"There are no files in {source}.")

    def act(self, number: int, title: str) -> None:
        self.out.rule(f"[bold]{number}. {title}", align="left")

    def say(self, text: str) -> None:
        self.out.print(f"   {text}", markup=False, emoji=False, highlight=False, soft_wrap=True)

    def check(self, holds: object, promise: str) -> None:
        if not holds:
            raise DemoFailed(f"Not so: {promise}")
        self.out.print("   [green]✓[/green] ", end="")
        self.out.print(promise, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def with_bar(self, title: str, do: Callable[[files.Sealed], Any]) -> list[Any]:
        columns = (TextColumn("   {task.description}"), BarColumn(), MofNCompleteColumn())
        started = time.perf_counter()
        with Progress(*columns, console=self.out) as progress:
            task = progress.add_task(title, total=len(self.files))
            results = files.each(self.files, do, lambda: progress.advance(task))
        self.say(f"{len(results)} files in {time.perf_counter() - started:.1f} s")
        return results
