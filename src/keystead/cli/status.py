"""`keystead status`: what this installation is, and how the node that serves it is."""

import json
import urllib.error
import urllib.request
from typing import Annotated, Any, Final

import typer

from keystead import __version__
from keystead.cli.output import DataOption, Output, OutputOption, fail, print_facts, print_json
from keystead.config import Installation, Settings

SECONDS: Final = 5.0


def status(
    data: DataOption,
    endpoint_url: Annotated[
        str | None, typer.Option(help="Where the node serves. [default: http://127.0.0.1:8333]")
    ] = None,
    output: OutputOption = Output.text,
) -> None:
    """Exit status 0 when the node serves, 1 when a part of it is ill, 2 when it cannot be reached."""
    settings = Settings.read({"data": data})
    try:
        installation = Installation.load(settings.folder)
    except FileNotFoundError:
        fail(f"There is no installation in {data}.", 2)
    url = endpoint_url or f"{settings.scheme}://{settings.host}:{settings.port}"
    code, health = ask(f"{url}/health")
    facts: dict[str, object] = {
        "version": __version__,
        "installation": installation.id,
        "region": installation.region,
        "account_id": installation.account,
        "endpoint_url": url,
        **health,
    }
    (print_json if output is Output.json else print_facts)(facts)
    raise typer.Exit({200: 0, 503: 1}.get(code, 2))


def ask(url: str) -> tuple[int, dict[str, Any]]:
    """The health page and its HTTP status; 0 when nobody answers."""
    if not url.startswith(("http://", "https://")):
        fail("An endpoint URL begins with http:// or https://.", 2)
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as page:  # noqa: S310  # the scheme is checked above
            return page.status, json.load(page)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except (OSError, ValueError) as error:
        return 0, {"status": "unreachable", "reason": str(getattr(error, "reason", error))}
