"""`keystead trail`: what can be asked of the log itself."""

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

VERBS: Final = {
    "verify": "trail_verify",
    "settle": "trail_settle",
    "search": "trail_search",
    "evidence": "trail_evidence",
    "check": "trail_evidence",
    "publish": "trail_publish",
}


class Verbs(TyperGroup):
    """Each is loaded when it is asked for: a search needs nothing of what verifying needs, and starts in half the time."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # click's signature
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # likewise
        if cmd_name not in VERBS:
            return None
        one = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)  # locals may hold a secret
        one.command(cmd_name)(getattr(import_module(f"keystead.cli.{VERBS[cmd_name]}"), cmd_name))
        return typer.main.get_command(one)


application = typer.Typer(cls=Verbs, help="The audit trail.", no_args_is_help=True)


@application.callback()
def trail() -> None:
    """The audit trail."""
