"""How every verb speaks: text for people, JSON for programs, errors on standard error."""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, Never

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

HSM_LOST: Final = "The hardware security module cannot be used now: the lines above say why. Nothing was changed."
UNCUT: Final = 10_000
"""Characters of a line that no terminal shows: a program that reads a table finds each name whole, and each row on one line."""
out = Console(  # `:secret:` is part of an ARN, not an emoji
    emoji=False, width=None if sys.stdout.isatty() or os.environ.get("COLUMNS") else UNCUT
)
errors = Console(stderr=True, emoji=False)


class Output(StrEnum):
    """The formats of --output."""

    text = "text"
    json = "json"


class Form(StrEnum):
    """The formats of --output where an answer is a list of objects."""

    table = "table"
    json = "json"


FormOption = Annotated[Form, typer.Option("--output", help="table for people, json for programs.")]
OutputOption = Annotated[Output, typer.Option("--output", help="text for people, json for programs.")]
DatabaseOption = Annotated[str | None, typer.Option(help="Database URL. [default: SQLite in the data folder]")]
DataOption = Annotated[str, typer.Option("--data", envvar="KEYSTEAD_DATA", help="The folder of the installation.")]


def print_json(document: object) -> None:
    """One JSON document on standard output, unwrapped and uncoloured."""
    typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))


def print_facts(facts: Mapping[str, object]) -> None:
    """`name  value` lines; values are shown as they are, never as markup."""
    width = max(map(len, facts))
    for name, value in facts.items():
        out.print(f"[dim]{name:<{width}}[/dim]  ", end="")
        out.print(str(value), markup=False, highlight=False, soft_wrap=True)


def moment(at: datetime) -> str:
    """As AWS writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def literal(text: str) -> str:
    """What others wrote is shown as it is, never as markup."""
    return escape(text)


def fail(text: str, status: int = 1) -> Never:
    """Say what is wrong and end."""
    errors.print(text, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(status)
