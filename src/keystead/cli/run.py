"""`keystead run` and `keystead export`: an environment out of a reference file."""

import os
import sys
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from keystead.cli.aws import client, told
from keystead.cli.output import fail
from keystead.envfile import applying, exporting, references, running
from keystead.envfile.reading import NotReadable
from keystead.envfile.values import NotResolved, Values

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="A reference file, as keystead import leaves it behind.")
]


class OnChange(StrEnum):
    """What a child is told when a secret has a new version."""

    nothing = "nothing"
    restart = "restart"
    SIGHUP = "SIGHUP"
    SIGUSR1 = "SIGUSR1"
    SIGUSR2 = "SIGUSR2"
    SIGTERM = "SIGTERM"


def run(
    file: FileArgument,
    command: Annotated[list[str], typer.Argument(help="The program and its arguments, after --.")],
    on_change: Annotated[OnChange, typer.Option(help="When a secret has a new version.")] = OnChange.nothing,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between looks for new versions.")] = 60.0,
) -> None:
    """Run a program with the names of FILE in its environment. What the environment had before gives way to them.

    Signals reach the program, and its exit status is this command's. 127: there is no such program; 126: it cannot be run.
    """
    values = values_of(file)
    if on_change is OnChange.nothing:
        status = running.become(command, {**os.environ, **environment(values)})
    else:
        started = [environment(values)]
        watched = running.Watched(
            command,
            lambda: {**os.environ, **(started.pop() if started else values.environment())},
            values.changed,
            on_change=str(on_change),
            every=every,
            complain=lambda error: print(f"keystead run: {type(error).__name__}", file=sys.stderr),  # noqa: T201  # its only line
        )
        status = watched.run()
    raise typer.Exit(status)


def export(
    file: FileArgument,
    format: Annotated[exporting.Format, typer.Option(help="The form.")] = exporting.Format.dotenv,  # noqa: A002  # the option's name
    name: Annotated[str, typer.Option(help="Name of the Kubernetes Secret.")] = "app",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write here, readable by its owner alone.")
    ] = None,
) -> None:
    """Show the values of FILE as a .env file, as JSON, or as a Kubernetes Secret."""
    try:
        text = exporting.rendered(format, environment(values_of(file)), name)
    except ValueError as error:
        fail(str(error))
    if output is None:
        sys.stdout.write(text)
        return
    applying.replace(output, text, 0o600)


def values_of(file: Path) -> Values:
    try:
        return Values(cache(client), references.load(file))
    except NotReadable as error:
        fail(str(error))


def environment(values: Values) -> dict[str, str]:
    try:
        with told():
            return values.environment()
    except NotResolved as error:
        fail(str(error))
