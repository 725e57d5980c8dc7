"""`keystead serve`: run a node."""

import sys
from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from keystead.cli.output import DataOption, fail
from keystead.config import Settings
from keystead.node import serving
from keystead.processes import StartFailed


class LogFormat(StrEnum):
    """The formats of --log-format."""

    text = "text"
    json = "json"


def serve(
    context: typer.Context,
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
    hsm_file: Annotated[
        str | None,
        typer.Option(help="Which hardware security modules there are. [default: hsm.toml in the data folder]"),
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve /metrics here; 0 for nowhere. [default: 0]")
    ] = None,
    metrics_host: Annotated[str | None, typer.Option(help="Address for /metrics. [default: 127.0.0.1]")] = None,
    trail_policy: Annotated[
        str | None, typer.Option(help="File that names the witnesses to ask (C2SP tlog-policy). [default: none]")
    ] = None,
    trail_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Publish the log's tree here; 0 for nowhere. [default: 0]")
    ] = None,
    trail_host: Annotated[str | None, typer.Option(help="Address for the tree. [default: 127.0.0.1]")] = None,
    log_format: Annotated[LogFormat | None, typer.Option(help="[default: text on a terminal, json elsewhere]")] = None,
) -> None:
    """Serve until SIGTERM. Prints one line when ready."""
    given = {name: value for name, value in locals().items() if name != "context"}
    try:
        serving.serve(Settings.read(given), announce, context.obj)
    except msgspec.ValidationError as error:
        fail(f"A setting in the environment has the wrong form: {error}")
    except StartFailed as failed:
        fail(failed.text)


def announce(url: str) -> None:
    sys.stdout.write(f"Keystead is ready at {url}\n")
    sys.stdout.flush()
