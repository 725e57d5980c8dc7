"""`keystead policy`: what a policy says that its author may not have meant. Needs no installation."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from keystead.access.lint import Finding, Level, kind_of, lint
from keystead.access.policy import Kind
from keystead.cli.output import Form, FormOption, fail, literal, out, print_json
from keystead.services import vocabulary

application = typer.Typer(help="Policies.", no_args_is_help=True)

LARGE: Final = 1 << 20
"""Characters; no policy that is taken has so many."""
COLOURS: Final = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "dim"}


@application.callback()
def policy() -> None:
    """Policies."""


@application.command("lint")
def lint_(
    file: Annotated[str, typer.Argument(help="A file with one policy, or - for standard input.")],
    kind: Annotated[Kind | None, typer.Option(help="What it is to be put on. [default: what it looks like]")] = None,
    output: FormOption = Form.table,
) -> None:
    """Name conditions that do not protect, and actions, keys and operators that do not exist.

    Exit status 0 when there is nothing but notes, 1 for warnings, 2 for a policy that would be refused.
    """
    text = read(file)
    found = lint(text, kind or kind_of(text), vocabulary.actions())
    if output is Form.json:
        print_json([facts(one) for one in found])
    else:
        show(found)
    levels = {one.level for one in found}
    raise typer.Exit(2 if Level.ERROR in levels else 1 if Level.WARNING in levels else 0)


def read(file: str) -> str:
    try:
        text = sys.stdin.read(LARGE + 1) if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {type(error).__name__}.", 2)
    if len(text) > LARGE:
        fail(f"{file} is too large for a policy.", 2)
    return text


def facts(one: Finding) -> dict[str, object]:
    return {"level": one.level.value, "statement": one.statement, "code": one.code, "text": one.text}


def show(found: Sequence[Finding]) -> None:
    if not found:
        out.print("nothing to say")
        return
    table = Table(box=None)
    for heading in ("level", "statement", "finding"):
        table.add_column(heading, overflow="fold")
    for one in found:
        table.add_row(f"[{COLOURS[one.level]}]{one.level.value}[/]", literal(one.statement), literal(one.text))
    out.print(table)
