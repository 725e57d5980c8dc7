"""`keystead witness`: a server that cosigns other installations' checkpoints. Run it where their operators cannot write."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from keystead.cli.output import DataOption, Output, OutputOption, fail, out, print_json
from keystead.trail.signed_note import KeyInvalid, Verifier
from keystead.witness import book, serving
from keystead.witness.book import Book, BookInvalid

application = typer.Typer(help="A witness of audit trails.", no_args_is_help=True)


@application.callback()
def witness() -> None:
    """A witness of audit trails."""


@application.command("init")
def init(
    data: DataOption,
    name: Annotated[str, typer.Option(help="A URL without its scheme: witness.example/w1.")],
    output: OutputOption = Output.text,
) -> None:
    """Make a witness with keys of its own, and print its verifier keys, for policies."""
    try:
        keys = book.create(Path(data), name)
    except FileExistsError:
        fail(f"{data} is not empty; nothing was changed.")
    except KeyInvalid:
        fail("A name has neither spaces nor plus signs.")
    show(keys, output)


@application.command("add-log")
def add_log(
    data: DataOption,
    key: Annotated[list[str], typer.Argument(help="The log's verifier keys, as in its DATA/trail/checkpoint.vkeys.")],
) -> None:
    """Know a log from now on, also while the witness serves. Of a log that is known, replace the keys."""
    try:
        log = opened(data).add([Verifier.read(text) for text in key])
    except KeyInvalid:
        fail("A verifier key has the form NAME+ID+KEY.")
    except ValueError as error:
        fail(f"{error}.".capitalize())
    out.print(f"{log.origin}", markup=False, highlight=False, soft_wrap=True)


@application.command("keys")
def keys(data: DataOption, output: OutputOption = Output.text) -> None:
    """Print the witness's verifier keys."""
    opened(data)
    lines = (Path(data) / "witness.vkeys").read_text().splitlines()
    show(tuple(Verifier.read(line) for line in lines), output)


@application.command("serve")
def serve(
    data: DataOption,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.")] = 8433,
    tls_cert: Annotated[str, typer.Option(help="TLS certificate chain, PEM.")] = "",
    tls_key: Annotated[str, typer.Option(help="TLS private key, PEM.")] = "",
) -> None:
    """Cosign until SIGTERM. Prints one line when ready."""
    if bool(tls_cert) != bool(tls_key):
        fail("--tls-cert and --tls-key go together.")
    try:
        serving.serve(Path(data), host, port, announce, tls=(tls_cert, tls_key))
    except FileNotFoundError:
        fail(f"There is no witness in {data}. Make one with: keystead witness init --data {data}")
    except BookInvalid as error:
        fail(f"{error.text}. Nothing is cosigned until that is understood.")
    except OSError as error:
        fail(f"Cannot listen on {host}:{port}: {error.strerror}.")


def announce(url: str) -> None:
    sys.stdout.write(f"The witness is ready at {url}\n")
    sys.stdout.flush()


def opened(data: str) -> Book:
    try:
        return Book(Path(data))
    except FileNotFoundError:
        fail(f"There is no witness in {data}. Make one with: keystead witness init --data {data}")
    except BookInvalid as error:
        fail(f"{error.text}.")


def show(keys: tuple[Verifier, ...], output: Output) -> None:
    if output is Output.json:
        print_json({"name": keys[0].name, "keys": [str(key) for key in keys]})
        return
    for key in keys:
        out.print(str(key), markup=False, highlight=False, soft_wrap=True)
