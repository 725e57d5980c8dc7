"""`keystead serve`: run a node."""

import sys
from typing import Annotated

import msgspec
import structlog
import typer

from keystead import node
from keystead.cli.output import DataOption, fail
from keystead.config import Settings
from keystead.processes import StartFailed


def serve(
    data: DataOption,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 takes a free one. [default: 8333]")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=256, help="Worker processes. [default: 1]")] = None,
    database: Annotated[str | None, typer.Option(help="Database URL. [default: SQLite in the data folder]")] = None,
    tls_cert: Annotated[str | None, typer.Option(help="TLS certificate chain, PEM.")] = None,
    tls_key: Annotated[str | None, typer.Option(help="TLS private key, PEM.")] = None,
    allow_plain_http: Annotated[
        bool | None, typer.Option("--allow-plain-http", help="Serve plain HTTP on an address that is not loopback.")
    ] = None,
    passphrase_file: Annotated[
        str | None, typer.Option(help="File that holds the passphrase of a passphrase seal.")
    ] = None,
) -> None:
    """Serve until SIGTERM. Prints one line when ready."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        node.serve(Settings.read(locals()), announce)
    except msgspec.ValidationError as error:
        fail(f"A setting in the environment has the wrong form: {error}")
    except StartFailed as failed:
        fail(failed.text)


def announce(url: str) -> None:
    sys.stdout.write(f"Keystead is ready at {url}\n")
    sys.stdout.flush()
