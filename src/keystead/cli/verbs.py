"""Every verb of the command line and where it stands; only what is asked for is loaded."""

from collections.abc import Iterable
from importlib import import_module
from typing import Final

import typer

VERBS: Final = {
    #  verb        module and function, or its family's application
    "init":       "init:init",
    "join":       "join:join",
    "serve":      "serve:serve",
    "status":     "status:status",
    "account":    "account:application",
    "access-key": "access_key:application",
    "session":    "session:application",
    "template":   "template:application",
    "policy":     "policy:application",
    "why":        "why:why",
    "who-can":    "who_can:who_can",
    "who-holds":  "who_holds:who_holds",
    "function":   "function:application",
    "blast-radius": "exposure:blast_radius",
    "overdue":    "exposure:overdue",
    "backup":     "backup:backup",
    "restore":    "backup:restore",
    "root":       "root:application",
    "trail":      "trail:application",
    "witness":    "witness:application",
    "encrypt":    "envelope_listed:encrypt",
    "decrypt":    "envelope_listed:decrypt",
    "inspect":    "envelope_listed:inspect",
    "rewrap":     "envelope_listed:rewrap",
    "plan":       "envelope_listed:plan",
    "agent":      "agent:agent",
    "import":     "import_:import_",
    "run":        "run:run",
    "export":     "run:export",
    "xks-proxy":  "xks_proxy:xks_proxy",
    "operations": "operations:operations",
    "demo":       "demo:demo",
}  # fmt: skip  # a table


def application(verbs: Iterable[str] = VERBS) -> typer.Typer:
    made = typer.Typer(
        name="keystead",
        help="A key management service, secrets manager and audit trail that speaks AWS.",
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,  # locals may hold a secret
    )
    made.callback()(several)
    for verb in verbs:
        module, _, name = VERBS[verb].partition(":")
        found = getattr(import_module(f"keystead.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            made.add_typer(found, name=verb)
        else:
            made.command(verb)(found)
    return made


def several() -> None:
    """A key management service, secrets manager and audit trail that speaks AWS."""
