"""The command line: one file per family of verbs."""

import typer

from keystead.cli import account, backup, demo, init, join, operations, root, serve, status, trail

application = typer.Typer(
    name="keystead",
    help="A key management service, secrets manager and audit trail that speaks AWS.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals may hold a secret
)
application.command("init")(init.init)
application.command("join")(join.join)
application.command("backup")(backup.backup)
application.command("restore")(backup.restore)
application.command("serve")(serve.serve)
application.command("status")(status.status)
application.command("demo")(demo.demo)
application.command("operations")(operations.operations)
application.add_typer(account.application, name="account")
application.add_typer(root.application, name="root")
application.add_typer(trail.application, name="trail")


def main() -> None:
    """The entry point of `keystead`."""
    application()
