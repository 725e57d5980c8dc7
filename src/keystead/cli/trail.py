"""`keystead trail`: what can be asked of the log itself."""

import typer

from keystead.cli.trail_evidence import check, evidence
from keystead.cli.trail_publish import publish
from keystead.cli.trail_search import search
from keystead.cli.trail_verify import verify

application = typer.Typer(help="The audit trail.", no_args_is_help=True)
for verb in (verify, search, evidence, check, publish):
    application.command(verb.__name__)(verb)


@application.callback()
def trail() -> None:
    """The audit trail."""
