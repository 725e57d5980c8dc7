"""`keystead session`: temporary credentials, seen and ended by the operator."""

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from keystead.cli.backup import PassphraseOption, told
from keystead.cli.output import DatabaseOption, DataOption, Output, OutputOption, fail, out, print_json
from keystead.config import Settings
from keystead.revocation import Seen, Wanted, look
from keystead.revocation import revoke as end

application = typer.Typer(help="Temporary credentials.", no_args_is_help=True)

KeyOption = Annotated[str | None, typer.Option(help="One session, by its access key: ASIA…")]
PrincipalOption = Annotated[str | None, typer.Option(help="ARN of a user, a role, or one session of them.")]
AccountOption = Annotated[str | None, typer.Option(help="12 digits.")]


@application.callback()
def session() -> None:
    """Temporary credentials."""


@application.command("list")
def listed(
    data: DataOption,
    principal: PrincipalOption = None,
    account_id: AccountOption = None,
    database: DatabaseOption = None,
    output: OutputOption = Output.text,
) -> None:
    """Show the sessions that have not expired, newest first."""
    settings = Settings.read({"data": data, "database": database})
    with told():
        seen = asyncio.run(look(settings, Wanted(None, principal, account_id), time.time()))
    show(seen, output)


@application.command()
def revoke(
    data: DataOption,
    access_key_id: KeyOption = None,
    principal: PrincipalOption = None,
    account_id: AccountOption = None,
    everybody: Annotated[bool, typer.Option("--all", help="Every session there is.")] = False,
    database: DatabaseOption = None,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = Output.text,
) -> None:
    """End sessions now. Nodes may be serving: they know of it within a second.

    The holder may get new ones: take away its access keys or change whom the role trusts, too.
    """
    wanted = Wanted(access_key_id, principal, account_id)
    if (wanted == Wanted()) is not everybody:
        fail("Say whose sessions: --access-key-id, --principal or --account-id; or --all, and none of these.")
    settings = Settings.read({"data": data, "database": database, "passphrase_file": passphrase_file})
    with told():
        ended = asyncio.run(end(settings, wanted, time.time()))
    if not ended and access_key_id is not None:
        fail("There is no such session.")
    show(ended, output)


def show(seen: Sequence[Seen], output: Output) -> None:
    if output is Output.json:
        print_json([facts(one) for one in seen])
        return
    table = Table(box=None)
    for heading in ("access key", "principal", "issued", "expires", "source identity"):
        table.add_column(heading, overflow="fold")
    for one in seen:
        table.add_row(
            one.access_key_id, one.principal, moment(one.issued_at), moment(one.expires_at), one.source_identity or ""
        )
    out.print(table, markup=False, highlight=False)


def facts(one: Seen) -> dict[str, object]:
    return {**one._asdict(), "issued_at": moment(one.issued_at), "expires_at": moment(one.expires_at)}


def moment(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
